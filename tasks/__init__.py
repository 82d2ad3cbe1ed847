"""Orchestration: one file a stage. A task reads, calls one pure function, writes, and returns something small."""
