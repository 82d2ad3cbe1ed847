"""Measurements as commands: `.venv/bin/python -m benchmarks.NAME`.

Each measure is one line; the exit status is 1 if a measure misses its target.
"""
