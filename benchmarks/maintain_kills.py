"""Kill `maintain` at random moments beside an hourly writer, and compare tables and files.

    .venv/bin/python -m benchmarks.maintain_kills [--kills 20] [--hours 72]

The writer is `benchmarks.growth`: hourly runs over an invented archive, one after the other, which
compact the days that they close themselves. Beside it `maintain` runs as if all hours were over, so
that it also replaces files of the day that is being written. The tables must equal those of a
backfill at once that nobody killed, all files that a table's metadata names must exist, and once
the files are a day old, another `maintain` must leave none that nothing names.
"""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cyclopts
import polars as pl
from fsspec.implementations.local import LocalFileSystem
from pyiceberg.catalog import load_catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table as IcebergTable

from benchmarks import growth
from benchmarks.kill import different, tables
from benchmarks.measure import finish, measured_by, report
from benchmarks.plain_flows import environment, plain_flows
from flows.maintain import maintain

_ENVIRONMENT = {"AUTHOR_PEPPER": "the same pepper for every home", "SCORER": "lexicon"}
_OLD = timedelta(hours=25)
# The first run of maintain begins after some hours: four files each.
_FIRST_FILES = 24
_DELAY_SECONDS = 0.1
# What upkeep calls to read, write and delete files, and to commit.
_STORAGE: tuple[tuple[type, str], ...] = (
    (PyArrowFileIO, "new_input"),
    (PyArrowFileIO, "new_output"),
    (PyArrowFileIO, "delete"),
    (SqlCatalog, "commit_table"),
    (LocalFileSystem, "rm_file"),
)


class Upkeep:
    """A process of `maintain`, forked from one that has imported everything and done nothing.

    `dies_at` is the number of the call to storage in whose course it is killed; None lets it live.
    """

    def __init__(self, now: datetime, *, dies_at: int | None = None, delay: float = 0) -> None:
        """Begin, in the home of the environment."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["benchmarks.plain_flows", "flows.maintain"])
        self._calls = context.Value("i", 0)
        arguments = (now, self._calls, dies_at, delay)
        self._process = context.Process(target=_maintain, args=arguments)
        self._process.start()

    def has_ended(self) -> bool:
        """Wait, and return whether it came to its end; raises RuntimeError where it failed."""
        self._process.join()
        code = self._process.exitcode
        if code not in {0, -signal.SIGKILL}:
            message = f"maintain ended with {code}"
            raise RuntimeError(message)
        return code == 0

    @property
    def calls(self) -> int:
        """The number of its calls to storage so far."""
        return int(self._calls.value)


def _maintain(now: datetime, calls: Any, dies_at: int | None, delay: float) -> None:
    """Run `maintain` here, and die a moment after a call to storage has begun."""

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            with calls.get_lock():
                calls.value += 1
                number = calls.value
            if number == dies_at:
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
            return call(*args, **options)

        return wrapped

    for owner, name in _STORAGE:
        setattr(owner, name, counted(getattr(owner, name)))
    with plain_flows(now):
        maintain.fn(now=now)


@contextmanager
def _writer(archive: Path, hours: int, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the hours in a process of their own, which is killed at the end."""
    options = ["--hours", str(hours), "--hours-of", str(archive)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.growth", *options], stdout=file, stderr=file
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _kill_often(
    home: Path, now: datetime, writer: "subprocess.Popen[bytes]", *, kills: int, seed: int
) -> Iterator[int]:
    """Kill `maintain` so many times, and yield the number of kills after each of them.

    A moment is in the course of any of the calls to storage that a whole run makes, or of what is
    done in the tenth of a second after. A run that has fewer calls is no kill. Each run begins
    after the writer has landed more, so that there is something to do.
    """
    chance, count, whole, landed = random.Random(seed), 0, 0, 0
    while count < kills:
        least = landed + 1 if whole else _FIRST_FILES
        while writer.poll() is None and (landed := _landed(home)) < least:
            time.sleep(0.2)
        dies_at = chance.randrange(1, whole + 1) if whole else None
        upkeep = Upkeep(now, dies_at=dies_at, delay=chance.uniform(0, _DELAY_SECONDS))
        if upkeep.has_ended():
            whole = max(whole, upkeep.calls)
            continue
        count += 1
        print(f"killed {count}/{kills} at call {dies_at} of about {whole}", file=sys.stderr)
        yield count


def _landed(home: Path) -> int:
    return sum(path.is_file() for path in (home / "landing").rglob("*"))


def _icebergs(home: Path) -> Iterator[IcebergTable]:
    uri = f"sqlite:///{home / 'lake' / 'catalog.db'}"
    catalog = load_catalog("market_opinion", type="sql", uri=uri)
    for namespace in catalog.list_namespaces():
        for name in catalog.list_tables(namespace):
            yield catalog.load_table(name)


def _named(iceberg: IcebergTable) -> set[Path]:
    """Return the files that a table names: metadata, manifests and data of all its snapshots."""
    uris = {iceberg.metadata_location, *(e.metadata_file for e in iceberg.metadata.metadata_log)}
    for snapshot in iceberg.snapshots():
        uris.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(iceberg.io):
            uris.add(manifest.manifest_path)
            uris |= {e.data_file.file_path for e in manifest.fetch_manifest_entry(iceberg.io)}
    return {Path(uri.removeprefix("file://")) for uri in uris}


def _lost_and_orphans(home: Path) -> tuple[set[Path], set[Path]]:
    """Return the files that tables name and that are gone, and those that no table names."""
    named = {path for iceberg in _icebergs(home) for path in _named(iceberg)}
    roots = {Path(iceberg.location().removeprefix("file://")) for iceberg in _icebergs(home)}
    there = {path for root in roots for path in root.rglob("*") if path.is_file()}
    return named - there, there - named


def _age(home: Path) -> None:
    """Make every file of the lake more than a day old."""
    old = (datetime.now(UTC) - _OLD).timestamp()
    for path in (home / "lake").rglob("*"):
        if path.is_file():
            os.utime(path, (old, old))


def _report(home: Path, now: datetime, expected: dict[str, pl.DataFrame]) -> None:
    """Report what the kills have left, before and after the next `maintain`."""
    lost, orphans = _lost_and_orphans(home)
    report("maintain_kills.files_lost", len(lost), "files", at_most=0)
    report("maintain_kills.orphans_of_kills", len(orphans), "files", at_least=1)
    names = different(expected, tables(home))
    _age(home)
    Upkeep(now).has_ended()
    lost, orphans = _lost_and_orphans(home)
    report("maintain_kills.files_lost_after_a_sweep", len(lost), "files", at_most=0)
    report("maintain_kills.orphans_of_a_day", len(orphans), "files", at_most=0)
    names += different(expected, tables(home))
    report("maintain_kills.tables_that_differ", len(names), "tables", at_most=0)
    print(*lost, *orphans, *names, file=sys.stderr)


def main(*, kills: int = 20, hours: int = 72, seed: int = 1) -> None:
    """Kill `maintain` beside a writer.

    Args:
        kills: Number of kills.
        hours: Hours that the writer runs through, one by one.
        seed: Seed of the random moments.
    """
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        archive, home, log = growth.make(root / "archive", hours=hours), root / "home", root / "log"
        now, beside = growth.START + timedelta(hours=hours + 25), 0
        with (
            environment({**_ENVIRONMENT, "MARKET_OPINION_HOME": str(home)}),
            _writer(archive, hours, log) as writer,
        ):
            for count in _kill_often(home, now, writer, kills=kills, seed=seed):
                beside = count if writer.poll() is None else beside
            report("maintain_kills.kills_beside_the_writer", beside, "kills", at_least=kills)
            if writer.wait():
                raise RuntimeError(log.read_text()[-4000:])
            calm = {**_ENVIRONMENT, "MARKET_OPINION_HOME": str(root / "calm")}
            options = ("--hours", str(hours), "--at-once", str(archive))
            measured_by("benchmarks.growth", *options, **calm)
            _report(home, now, tables(root / "calm"))
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
