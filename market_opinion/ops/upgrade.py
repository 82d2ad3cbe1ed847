"""The format of a home: a home of an earlier version is upgraded, one of a later is refused.

A format is a number that goes up when tables or files of earlier versions lack something that the
program relies on. Missing columns need no new format, since each table adds them by its contract.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

import polars as pl

from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_THREADS
from market_opinion.core.errors import HomeTooNew
from market_opinion.core.window import Window, floor_hour
from market_opinion.ops.run import Run
from market_opinion.stages import silver, threads

FORMAT = 2
"""1 is that of version 0.1; 2 has the table silver.threads, of version 0.2."""

_TOPIC, _NAME = "home", "format"
_log = logging.getLogger(__name__)
# So many days of submissions are held in memory at once.
_DAYS_A_STEP = 30


def bring_up_to_date(run: Run) -> None:
    """Bring the home to the format of this program; killed, it is repeated by the next run.

    Raises HomeTooNew for a home that a later version has written.
    """
    state, found = run.adapters.state(), current_format(run)
    if found > FORMAT:
        message = (
            f"the home was written by a later version of the program (format {found}, and this one"
            f" knows {FORMAT}): install that version, or take another MARKET_OPINION_HOME"
        )
        raise HomeTooNew(message)
    for older in range(found, FORMAT):
        _log.warning("the home is upgraded from format %d to %d", older, older + 1)
        _STEPS[older](run)
    if state.notes(_TOPIC).get(_NAME) != FORMAT:
        state.put_notes(_TOPIC, {_NAME: FORMAT})


def current_format(run: Run) -> int:
    """Return the format of the home; a new home has that of this program."""
    noted = run.adapters.state().notes(_TOPIC).get(_NAME)
    if noted is not None:
        return int(noted)
    return FORMAT if run.adapters.lake().snapshot_id(BRONZE_ITEMS) is None else 1


def _add_threads(run: Run) -> None:
    """Fill silver.threads from bronze, platform by platform."""
    lake = run.adapters.lake()
    columns = ["platform", "window_start"]
    hours = lake.read(BRONZE_ITEMS, {"kind": "submission"}, columns=columns)
    spans = hours.group_by("platform").agg(
        first=pl.col("window_start").min(), last=pl.col("window_start").max()
    )
    for platform, first, last in spans.sort("platform").iter_rows():
        markup = silver.markup_of(platform, run.load_domain())
        for window in _steps(Window(floor_hour(first), floor_hour(last) + timedelta(hours=1))):
            where = {"platform": platform, "kind": "submission"}
            submissions = lake.read(BRONZE_ITEMS, where, window, columns=threads.SUBMISSION_COLUMNS)
            rows = threads.find_threads(submissions, markup=markup)
            lake.overwrite(SILVER_THREADS, rows, {"platform": platform}, window, run=run.commit())


def _steps(whole: Window) -> list[Window]:
    step, start = timedelta(days=_DAYS_A_STEP), whole.start
    steps = []
    while start < whole.end:
        steps.append(Window(start, min(start + step, whole.end)))
        start += step
    return steps


def _remove_mart(run: Run) -> None:
    """Remove an embedded mart, whose tables lack columns; loads make it anew from silver."""
    settings = run.settings.mart
    if settings.engine == "duckdb" and settings.path.exists():
        settings.path.unlink()
        _log.warning("the mart is made anew: run `python -m flows.mart` for each domain")


def _from_1_to_2(run: Run) -> None:
    _add_threads(run)
    _remove_mart(run)


_STEPS: dict[int, Callable[[Run], None]] = {1: _from_1_to_2}
