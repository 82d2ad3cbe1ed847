"""An archive hour by hour: what an hour costs after many others, beside a backfill at once.

    .venv/bin/python -m benchmarks.growth [--hours 2000] [--without-upkeep]

The archive is invented: 50 items an hour, in threads that are answered for days. Each hour is an
hourly run up to the star schema and its watermark, in one process; Prefect and the report are left
out, since they cost the same whatever came before. The rules judge, since a model would be most of
an hour. Seconds are those of the processor, which a busy machine changes little.
"""

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cyclopts
import polars as pl
from prefect import Task
from prefect.logging import disable_run_logger

from benchmarks.archive import body
from benchmarks.kill import different, tables
from benchmarks.measure import finish, measured_by, report
from flows import stages
from market_opinion.core.window import HOUR
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.counts import UpkeepCounts
from market_opinion.ops.progress import Tally
from market_opinion.ops.upkeep import states
from tasks.fetch import fetch_windows
from tasks.record import find_stale_windows
from tasks.request import check_backfill, check_hourly

START = datetime(2026, 1, 5, tzinfo=UTC)
COMMUNITIES = ("android", "gadgets")
_SUBMISSIONS_AN_HOUR, _COMMENTS_AN_HOUR, _THREADS_ALIVE = 5, 45, 300
_PEPPER = "the same pepper for every home"
# Times are taken over a day of hours, one of which closes a day.
_DAY = 24
_AT = (100, 500, 1000, 2000)


def make(folder: Path, *, hours: int, seed: int = 1) -> Path:
    """Generate the archive: a folder an hour, and one with all; return it."""
    chance, threads = random.Random(seed), list[tuple[str, str]]()
    whole = folder / "whole"
    whole.mkdir(parents=True)
    with (whole / "RS_all.jsonl").open("w") as posts, (whole / "RC_all.jsonl").open("w") as replies:
        for hour in range(hours):
            start = int((START + hour * HOUR).timestamp())
            submissions = [_submission(chance, hour, n, start) for n in range(_SUBMISSIONS_AN_HOUR)]
            threads += [(line["id"], line["subreddit"]) for line in submissions]
            threads = threads[-_THREADS_ALIVE:]
            comments = [
                _comment(chance, chance.choice(threads), hour, n, start)
                for n in range(_COMMENTS_AN_HOUR)
            ]
            own = folder / f"{hour:05}"
            own.mkdir()
            for name, lines, file in (
                ("RS", submissions, posts),
                ("RC", comments, replies),
            ):
                text = "".join(json.dumps(line) + "\n" for line in lines)
                (own / f"{name}_hour.jsonl").write_text(text)
                file.write(text)
    retrieved = (START + hours * HOUR).timestamp()
    for path in folder.rglob("*.jsonl"):  # when a file was written is when its lines were read
        os.utime(path, (retrieved, retrieved))
    return folder


def _submission(chance: random.Random, hour: int, number: int, start: int) -> dict[str, Any]:
    item_id = f"s{hour:05}{number:02}"
    return {
        "id": item_id,
        "subreddit": chance.choice(COMMUNITIES),
        "author": f"user_{chance.randrange(50_000)}",
        "title": body(chance)[:80],
        "selftext": body(chance),
        "num_comments": 9,
        "score": chance.randrange(200),
        "permalink": f"/r/x/comments/{item_id}/",
        "created_utc": start + 60 * number,
    }


def _comment(
    chance: random.Random, thread: tuple[str, str], hour: int, number: int, start: int
) -> dict[str, Any]:
    item_id, (thread_id, community) = f"c{hour:05}{number:02}", thread
    return {
        "id": item_id,
        "subreddit": community,
        "author": f"user_{chance.randrange(50_000)}",
        "body": body(chance),
        "link_id": f"t3_{thread_id}",
        "parent_id": f"t3_{thread_id}",
        "score": chance.randrange(-5, 200),
        "permalink": f"/r/x/comments/{thread_id}/_/{item_id}/",
        "created_utc": start + 600 + 60 * number,
    }


def _run_hours(archive: Path, *, hours: int) -> dict[str, Any]:
    """Run the hours one by one, and return the seconds of each, by task as well."""
    seconds: list[float] = []
    by_task: dict[str, list[float]] = defaultdict(lambda: [0.0] * hours)

    def call(task: Any, *args: Any, **kwargs: Any) -> Any:
        began = time.process_time()
        result = task.fn(*args, **kwargs)
        by_task[task.fn.__name__][len(seconds)] += time.process_time() - began
        return result

    Task.__call__ = call  # type: ignore[assignment, method-assign]  # a plain call, with a clock
    with disable_run_logger():
        for hour in range(hours):
            began, now = time.process_time(), START + (hour + 1) * HOUR + timedelta(minutes=5)
            options = ("smartphones", "archive", str(archive / f"{hour:05}"), list(COMMUNITIES))
            run, reading = check_hourly(*options, None, now)
            with Tally() as tally:
                stages.carry(run, reading, find_stale_windows(run, reading), tally)
                stages.carry_due(run, reading, tally)
            seconds.append(time.process_time() - began)
            if (hour + 1) % 100 == 0:
                print(f"hour {hour + 1}: {seconds[-1]:.2f} s", file=sys.stderr, flush=True)
    return {"seconds": seconds, "by_task": by_task}


def _run_at_once(archive: Path, *, hours: int) -> dict[str, Any]:
    """Backfill the whole archive, and return its seconds."""
    began, now = time.process_time(), START + hours * HOUR + timedelta(minutes=5)
    Task.__call__ = lambda task, *args, **kwargs: task.fn(*args, **kwargs)  # type: ignore[assignment, method-assign]
    with disable_run_logger():
        source = ("smartphones", "archive", str(archive / "whole"), list(COMMUNITIES))
        run, reading = check_backfill(*source, None, None, now)
        fetch = fetch_windows(run, reading, reading.communities, reading.window)
        with Tally() as tally:
            stages.carry(run, reading, fetch.slices, tally)
    return {"seconds": [time.process_time() - began]}


def _child(home: Path, *arguments: str) -> dict[str, Any]:
    """Return what this module measures in a process and home folder of its own."""
    own = {"MARKET_OPINION_HOME": str(home), "AUTHOR_PEPPER": _PEPPER, "SCORER": "lexicon"}
    return measured_by("benchmarks.growth", *arguments, **own)


def _of_day(seconds: Sequence[float], hour: int) -> float:
    """Return the mean seconds of an hour in the day that ends with an hour."""
    return statistics.fmean(seconds[hour - _DAY : hour])


def _report_hours(measured: dict[str, Any], hours: int) -> None:
    seconds = measured["seconds"]
    steps = sorted({*(step for step in _AT if step < hours), hours})
    first = steps[0]
    for step in steps:
        report(f"growth.hour_{step}", _of_day(seconds, step), "seconds")
    report("growth.slowest_hour", max(seconds[first - _DAY :]), "seconds")
    if hours > first:
        ratio = _of_day(seconds, hours) / _of_day(seconds, first)
        report("growth.last_hour_to_first", ratio, "ratio", at_most=1.3)
    for name, each in measured["by_task"].items():
        print(
            f"{name}.seconds_an_hour {_of_day(each, first):.3f} at {first},"
            f" {_of_day(each, hours):.3f} at {hours}"
        )


def _report_files(home: Path, hours: int) -> None:
    os.environ["MARKET_OPINION_HOME"] = str(home)
    now = START + hours * HOUR + timedelta(minutes=5)
    found = [state for _, state in states(open_adapters().lake(), now)]
    days = -(-hours // _DAY)
    most = max(state.file_count for state in found)
    report("growth.live_files_of_a_table", most, "files", at_most=3 * days + 48)
    report("growth.manifests_of_a_table", max(s.manifest_count for s in found), "manifests")
    report("growth.snapshots_of_a_table", max(s.snapshot_count for s in found), "snapshots")


def without_places(home: Path) -> dict[str, pl.DataFrame]:
    """Return the home's tables but for the landed file of a line: a long read parts hours anew."""
    found = tables(home)
    return found | {"bronze.items": found["bronze.items"].drop("landing_uri", "landing_line")}


def _megabytes(home: Path) -> float:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6


def main(
    *,
    hours: int = 2000,
    without_upkeep: bool = False,
    folder: Path | None = None,
    hours_of: Path | None = None,
    at_once: Path | None = None,
) -> None:
    """Measure hours one by one.

    Args:
        hours: Number of hours, from 24; up to 100, there is no earlier hour to compare with.
        without_upkeep: Leave out what a run does for the days that it closes.
        folder: Folder that keeps the archive and the homes; default: a temporary one.
        hours_of: Archive to run hour by hour and print as JSON; used by the benchmark itself.
        at_once: Archive to backfill and print as JSON; used by the benchmark itself.
    """
    if without_upkeep:
        stages.compact_days = lambda *_: UpkeepCounts()  # type: ignore[assignment]
    if hours_of:
        print(json.dumps(_run_hours(hours_of, hours=hours)))
        return
    if at_once:
        print(json.dumps(_run_at_once(at_once, hours=hours)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = folder or Path(temporary)
        archive, homes = make(root / "archive", hours=hours), (root / "hourly", root / "once")
        options = ("--hours", str(hours), *(["--without-upkeep"] if without_upkeep else []))
        measured = _child(homes[0], *options, "--hours-of", str(archive))
        _report_hours(measured, hours)
        once = _child(homes[1], *options, "--at-once", str(archive))
        report("growth.at_once", once["seconds"][0], "seconds")
        _report_files(homes[0], hours)
        sizes = [_megabytes(home) for home in homes]
        report("growth.home", sizes[0], "MB")
        report("growth.home_to_that_at_once", sizes[0] / sizes[1], "ratio", at_most=1.5)
        names = different(*map(without_places, homes))
        print(*names, file=sys.stderr)
        report("growth.tables_that_differ", len(names), "tables", at_most=0)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
