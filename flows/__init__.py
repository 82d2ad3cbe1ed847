"""Composition: one file a deployment. Only the command line imports a flow file."""

import gc
import os

# Prefect's client would send usage data from the machine of whoever runs a command, and say so in
# the middle of its output. It looks when it is imported; a setting from outside wins.
os.environ.setdefault("DO_NOT_TRACK", "1")

# Imports leave no garbage, and looking for it after every 700 new objects took a quarter of them.
gc.set_threshold(20_000)
