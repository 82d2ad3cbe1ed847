"""Kill a backfill at random moments, run it again each time, and compare the tables with those of an undisturbed run.

.venv/bin/python -m benchmarks.kill [--archive FOLDER] [--start ISO --end ISO] [--kills 20] [--seed 1]
"""

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

from market_opinion.contracts import TABLES
from market_opinion.lake import open_lake
from market_opinion.mart.duckdb import DuckDBMart

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
    return {**os.environ, "MARKET_OPINION_HOME": str(home), "AUTHOR_PEPPER": "the same pepper for every home", "SPAN_MAX_ITEMS": "20000"}


def kill_and_compare(command: Sequence[str], folder: Path, *, kills: int, seed: int) -> list[str]:
    """Tables that differ after a run that was killed so many times; the command is a whole backfill."""
    chance = random.Random(seed)
    calm, rough = folder / "calm", folder / "rough"
    began = time.monotonic()
    subprocess.run(command, env=_environment(calm), check=True, capture_output=True)
    usual_seconds = time.monotonic() - began
    for number in range(1, kills + 1):
        process = subprocess.Popen(
            command, env=_environment(rough), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(chance.uniform(0.3, 1.1) * usual_seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        print(f"killed {number}/{kills}", file=sys.stderr)
    subprocess.run(command, env=_environment(rough), check=True, capture_output=True)
    return different(tables(calm), tables(rough))


def main(*, archive: Path | None = None, start: str | None = None, end: str | None = None, kills: int = 20, seed: int = 1) -> None:
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
