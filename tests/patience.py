"""Waiting on a busy machine: for a condition, for a server, for the end of a process."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

Found = TypeVar("Found")
PATIENCE_SECONDS = 360
"""No test measures time; a wait beyond this fails."""


def wait_for(condition: Callable[[], Found | None], pause: float = 1.0) -> Found:
    """Return the first true value of the condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(pause)
    return pytest.fail(f"nothing came within {PATIENCE_SECONDS} s")


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process listens on the port; raise RuntimeError if it ends before."""

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
    """Send the signal, and kill the process if it does not end."""
    process.send_signal(by)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)
