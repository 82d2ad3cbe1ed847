"""Stop a flow after each of its writes, run another flow, and look for what is unfinished.

.venv/bin/python -m benchmarks.stops [--flow erase] [--every 1]

A write is a commit to a table of the lake, the deletion of a file of it, a file of the landing
zone, a change of the state, a load of the mart or its compaction. The run after the stop is an
hourly run of another domain over the bundled sample, which knows nothing of the flow that was
stopped. Then no byte of what had to go may be left, no to-do may be open, and the rows must be
those of a run that nobody stopped. Whoever asked asks again only where the flow was stopped before
its to-do or after its end. A second look at a platform comes again in any case, and may bring the
changed lines that were not landed yet; the words that were withdrawn have to be gone before it.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cyclopts
import polars as pl
from pydantic import SecretStr
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO

from benchmarks import withdrawals
from benchmarks.kill import different, tables
from benchmarks.plain_flows import environment, plain_flows
from flows.backfill import backfill
from flows.erase import erase
from flows.hourly import hourly
from flows.purge import purge
from flows.rescore import rescore
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.storage.file_age import IN_FLIGHT
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state.sqlite import SQLiteState
from tasks import rescore as rescoring
from tests.conftest import epoch, everywhere, write_archive

_NAME = "mad_hatter77"
_ITS_WORDS = (b"mad_hatter77", b"timbuktu", b"zanzibar")
_ALL_WORDS = (*_ITS_WORDS, b"vladivostok")
_LATER = datetime(2026, 3, 3, 12, 5, tzinfo=UTC)
_TOPICS = ("erasures", "promotions", "retitled")
# Older than a file that an erasure takes for one of a writer at work, younger than an orphan.
_AGE = timedelta(hours=1)
_WRITERS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (SqlCatalog, ("commit_table", "create_table")),
    (PyArrowFileIO, ("delete",)),
    (Landing, ("write", "remove")),
    (
        SQLiteState,
        ("put_notes", "drop_notes", "put_windows", "put_runs", "save_last_run_timestamp"),
    ),
    (DuckDBMart, ("load", "compact")),
)
# Tables and columns that say when or by which run a row was made, and folders of second looks.
_OF_THE_RUN = {"ops.rejections"}
_COLUMNS_OF_THE_RUN = ("scored_at", "load_key")
_LOOK_FOLDER = r"/refresh-\d{8}T\d{6}-\w+/"


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
    """A flow that is stopped, the words that it removes, and settings of its own.

    `act` and `prepare` are given the platform, without which an archive is read first.
    """

    act: Callable[[Any], object]
    words: tuple[bytes, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[Any], object] = lambda _: None
    platform: Callable[[], AbstractContextManager[Any]] | None = None


CASES = {
    "erase": Case(lambda _: erase.fn(author=SecretStr(_NAME), now=_LATER), _ITS_WORDS),
    "withdraw": Case(
        lambda fake: withdrawals.withdraw(fake, _LATER),
        withdrawals.WORDS,
        prepare=withdrawals.receive,
        platform=lambda: withdrawals.reddit(_LATER),
    ),
    # Two slices, of which the second waits while the first loses its words.
    "purge": Case(
        lambda _: purge.fn(now=_LATER),
        _ALL_WORDS,
        (("RETENTION", "derived_only"), ("SPAN_MAX_ITEMS", "3")),
    ),
    "rescore": Case(lambda _: rescore.fn(scorer="local", score_set="other", now=_LATER)),
    "promote": Case(
        lambda _: rescore.fn(scorer="local", score_set="other", promote=True, now=_LATER),
        prepare=lambda _: rescore.fn(scorer="local", score_set="other", now=_LATER),
    ),
}


@dataclass(frozen=True)
class Trial:
    """A stop point with the write that was the last, and what was wrong after the next run."""

    after: int
    write: str
    wrong: list[str]
    files_with_words: int = 0
    is_asked_again: bool = False


def stop_everywhere(
    case: Case, folder: Path, points: Callable[[int], range | list[int]]
) -> Iterator[Trial]:
    """Yield each stop point with its outcome.

    `points` chooses among the numbers of writes, given how many the flow does.
    """
    home, kept = folder / "home", folder / "kept"
    archive = _archive(folder)
    values = {"MARKET_OPINION_HOME": str(home), "SCORER": "lexicon", **dict(case.settings)}
    with (
        environment(values),
        plain_flows(_LATER, with_report=False),
        _without_artifacts(),
        case.platform() if case.platform else nullcontext() as platform,
    ):
        if case.platform is None:
            backfill.fn(source="archive", archive=str(archive), communities=["phones"])
        case.prepare(platform)
        _go_on(home)
        shutil.copytree(home, kept)
        with stopping(None) as writes:
            case.act(platform)
        _go_on(home)
        expected, usual = _rows(home), list(writes)
        for after in points(len(usual)):
            shutil.rmtree(home)
            shutil.copytree(kept, home)
            outcome = _stop_and_go_on(case, platform, home, after, expected)
            yield Trial(after, usual[after - 1], *outcome)


def _stop_and_go_on(
    case: Case, platform: Any, home: Path, after: int, expected: dict[str, pl.DataFrame]
) -> tuple[list[str], int, bool]:
    """Return what is wrong, how many files hold the words, and whether the flow ran again."""
    with stopping(after):
        try:
            case.act(platform)
        except Stopped:
            pass
        else:
            return ["the flow did fewer writes than before"], 0, False
    is_begun = any(open_adapters().state().notes(topic) for topic in _TOPICS)
    _go_on(home)
    if not is_begun:
        case.act(platform)
        _go_on(home)
    state = open_adapters().state()
    paths = everywhere(home, *case.words) if case.words else []
    wrong = [f"open: {topic}" for topic in _TOPICS if state.notes(topic)]
    wrong += [f"words in {path}" for path in paths]
    is_late = case.platform is not None and is_begun and bool(different(expected, _rows(home)))
    if is_late:
        case.act(platform)
    wrong += [f"rows of {name}" for name in different(expected, _rows(home))]
    return wrong, len(paths), is_late or not is_begun


def _go_on(home: Path) -> None:
    """Run the flow that comes next, once no writer of the stopped run can be at work."""
    then = (datetime.now(UTC) - _AGE).timestamp()
    for path in (home / "lake").rglob("*.parquet"):
        os.utime(path, (then, then))
    then -= IN_FLIGHT.total_seconds()
    for path in (home / "landing").rglob("*.jsonl"):
        os.utime(path, (then, then))
    hourly.fn(domain="hotels", now=_LATER)


def _rows(home: Path) -> dict[str, pl.DataFrame]:
    return {
        name: frame.drop(*_COLUMNS_OF_THE_RUN, strict=False)
        .with_columns(pl.col("^landing_uri$").str.replace(_LOOK_FOLDER, "/refresh/"))
        .pipe(lambda rows: rows.sort(rows.columns))
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
        flow: One of erase, withdraw, purge, rescore and promote; default: all of them.
        every: Stop after every n-th write only.
    """
    wrong_count = 0
    for name in [flow] if flow else list(CASES):
        began, trials = datetime.now(UTC), list[Trial]()
        with tempfile.TemporaryDirectory() as folder:
            for trial in stop_everywhere(
                CASES[name], Path(folder), lambda writes: range(1, writes + 1, every)
            ):
                trials.append(trial)
                outcome = "; ".join(trial.wrong) or "finished"
                print(f"{name} after {trial.after} ({trial.write}): {outcome}", file=sys.stderr)
        seconds = (datetime.now(UTC) - began) / timedelta(seconds=1)
        finished_count = sum(not trial.wrong for trial in trials)
        wrong_count += len(trials) - finished_count
        print(
            f"stops.{name} {len(trials)} stop points, {finished_count} finished,"
            f" {sum(trial.is_asked_again for trial in trials)} of them asked for again,"
            f" {sum(trial.files_with_words for trial in trials)} files with words left,"
            f" in {seconds:.0f} s",
            flush=True,
        )
    print(f"stops.unfinished {wrong_count} stop points 0 {'short' if wrong_count else 'holds'}")
    if wrong_count:
        sys.exit(1)


if __name__ == "__main__":
    cyclopts.run(main)
