"""Processor seconds of silver's stage, with masks and without: `python -m ... FOLDER FILE.json`."""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from prefect.logging import disable_run_logger

from benchmarks import archive
from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_THREADS
from market_opinion.stages import cleaning, silver
from tasks.bronze import build_bronze
from tasks.fetch import fetch_windows
from tasks.request import check_backfill

_ROUNDS = 3
_NOTHING = r"[^\s\S]"
_LOOKS = ("_NOT_PLAIN", "_SEEN")


def _without_masks(call: Callable[[], object]) -> None:
    """Call without any look for personal data."""
    looks = {name: vars(cleaning)[name] for name in _LOOKS}
    vars(cleaning).update(_NOT_PLAIN=vars(cleaning)["_HAS_MARKUP"], _SEEN=_NOTHING)
    try:
        call()
    finally:
        vars(cleaning).update(looks)


def _bronze(folder: Path) -> pl.DataFrame:
    """Return the archive's rows of bronze."""
    run, reading = check_backfill.fn(
        "smartphones", "archive", str(folder), None, None, None, datetime.now(UTC)
    )
    for span in fetch_windows.fn(run, reading, reading.communities, None).slices:
        build_bronze.fn(run, span)
    return run.adapters.lake().read(BRONZE_ITEMS)


def main(folder: Path, texts: list[str]) -> None:
    """Print the least processor seconds of the stage, with masks and without."""
    archive.make(folder, items=len(texts), hours=24, bodies=texts)
    with disable_run_logger():
        items = _bronze(folder)
    threads = pl.DataFrame(schema=SILVER_THREADS.schema)
    beginners = pl.DataFrame(schema=silver.BEGINNER_SCHEMA)

    def clean() -> None:
        silver.clean_items(items, threads, beginners, markup=("markdown",), pepper="pepper")

    seconds: dict[str, list[float]] = {"masked": [], "bare": []}
    for _ in range(_ROUNDS):
        for name, call in (("masked", clean), ("bare", lambda: _without_masks(clean))):
            began = time.process_time()
            call()
            seconds[name].append(time.process_time() - began)
    print(json.dumps({name: min(measured) for name, measured in seconds.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
