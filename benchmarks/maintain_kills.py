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
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cyclopts
import polars as pl
from pyiceberg.catalog import load_catalog
from pyiceberg.table import Table as IcebergTable

from benchmarks import growth
from benchmarks.kill import different, tables
from benchmarks.measure import finish, measured_by, report
from benchmarks.plain_flows import environment, plain_flows
from flows.maintain import maintain

_ENVIRONMENT = {"AUTHOR_PEPPER": "the same pepper for every home", "SCORER": "lexicon"}
_OLD = timedelta(hours=25)


class Upkeep:
    """A process of `maintain`, forked from one that has imported everything and done nothing."""

    def __init__(self, now: datetime) -> None:
        """Begin, in the home of the environment."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["benchmarks.plain_flows", "flows.maintain"])
        self._process = context.Process(target=_maintain, args=(now,))
        self._process.start()

    def has_ended(self, *, within: float | None = None) -> bool:
        """Return whether it has come to its end by itself; raises RuntimeError where it failed."""
        self._process.join(within)
        if code := self._process.exitcode:
            message = f"maintain ended with {code}"
            raise RuntimeError(message)
        return code is not None

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.join()


def _maintain(now: datetime) -> None:
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


def _kill_often(now: datetime, *, kills: int, seed: int) -> Iterator[int]:
    """Kill `maintain` so many times, and yield the number of kills after each of them.

    A moment is anywhere in the seconds that the last whole run took; one that ends before is no
    kill, but the next whole run.
    """
    chance, count, whole = random.Random(seed), 0, 0.0
    while count < kills:
        began, upkeep = time.monotonic(), Upkeep(now)
        if upkeep.has_ended(within=chance.uniform(0, whole) if whole else None):
            whole = time.monotonic() - began
            continue
        upkeep.kill()
        count += 1
        seconds = time.monotonic() - began
        print(f"killed {count}/{kills} after {seconds:.2f} of {whole:.2f} s", file=sys.stderr)
        yield count


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
            for count in _kill_often(now, kills=kills, seed=seed):
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
