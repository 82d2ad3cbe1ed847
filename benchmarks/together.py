"""Two processes at once over one home, in seven kinds, ten times each.

    .venv/bin/python -m benchmarks.together [--times 10]

Each process must come to its end, and the tables must equal those of a home in which the two ran
one after the other. What they do besides carrying hours: judge the same ones, erase, keep up the
lake, and read the mart while it is written.
"""

import multiprocessing
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import cyclopts

from benchmarks.growth import COMMUNITIES, START, make, without_places
from benchmarks.kill import different
from benchmarks.measure import finish, report
from benchmarks.plain_flows import environment, plain_flows
from flows import stages
from flows.backfill import backfill
from flows.enrich import enrich
from flows.erase import erase
from flows.hourly import hourly
from flows.maintain import maintain
from market_opinion.core.window import HOUR
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.drawing import draw_report
from market_opinion.ops.progress import Tally
from tasks.fetch import fetch_windows
from tasks.request import check_backfill

_HOURS = 30
_HALF, _LAST = 24, 6  # a day that closes, and the hours after it
_NOW = START + _HOURS * HOUR + timedelta(minutes=20)
_READINGS = 12
Work = Callable[[Path], object]


def _carry(archive: Path, first: int = 0, end: int = _HOURS) -> None:
    backfill.fn(
        source="archive",
        archive=str(archive / "whole"),
        communities=list(COMMUNITIES),
        start=START + first * HOUR,
        end=START + end * HOUR,
    )


def _first_half(archive: Path) -> None:
    _carry(archive, 0, _HALF)


def _second_half(archive: Path) -> None:
    _carry(archive, _HALF, _HOURS)


def _hour_by_hour(archive: Path) -> None:
    """Carry the last hours one by one, as they come to an end."""
    for hour in range(_HOURS - _LAST, _HOURS):
        hourly.fn(
            source="archive",
            archive=str(archive / f"{hour:05}"),
            communities=list(COMMUNITIES),
            now=START + (hour + 1) * HOUR + timedelta(minutes=20),
        )


def _receive(archive: Path) -> None:
    """Carry all hours to bronze, and no further."""
    source = ("smartphones", "archive", str(archive / "whole"), list(COMMUNITIES))
    run, reading = check_backfill(*source, None, None, _NOW)
    fetch = fetch_windows(run, reading, reading.communities, reading.window)
    with Tally() as tally:
        stages.build_all(run, fetch.slices, tally)


def _judge(_archive: Path) -> None:
    enrich.fn("smartphones", "archive", list(COMMUNITIES), START, START + _HOURS * HOUR)


def _erase(_archive: Path) -> None:
    erase.fn(items=[f"c{hour:05}{number:02}" for hour in range(4) for number in range(3)])


def _keep_up(_archive: Path) -> None:
    maintain.fn(now=_NOW + timedelta(days=2))


def _read(_archive: Path) -> None:
    """Ask the mart and draw the report while another process writes."""
    stores = open_adapters()
    for _ in range(_READINGS):
        stores.mart().query("SELECT * FROM mart.share_of_voice")
        draw_report(stores, "smartphones", _NOW)


@dataclass(frozen=True)
class _Kind:
    """What two processes do at once, what was there before, and what one does afterwards."""

    one: Work
    other: Work
    before: tuple[Work, ...] = ()
    after: tuple[Work, ...] = ()


_KINDS = {
    "backfills_of_the_same_hours": _Kind(_carry, _carry),
    "backfills_of_different_hours": _Kind(_first_half, _second_half),
    "enrichments": _Kind(_judge, _judge, before=(_receive,), after=(_carry,)),
    "hourly_and_backfill": _Kind(_hour_by_hour, _first_half),
    "erasure_and_backfill": _Kind(_erase, _second_half, before=(_first_half,)),
    "upkeep_and_backfill": _Kind(_keep_up, _second_half, before=(_first_half,)),
    "readers_and_backfill": _Kind(_read, _second_half, before=(_first_half,)),
}


def _in(home: Path) -> AbstractContextManager[object]:
    """Return the context in which flows run over a home, as plain functions."""
    own = {"MARKET_OPINION_HOME": str(home), "AUTHOR_PEPPER": "the same for every home"}
    context = ExitStack()
    context.enter_context(environment({**own, "SCORER": "lexicon"}))
    context.enter_context(plain_flows(_NOW, with_report=False))
    return context


def _work(home: Path, archive: Path, *works: Work) -> None:
    with _in(home):
        for work in works:
            work(archive)


def _at_once(home: Path, archive: Path, *works: Work) -> bool:
    """Tell whether all works, each in a process of its own, came to their end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["benchmarks.plain_flows", "flows.backfill", "flows.erase", "flows.maintain"]
    )
    processes = [context.Process(target=_work, args=(home, archive, work)) for work in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return not any(process.exitcode for process in processes)


def _trial(kind: _Kind, home: Path, archive: Path, expected: Path, *, number: int) -> list[str]:
    """Run one trial, and return what is wrong afterwards."""
    _work(home, archive, *kind.before)
    pair = (kind.one, kind.other) if number % 2 else (kind.other, kind.one)
    if not _at_once(home, archive, *pair):
        return ["a process failed"]
    _work(home, archive, *kind.after)
    return different(without_places(expected), without_places(home))


def main(*, times: int = 10, only: str | None = None) -> None:
    """Run the trials.

    Args:
        times: Trials of each kind.
        only: One kind.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        archive = make(root / "archive", hours=_HOURS)
        for name in [only] if only else _KINDS:
            kind, expected = _KINDS[name], root / f"{name}-expected"
            _work(expected, archive, *kind.before, kind.one, kind.other, *kind.after)
            wrong = 0
            for number in range(times):
                home = root / f"{name}-{number}"
                found = _trial(kind, home, archive, expected, number=number)
                wrong += bool(found)
                print(f"{name} {number + 1}/{times}", *found, file=sys.stderr, flush=True)
                shutil.rmtree(home)
            report(f"together.{name}", wrong, f"wrong of {times}", at_most=0)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
