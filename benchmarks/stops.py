"""Stop a flow after each of its writes, run another flow, and look for what is unfinished.

.venv/bin/python -m benchmarks.stops [--flow erase] [--every 1]

A write is a commit to a table of the lake, a file of the landing zone, a change of the state, a
load of the mart or its compaction. The run after the stop is an hourly run of the bundled sample,
which knows nothing of the flow that was stopped. Then no byte of what had to go may be left, no
to-do may be open, and the rows must be those of a run that nobody stopped.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cyclopts
import polars as pl
from pydantic import SecretStr
from pyiceberg.catalog.sql import SqlCatalog

from benchmarks.kill import different, tables
from benchmarks.plain_flows import environment, plain_flows
from flows.backfill import backfill
from flows.erase import erase
from flows.hourly import hourly
from flows.purge import purge
from flows.rescore import rescore
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state.sqlite import SQLiteState
from tasks import rescore as rescoring
from tests.conftest import epoch, everywhere, write_archive

_NAME = "mad_hatter77"
_ITS_WORDS = (b"mad_hatter77", b"timbuktu", b"zanzibar")
_ALL_WORDS = (*_ITS_WORDS, b"vladivostok")
_LATER = datetime(2026, 3, 3, 12, 5, tzinfo=UTC)
_TOPICS = ("erasures", "promotions")
_WRITERS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (SqlCatalog, ("commit_table", "create_table")),
    (Landing, ("write", "remove")),
    (SQLiteState, ("put_notes", "drop_notes", "put_windows", "put_runs")),
    (DuckDBMart, ("load", "compact")),
)
# Tables whose rows say when or by which run they were made.
_OF_THE_RUN = {"ops.rejections"}


class Stopped(BaseException):
    """The end of a run that was stopped; no code of ours catches it."""


@contextmanager
def stopping(after: int | None) -> Iterator[list[str]]:
    """Stop after so many writes while the context lasts; yields the names of the writes."""
    writes: list[str] = []
    before = [(kind, name, getattr(kind, name)) for kind, names in _WRITERS for name in names]

    def counted(name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            answer = write(*args, **options)
            writes.append(name)
            if len(writes) == after:
                raise Stopped
            return answer

        return call

    for kind, name, write in before:
        setattr(kind, name, counted(f"{kind.__name__}.{name}", write))
    try:
        yield writes
    finally:
        for kind, name, write in before:
            setattr(kind, name, write)


@dataclass(frozen=True)
class Case:
    """A flow that is stopped, the words that it removes, and settings of its own."""

    act: Callable[[], object]
    words: tuple[bytes, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[], object] = lambda: None


CASES = {
    "erase": Case(lambda: erase.fn(author=SecretStr(_NAME), now=_LATER), _ITS_WORDS),
    "purge": Case(lambda: purge.fn(now=_LATER), _ALL_WORDS, (("RETENTION", "derived_only"),)),
    "rescore": Case(lambda: rescore.fn(scorer="local", score_set="other", now=_LATER)),
    "promote": Case(
        lambda: rescore.fn(scorer="local", score_set="other", promote=True, now=_LATER),
        prepare=lambda: rescore.fn(scorer="local", score_set="other", now=_LATER),
    ),
}


def stop_everywhere(
    case: Case, folder: Path, points: Callable[[int], range | list[int]]
) -> Iterator[tuple[int, str, list[str]]]:
    """Yield each stop point, the write that was the last, and what was wrong afterwards.

    `points` chooses among the numbers of writes, given how many the flow does.
    """
    home, kept = folder / "home", folder / "kept"
    archive = _archive(folder)
    values = {"MARKET_OPINION_HOME": str(home), "SCORER": "lexicon", **dict(case.settings)}
    with environment(values), plain_flows(_LATER, with_report=False), _without_artifacts():
        backfill.fn(source="archive", archive=str(archive), communities=["phones"])
        case.prepare()
        shutil.copytree(home, kept)
        with stopping(None) as writes:
            case.act()
        _go_on(home)
        expected, usual = _rows(home), list(writes)
        for after in points(len(usual)):
            shutil.rmtree(home)
            shutil.copytree(kept, home)
            yield after, usual[after - 1], _stop_and_go_on(case, home, after, expected)


def _stop_and_go_on(
    case: Case, home: Path, after: int, expected: dict[str, pl.DataFrame]
) -> list[str]:
    with stopping(after):
        try:
            case.act()
        except Stopped:
            pass
        else:
            return ["the flow did fewer writes than before"]
    is_begun = any(open_adapters().state().notes(topic) for topic in _TOPICS)
    _go_on(home)
    if not is_begun:
        case.act()  # stopped before its to-do, or after it was ticked off: whoever asked asks again
        _go_on(home)
    state = open_adapters().state()
    wrong = [f"open: {topic}" for topic in _TOPICS if state.notes(topic)]
    wrong += [f"words in {path}" for path in everywhere(home, *case.words)] if case.words else []
    return wrong + [f"rows of {name}" for name in different(expected, _rows(home))]


def _go_on(home: Path) -> None:
    """Run the flow that comes next, once the files of the stopped run are old."""
    for path in (home / "lake").rglob("*.parquet"):
        os.utime(path, (0, 0))
    hourly.fn(now=_LATER)


def _rows(home: Path) -> dict[str, pl.DataFrame]:
    return {
        name: frame.drop("scored_at", "load_key", strict=False).pipe(
            lambda rows: rows.sort(rows.columns)
        )
        for name, frame in tables(home).items()
        if name not in _OF_THE_RUN
    }


def _archive(folder: Path) -> Path:
    """Write a thread that somebody began, with comments of theirs, of others, and a later one."""

    def comment(item_id: str, author: str, body: str, at: str) -> dict[str, Any]:
        return _item(item_id, author, at) | {"body": body, "link_id": "t3_s1", "parent_id": "t3_s1"}

    hour = "2026-03-01T10"
    comments = [
        comment("c1", _NAME, "The Pixel 9 camera is a great timbuktu marvel", f"{hour}:15:00"),
        comment("c2", "quiet_otter", f"As u/{_NAME} says, the Pixel 9 is great", f"{hour}:20:00"),
        comment("c3", "quiet_otter", "The vladivostok battery is awful", "2026-03-01T11:10:00"),
    ]
    title = {"title": "Zanzibar diary of a Pixel 9", "selftext": "", "num_comments": 3}
    return write_archive(
        folder / "archive", comments, [_item("s1", _NAME, "2026-03-01T09:05:00") | title]
    )


def _item(item_id: str, author: str, at: str) -> dict[str, Any]:
    return {
        "id": item_id,
        "subreddit": "phones",
        "author": author,
        "created_utc": epoch(at),
        "permalink": f"/r/phones/comments/s1/_/{item_id}/",
        "score": 5,
    }


@contextmanager
def _without_artifacts() -> Iterator[None]:
    before = rescoring.create_table_artifact
    rescoring.create_table_artifact = lambda **_: None  # type: ignore[assignment]
    try:
        yield
    finally:
        rescoring.create_table_artifact = before


def main(*, flow: str | None = None, every: int = 1) -> None:
    """Stop flows after their writes.

    Args:
        flow: One of erase, purge, rescore and promote; default: all of them.
        every: Stop after every n-th write only.
    """
    wrong_count = 0
    for name in [flow] if flow else list(CASES):
        began, count = datetime.now(UTC), 0
        with tempfile.TemporaryDirectory() as folder:
            for after, write, wrong in stop_everywhere(
                CASES[name], Path(folder), lambda writes: range(1, writes + 1, every)
            ):
                count += 1
                wrong_count += bool(wrong)
                said = "; ".join(wrong) or "finished"
                print(f"{name} after {after} writes ({write}): {said}", file=sys.stderr)
        seconds = (datetime.now(UTC) - began) / timedelta(seconds=1)
        print(f"stops.{name} {count} stop points in {seconds:.0f} s")
    print(f"stops.unfinished {wrong_count} stop points 0 {'short' if wrong_count else 'holds'}")
    if wrong_count:
        sys.exit(1)


if __name__ == "__main__":
    cyclopts.run(main)
