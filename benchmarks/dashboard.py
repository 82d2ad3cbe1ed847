"""Time from the dashboard's command to its first view in a headless browser.

The mart holds the bundled sample or an archive.

.venv/bin/python -m benchmarks.dashboard [--archive FOLDER --communities gadgets]
"""

import os
import tempfile
import time
from pathlib import Path

import cyclopts
from prefect import Task
from prefect.logging import disable_run_logger

from benchmarks.measure import finish, report
from flows.stages import carry
from market_opinion.ops.progress import Tally
from tasks.fetch import fetch_windows
from tasks.request import check_backfill
from tests.browser import browser, dashboard
from tests.conftest import NOW

_STARTS = 3


def _fill(home: Path, archive: str | None, communities: list[str] | None) -> None:
    os.environ["MARKET_OPINION_HOME"] = str(home)
    # Tasks are plain calls, since the start of Prefect is not measured here.
    Task.__call__ = lambda task, *args, **kwargs: task.fn(*args, **kwargs)
    with disable_run_logger(), Tally() as tally:
        run, reading = check_backfill(
            "smartphones", "archive" if archive else "sample", archive, communities, None, None, NOW
        )
        landed = fetch_windows(run, reading, reading.communities, reading.window)
        carry(run, reading, landed.slices, tally)


def main(*, archive: str | None = None, communities: list[str] | None = None) -> None:
    """Measure the time to the server and to the first view.

    Args:
        archive: Folder of RC* and RS* files; default: the bundled sample.
        communities: Communities of the archive to read.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _fill(home, archive, communities)
        to_answer, to_view = [], []
        with browser() as (page, errors):
            for _ in range(_STARTS):
                began = time.perf_counter()
                with dashboard(home) as address:
                    answered = time.perf_counter()
                    page.goto(address)
                    page.get_by_text("The words behind a number").wait_for()
                    to_answer.append(answered - began)
                    to_view.append(time.perf_counter() - answered)
                    page.goto("about:blank")  # no open connection when the server ends
    name = "archive" if archive else "sample"
    report(f"dashboard.{name}_command_to_server", sorted(to_answer)[_STARTS // 2], "s")
    report(f"dashboard.{name}_first_view", sorted(to_view)[_STARTS // 2], "s", at_most=3)
    report(f"dashboard.{name}_console_errors", len(errors), "errors", at_most=0)
    for error in errors:
        print(f"# {error}")
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
