"""Kill a backfill at random moments of its work, run it again each time, and compare the tables with those of an undisturbed run.

.venv/bin/python -m benchmarks.kill [--archive FOLDER] [--start ISO --end ISO] [--kills 20] [--seed 1]
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cyclopts
import polars as pl

from market_opinion.core.contracts import TABLES
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.storage.lake.tables import open_lake

_MART = (
    "dim_product",
    "dim_community",
    "dim_aspect",
    "dim_submission",
    "dim_scorer",
    "fact_brand_mentions",
    "fact_aspect_opinion",
    "fact_window",
)


def tables(home: Path) -> dict[str, pl.DataFrame]:
    """All rows of every table of a home, sorted."""
    lake, mart = open_lake("market_opinion", home / "lake"), DuckDBMart(home / "mart.duckdb")
    frames = {table.name: lake.read(table) for table in TABLES}
    frames |= {f"mart.{name}": mart.query(f"SELECT * FROM mart.{name}") for name in _MART}  # noqa: S608, names are ours
    return {name: frame.sort(frame.columns) for name, frame in frames.items()}


def different(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> list[str]:
    """Names of the tables that hold other rows."""
    return [name for name, frame in left.items() if not frame.equals(right[name])]


def _environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "MARKET_OPINION_HOME": str(home),
        "AUTHOR_PEPPER": "the same pepper for every home",
        "SPAN_MAX_ITEMS": "20000",
    }


def kill_and_compare(command: Sequence[str], folder: Path, *, kills: int, seed: int) -> list[str]:
    """Tables that differ after a run that was killed so many times; the command is a whole backfill.

    Moments are counted in writes, since most of a short run is its start: a kill comes after a random share of them.
    """
    chance = random.Random(seed)
    calm, rough = folder / "calm", folder / "rough"
    usual_writes = _run(command, calm, writes_max=None)
    for number in range(1, kills + 1):
        writes = _run(command, rough, writes_max=chance.randrange(1, usual_writes))
        print(f"killed {number}/{kills} after {writes} of {usual_writes} writes", file=sys.stderr)
    _run(command, rough, writes_max=None)
    return different(tables(calm), tables(rough))


def _run(command: Sequence[str], home: Path, *, writes_max: int | None) -> int:
    """Run the command until it ends, well, or until so many writes were seen; how many were."""
    with (home.parent / f"{home.name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=_environment(home), stdout=log, stderr=log, start_new_session=True
        )
    before, seen = _files(home), set[tuple[str, int, int]]()
    while process.poll() is None:
        seen |= _files(home) - before
        if writes_max is not None and len(seen) >= writes_max:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return len(seen)
        time.sleep(0.005)
    if process.returncode:
        message = (
            f"{' '.join(command)} ended with {process.returncode}: {Path(log.name).read_text()}"
        )
        raise RuntimeError(message)
    return len(seen | _files(home) - before)


def _files(home: Path) -> set[tuple[str, int, int]]:
    """Path, time and size of every file of ours, so that each write is another."""
    found = set()
    for path in home.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            if path.is_file() and home / "prefect" not in path.parents:
                found.add((path.name, status.st_mtime_ns, status.st_size))
    return found


def main(
    *,
    archive: Path | None = None,
    start: str | None = None,
    end: str | None = None,
    kills: int = 20,
    seed: int = 1,
) -> None:
    """Kill and compare.

    Args:
        archive: Archive to back-fill; the bundled sample when left out.
        start: First hour.
        end: Hour after the last.
        kills: How many times to kill.
        seed: Which random moments.
    """
    command = [sys.executable, "-m", "flows.backfill"]
    command += ["--source", "archive", "--archive", str(archive)] if archive else []
    command += ["--start", start, "--end", end] if start and end else []
    with tempfile.TemporaryDirectory() as folder:
        found = kill_and_compare(command, Path(folder), kills=kills, seed=seed)
    print(f"kill.tables_that_differ {len(found)} tables 0 {'short' if found else 'holds'}")
    if found:
        print(*found, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    cyclopts.run(main)
