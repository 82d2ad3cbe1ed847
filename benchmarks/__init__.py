"""Measurements as commands: `.venv/bin/python -m benchmarks.NAME`, a line a measure, exit status 1 where one falls short."""
