"""An archive hour by hour: what an hour costs after many others, beside a backfill at once.

    .venv/bin/python -m benchmarks.growth [--hours 2000] [--without-upkeep] [--emulator]

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
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
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
from market_opinion.storage.lake.tables import Lake
from tasks.fetch import fetch_windows
from tasks.record import find_stale_windows
from tasks.request import check_backfill, check_hourly
from tests.cloud import ACCOUNT, Cloud, make_buckets, make_runs_table, production_settings, sign_in

START = datetime(2026, 1, 5, tzinfo=UTC)
COMMUNITIES = ("android", "gadgets")
_SUBMISSIONS_AN_HOUR, _COMMENTS_AN_HOUR, _THREADS_ALIVE = 5, 45, 300
_PEPPER = "the same pepper for every home"
# Times are taken over a day of hours, one of which closes a day.
_DAY = 24
_AT = (100, 500, 1000, 2000)
_HOURS, _HOURS_OF_EMULATOR = 2000, 200


@dataclass(frozen=True)
class Place:
    """Where one of the two archives lies: a home folder, or buckets beside it."""

    home: Path
    settings: dict[str, str]
    buckets: Sequence[str] = ()

    def enter(self) -> None:
        """Give this process the settings of the place."""
        os.environ.update(self.settings)
        sign_in()

    def lake(self) -> Lake:
        """Enter the place and return its lake."""
        self.enter()
        return open_adapters().lake()

    def megabytes(self) -> float:
        """Enter the place and return what its home, or its buckets, hold."""
        self.enter()
        if not self.buckets:
            files = (path for path in self.home.rglob("*") if path.is_file())
            return sum(path.stat().st_size for path in files) / 1e6
        s3 = boto3.resource("s3")
        objects = (each for name in self.buckets for each in s3.Bucket(name).objects.all())
        return float(sum(each.size for each in objects)) / 1e6


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
    seconds, ends = list[float](), list[str]()
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
            ends.append(datetime.now().isoformat())  # noqa: DTZ005, the emulator's log has local times
            if (hour + 1) % 100 == 0:
                print(f"hour {hour + 1}: {seconds[-1]:.2f} s", file=sys.stderr, flush=True)
    return {"seconds": seconds, "by_task": by_task, "ends": ends}


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


def _child(place: Place, *arguments: str) -> dict[str, Any]:
    """Return what this module measures in a process of its own, in a place."""
    return measured_by("benchmarks.growth", *arguments, **place.settings)


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


def _report_files(lake: Lake, hours: int) -> None:
    now = START + hours * HOUR + timedelta(minutes=5)
    found = [state for _, state in states(lake, now)]
    days = -(-hours // _DAY)
    most = max(state.file_count for state in found)
    report("growth.live_files_of_a_table", most, "files", at_most=3 * days + 48)
    report("growth.manifests_of_a_table", max(s.manifest_count for s in found), "manifests")
    report("growth.snapshots_of_a_table", max(s.snapshot_count for s in found), "snapshots")


def _report_requests(cloud: Cloud, ends: Sequence[str], hours: int) -> None:
    """Report the requests of an hour, by service, as means of the days that the times are of."""
    times, requests = [datetime.fromisoformat(end) for end in ends], list(cloud.requests())
    for step in sorted({min(_AT[0], hours), hours}):
        begin = times[step - _DAY - 1] if step > _DAY else datetime.min  # noqa: DTZ901, local times
        counts = Counter(name for at, name in requests if begin < at <= times[step - 1])
        for name, count in sorted(counts.items()):
            report(f"growth.requests_at_{step}_{name}", count / _DAY, "requests")


def without_places(home: Path, lake: Lake | None = None) -> dict[str, pl.DataFrame]:
    """Return the home's tables but for the landed file of a line: a long read parts hours anew."""
    found = tables(home, lake)
    return found | {"bronze.items": found["bronze.items"].drop("landing_uri", "landing_line")}


def _place(home: Path, **more: str) -> Place:
    """Return a place in a home folder."""
    own = {"MARKET_OPINION_HOME": str(home), "AUTHOR_PEPPER": _PEPPER, "SCORER": "lexicon"}
    return Place(home, own | more)


def _place_of(cloud: Cloud, account: str, home: Path) -> Place:
    """Make the buckets and the table of an account, and return the place."""
    place = _place(home, **cloud.environment(account))
    place.enter()
    make_runs_table()
    buckets = make_buckets()
    return Place(home, place.settings | production_settings(*buckets), buckets)


def _compare(
    places: Sequence[Place], archive: Path, hours: int, options: Sequence[str]
) -> Sequence[str]:
    """Run the hours in the first place and the backfill in the second, and report both.

    Return when each hour ended.
    """
    measured = _child(places[0], *options, "--hours-of", str(archive))
    _report_hours(measured, hours)
    once = _child(places[1], *options, "--at-once", str(archive))
    report("growth.at_once", once["seconds"][0], "seconds")
    _report_files(places[0].lake(), hours)
    kind, sizes = "buckets" if places[0].buckets else "home", [p.megabytes() for p in places]
    report(f"growth.{kind}", sizes[0], "MB")
    report(f"growth.{kind}_to_that_at_once", sizes[0] / sizes[1], "ratio", at_most=1.5)
    names = different(*(without_places(place.home, place.lake()) for place in places))
    print(*names, file=sys.stderr)
    report("growth.tables_that_differ", len(names), "tables", at_most=0)
    ends: list[str] = measured["ends"]
    return ends


def main(
    *,
    hours: int | None = None,
    without_upkeep: bool = False,
    emulator: bool = False,
    folder: Path | None = None,
    hours_of: Path | None = None,
    at_once: Path | None = None,
) -> None:
    """Measure hours one by one.

    Args:
        hours: Number of hours, from 24; up to 100, there is no earlier hour to compare with;
            default: 2000, or 200 on the emulator.
        without_upkeep: Leave out what a run does for the days that it closes.
        emulator: Keep landing zone, lake and state on an AWS emulator.
        folder: Folder that keeps the archive and the homes; default: a temporary one.
        hours_of: Archive to run hour by hour and print as JSON; used by the benchmark itself.
        at_once: Archive to backfill and print as JSON; used by the benchmark itself.
    """
    hours = hours or (_HOURS_OF_EMULATOR if emulator else _HOURS)
    if without_upkeep:
        stages.compact_days = lambda *_: UpkeepCounts()  # type: ignore[assignment, attr-defined]
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
        if emulator:
            with Cloud(root / "emulator.log", is_talkative=True) as cloud:
                accounts = (ACCOUNT, ACCOUNT[::-1])
                places = [_place_of(cloud, *each) for each in zip(accounts, homes, strict=True)]
                ends = _compare(places, archive, hours, options)
                _report_requests(cloud, ends, hours)
        else:
            _compare([_place(home) for home in homes], archive, hours, options)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
