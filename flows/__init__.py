"""Composition: one file a deployment. Only the command line imports a flow file."""

import os

# Prefect's client would send usage data from the machine of whoever runs a command, and say so in
# the middle of its output. It looks when it is imported; a setting from outside wins.
os.environ.setdefault("DO_NOT_TRACK", "1")
