"""Rows, seconds, memory and rows a second of every stage, compared with the prototype.

    .venv/bin/python -m benchmarks.pipeline [--items 1000000] [--folder FOLDER]

A missing archive is generated. Prefect is left out: it costs a second a run, whatever the rows.
Memory is measured in separate runs over the whole archive and over a quarter of it: a slice bounds
it, and in the mart a date, so it does not grow with the archive.
"""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cyclopts
from prefect.logging import disable_run_logger

from benchmarks import archive
from benchmarks.measure import finish, measured_by, peak_mb, report
from market_opinion.core.window import by_date
from market_opinion.ops.counts import as_dict
from market_opinion.ops.reading import whole_platform
from tasks.bronze import build_bronze
from tasks.fetch import fetch_windows
from tasks.load import load_mart
from tasks.mentions import find_mentions
from tasks.opinions import judge_items
from tasks.record import record_windows
from tasks.request import check_backfill
from tasks.silver import clean_items, find_threads

_STAGES: dict[str, tuple[Callable[..., Any], str]] = {
    "bronze": (build_bronze.fn, "landed_line_count"),
    "threads": (find_threads.fn, "thread_count"),
    "silver": (clean_items.fn, "comment_count"),
    "mentions": (find_mentions.fn, "mention_count"),
    "opinions": (judge_items.fn, "opinion_count"),
    "windows": (
        lambda run, span: record_windows.fn(run, whole_platform(run, span.platform), span),
        "window_count",
    ),
}


def _run_stages(folder: Path) -> dict[str, dict[str, float]]:
    """Return seconds, rows and memory of each stage over the archive, in this process."""
    measures: dict[str, dict[str, float]] = defaultdict(
        lambda: {"seconds": 0.0, "rows": 0.0, "peak_mb": 0.0}
    )

    def timed(name: str, call: Callable[[], Any], count: str | None = None) -> Any:
        began = time.perf_counter()
        result = call()
        measures[name]["seconds"] += time.perf_counter() - began
        measures[name]["rows"] += (
            (result if isinstance(result, dict) else as_dict(result))[count] if count else 0
        )
        measures[name]["peak_mb"] = peak_mb()
        return result

    with disable_run_logger():
        run, reading = check_backfill.fn(
            "smartphones", "archive", str(folder), None, None, None, datetime.now(UTC)
        )
        landed = timed("fetch", lambda: fetch_windows.fn(run, reading, reading.communities, None))
        for parts in by_date(landed.slices):
            for span in parts:
                for name, (stage, count) in _STAGES.items():
                    timed(name, lambda stage=stage, span=span: stage(run, span), count)  # type: ignore[misc]  # defaults bind now
            timed("mart", lambda parts=parts: load_mart.fn(run, parts), "fact_mention_count")  # type: ignore[misc]
    measures["fetch"]["rows"] = measures["bronze"]["rows"]
    return dict(measures)


def _child(*arguments: str) -> dict[str, Any]:
    """Return the measures of a run in its own process and home folder."""
    with tempfile.TemporaryDirectory() as home:
        return measured_by(*arguments, MARKET_OPINION_HOME=home)


def main(
    *, items: int = 1_000_000, folder: Path | None = None, stages_of: Path | None = None
) -> None:
    """Measure all stages.

    Args:
        items: Comments in the archive.
        folder: Folder that keeps the archives; default: a temporary one.
        stages_of: Archive whose measures to print as JSON; used by the benchmark itself.
    """
    if stages_of:
        print(json.dumps(_run_stages(stages_of)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = folder or Path(temporary)
        whole = archive.make(root / "whole", items=items, hours=96)
        quarter = archive.make(root / "quarter", items=items // 4, hours=24)
        floor = _child(
            "benchmarks.prototype",
            str(next(whole.glob("RC_*.jsonl"))),
            str(root / "prototype.parquet"),
        )
        stages = _child("benchmarks.pipeline", "--stages-of", str(whole))
        small = _child("benchmarks.pipeline", "--stages-of", str(quarter))
    print(
        f"prototype.rows {floor['rows']} seconds {floor['seconds']:.2f}"
        f" peak_mb {floor['peak_mb']:.0f}"
    )
    for name, stage in stages.items():
        speed = stage["rows"] / stage["seconds"]
        print(
            f"{name}.rows {stage['rows']:.0f} seconds {stage['seconds']:.2f}"
            f" peak_mb {stage['peak_mb']:.0f} rows_per_second {speed:.0f}"
        )
    landing_to_silver = stages["bronze"]["seconds"] + stages["silver"]["seconds"]
    report(
        "pipeline.landing_to_silver_speed_of_prototype",
        floor["seconds"] / landing_to_silver,
        "ratio",
        at_least=0.5,
    )
    report("pipeline.peak_memory", stages["mart"]["peak_mb"], "MB", at_most=2500)
    report(
        "pipeline.peak_memory_of_whole_to_quarter",
        stages["mart"]["peak_mb"] / small["mart"]["peak_mb"],
        "ratio",
        at_most=1.5,
    )
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
