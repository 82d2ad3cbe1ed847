"""The dashboard in a real browser: headless Chromium, for the length of a `with`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import REPOSITORY
from tests.loopback import free_port
from tests.patience import PATIENCE_SECONDS, end, wait_for_port

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: install Debian's package chromium"
)
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def dashboard(
    home: Path, *options: str, environment: dict[str, str] | None = None
) -> Iterator[str]:
    """The dashboard's own command over a home folder; its address, once it answers."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "market_opinion.serving.dashboard",
        "--port",
        str(port),
        *options,
    ]
    settings = {**os.environ, **(environment or {}), "MARKET_OPINION_HOME": str(home)}
    with (home.parent / "dashboard.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=settings, stdout=log, stderr=log)
    try:
        wait_for_port(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


@contextmanager
def browser() -> Iterator[tuple[Page, list[str]]]:
    """A page, and what its console complains of."""
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        page = opened.new_page(viewport={"width": 1280, "height": 1500})
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        expect.set_options(timeout=1000 * PATIENCE_SECONDS)
        errors: list[str] = []
        page.on(
            "console",
            lambda message: errors.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        # A page that is left ends what it still asks for.
        page.on(
            "requestfailed",
            lambda request: (
                errors.append(request.url) if request.failure != "net::ERR_ABORTED" else None
            ),
        )
        yield page, errors
        opened.close()
