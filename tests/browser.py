"""The dashboard in a real browser: headless Chromium, for the length of a `with`."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import REPOSITORY
from tests.loopback import free_port

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install Debian's package chromium")
_PATIENCE_MS = 60_000
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def dashboard(home: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[str]:
    """The dashboard's own command over a home folder; its address, once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "market_opinion.dashboard", "--port", str(port), *options]
    settings = {**os.environ, **(environment or {}), "MARKET_OPINION_HOME": str(home)}
    with (home.parent / "dashboard.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=settings, stdout=log, stderr=log)
    try:
        _wait(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    message = "the dashboard did not start"
    raise RuntimeError(message)


@contextmanager
def browser() -> Iterator[tuple[Page, list[str]]]:
    """A page, and what its console complains of."""
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        page = opened.new_page(viewport={"width": 1280, "height": 1500})
        page.set_default_timeout(_PATIENCE_MS)
        expect.set_options(timeout=_PATIENCE_MS)
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfailed", lambda request: errors.append(request.url))
        yield page, errors
        opened.close()
