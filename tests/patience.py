"""Waiting, on however busy a machine: for what a program says or does, for a server, for an end."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

Found = TypeVar("Found")
PATIENCE_SECONDS = 360
"""No test measures time: what takes longer than this does not come."""


def wait_for(condition: Callable[[], Found | None], pause: float = 1.0) -> Found:
    """What the condition gives, once it gives something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(pause)
    return pytest.fail(f"nothing came within {PATIENCE_SECONDS} s")


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the process listens there, on loopback; a RuntimeError where it ends before."""

    def listens() -> bool:
        if process.poll() is not None:
            message = (
                f"{process.args} ended with {process.returncode} before it listened on port {port}"
            )
            raise RuntimeError(message)
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(listens, pause=0.05)


def end(process: subprocess.Popen[bytes], by: signal.Signals = signal.SIGTERM) -> None:
    """Asked to end, and killed where it does not."""
    process.send_signal(by)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)
