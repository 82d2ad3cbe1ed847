"""Kill a backfill at random moments, run it again each time, and compare its tables.

.venv/bin/python -m benchmarks.kill [--archive FOLDER] [--start ISO --end ISO] [--kills 20]

The tables must equal those of a run that nobody killed.
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
from market_opinion.storage.lake.tables import Lake, open_lake

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


def tables(home: Path, lake: Lake | None = None) -> dict[str, pl.DataFrame]:
    """Return the sorted rows of every table of a home folder, or of the lake that it works with."""
    lake = lake or open_lake("market_opinion", home / "lake")
    mart = DuckDBMart(home / "market_opinion.duckdb")
    frames = {table.name: lake.read(table) for table in TABLES}
    frames |= {f"mart.{name}": mart.query(f"SELECT * FROM mart.{name}") for name in _MART}  # noqa: S608, our names
    return {name: frame.sort(frame.columns) for name, frame in frames.items()}


def different(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> list[str]:
    """Return the names of the tables whose rows differ."""
    return [name for name, frame in left.items() if not frame.equals(right[name])]


def _environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "MARKET_OPINION_HOME": str(home),
        "AUTHOR_PEPPER": "the same pepper for every home",
        "SPAN_MAX_ITEMS": "20000",
    }


def kill_and_compare(command: Sequence[str], folder: Path, *, kills: int, seed: int) -> list[str]:
    """Kill a backfill `kills` times and return the tables that differ afterwards.

    Each kill comes after a random number of writes rather than seconds, since most of a short run
    is its start.
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
    """Run the command to its end, or kill it after `writes_max` writes; return the writes."""
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
    """Return name, time and size of every file but Prefect's; each write adds one."""
    files = set()
    for path in home.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            if path.is_file() and home / "prefect" not in path.parents:
                files.add((path.name, status.st_mtime_ns, status.st_size))
    return files


def main(
    *,
    archive: Path | None = None,
    start: str | None = None,
    end: str | None = None,
    kills: int = 20,
    seed: int = 1,
) -> None:
    """Kill backfills and compare the tables.

    Args:
        archive: Archive to read; default: the bundled sample.
        start: First hour.
        end: Hour after the last.
        kills: Number of kills.
        seed: Seed of the random moments.
    """
    command = [sys.executable, "-m", "flows.backfill"]
    command += ["--source", "archive", "--archive", str(archive)] if archive else []
    command += ["--start", start, "--end", end] if start and end else []
    with tempfile.TemporaryDirectory() as folder:
        names = kill_and_compare(command, Path(folder), kills=kills, seed=seed)
    print(f"kill.tables_that_differ {len(names)} tables 0 {'short' if names else 'holds'}")
    if names:
        print(*names, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    cyclopts.run(main)
