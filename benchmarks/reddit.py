"""Live Reddit in accelerated time: seconds and requests a day, and items lost or read twice.

    .venv/bin/python -m benchmarks.reddit [--archive FOLDER] [--start ISO] [--days 2] [--kills 20]

A server on loopback replays a history, from an archive or invented. `collect`, `hourly` and
`refresh` follow it through the real PRAW, hour by hour; bronze must equal that of source `archive`
on the same items. Then the same steps run in processes that are killed at random moments. Last,
the requests of one hour of 20 busy communities are counted. Prefect is left out.
"""

import functools
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cyclopts
import polars as pl
from prefect import Task
from prefect.logging import disable_run_logger

from benchmarks.measure import finish, report
from flows.stages import carry, recheck
from market_opinion.core.contracts import BRONZE_ITEMS
from market_opinion.core.window import HOUR, floor_hour
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.progress import Tally
from market_opinion.sources.archive import Archive
from market_opinion.storage.state import WindowState
from tasks.collect import poll_communities
from tasks.fetch import fetch_windows
from tasks.record import find_due_windows, find_stale_windows
from tasks.request import Request, check_backfill, check_hourly, check_live
from tests.reddit_server import FakeReddit, Post, RedditServer, random_id

_DOMAIN = "smartphones"
_LAG = timedelta(minutes=16)
_COMPARED = [
    "kind",
    "item_id",
    "thread_id",
    "parent_id",
    "created_at",
    "window_start",
    "author",
    "title",
    "body",
    "votes",
]


def _posts(archive: str, start: datetime, end: datetime) -> Iterator[Post]:
    """Yield the items of an archive's first community, as the server serves them."""

    def visit(item: object) -> None:
        items.append(item)

    items: list = []
    source = Archive(archive)
    stop = source.fetch(("gadgets",), None, now=datetime.now(UTC), sink=visit)
    for item in items:
        if not start <= item.hour < end:
            continue
        line = json.loads(item.line)
        gone = line.get("author") in {None, "[deleted]"}
        text = line.get("selftext") if item.kind == "submission" else line.get("body")
        yield Post(
            item.kind,
            line["id"],
            stop.communities[0],
            float(line["created_utc"]),
            body=text or "",
            author="[deleted]" if gone else line["author"],
            title=line.get("title") or "",
            thread=str(line.get("link_id") or "").removeprefix("t3_"),
            parent=line.get("parent_id") or "",
            score=line.get("score") or 0,
        )


def _invented(
    communities: list[str],
    start: datetime,
    hours: int,
    *,
    comments: int,
    submissions: int,
    seed: int = 1,
) -> Iterator[Post]:
    chance, begin = random.Random(seed), start.timestamp()
    for community in communities:
        threads = [
            Post(
                "submission",
                random_id(chance),
                community,
                begin + 3600 * hours * n / (submissions * hours),
                title=f"Pixel 9, part {n}",
                body="",
            )
            for n in range(submissions * hours)
        ]
        yield from threads
        for n in range(comments * hours):
            at = begin + 3600 * n / comments
            root = chance.choice([thread for thread in threads if thread.created <= at][-40:])
            delay = chance.choice([0, 0, 0, 30, 100])
            yield Post(
                "comment",
                random_id(chance),
                community,
                at,
                body=f"The Pixel 9 camera is great, number {n}.",
                thread=root.id,
                visible=at + delay,
            )


@contextmanager
def _home(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Set the environment of one run, and make tasks plain calls."""
    before = dict(os.environ)
    os.environ.update(
        {**environment, "MARKET_OPINION_HOME": str(folder), "REDDIT_REQUESTS_PER_MINUTE": "1000000"}
    )
    call = Task.__call__
    Task.__call__ = lambda task, *args, **kwargs: task.fn(*args, **kwargs)  # type: ignore[method-assign]
    try:
        with disable_run_logger():
            yield
    finally:
        Task.__call__ = call  # type: ignore[method-assign]
        os.environ.clear()
        os.environ.update(before)


def _poll(communities: list[str], now: datetime) -> None:
    run, reading = _live_request(tuple(communities))
    poll_communities(replace(run, now=now), reading, now)


@functools.cache
def _live_request(communities: tuple[str, ...]) -> Request:
    return check_live(_DOMAIN, list(communities), datetime.now(UTC))


def _close(communities: list[str], now: datetime) -> None:
    run, reading = check_hourly(_DOMAIN, "reddit", None, communities, 48, now)
    with Tally() as tally:
        carry(run, reading, find_stale_windows(run, reading), tally)
        for span in find_due_windows(run, reading):
            landed = fetch_windows(run, reading, span.communities, span.window)
            carry(run, reading, landed.slices, tally)


def _refresh(communities: list[str], now: datetime) -> None:
    with Tally() as tally:
        recheck(check_live(_DOMAIN, communities, now), "refresh", 100, tally)


def _bronze() -> pl.DataFrame:
    rows = open_adapters().lake().read(BRONZE_ITEMS).select(_COMPARED).sort("kind", "item_id")
    return rows.with_columns(pl.col("author").fill_null("[deleted]"))


def _first_hour_is_due(communities: list[str], start: datetime) -> None:
    for community in communities:
        open_adapters().state().save_last_run_timestamp("reddit", community, start)


def _replay(
    reddit: FakeReddit, communities: list[str], start: datetime, hours: int, clock: list[datetime]
) -> tuple[float, Counter[int]]:
    """Follow the history; return the seconds, and the requests of each hour."""
    began, per_hour = time.perf_counter(), Counter[int]()
    for n in range(hours + 1):
        before = len(reddit.requests)
        for minutes in range(0, 60, 2):
            clock[0] = start + HOUR * n + timedelta(minutes=minutes)
            _poll(communities, clock[0])
            if minutes == _LAG.seconds // 60:
                _close(communities, clock[0])
                _refresh(communities, clock[0])
        per_hour[n] = len(reddit.requests) - before
    return time.perf_counter() - began, per_hour


def _measure_replay(
    server: RedditServer,
    clock: list[datetime],
    folder: Path,
    archive: str,
    start: datetime,
    days: int,
) -> None:
    reddit, hours = server.reddit, days * 24
    reddit.posts.clear()
    reddit.add(_posts(archive, start, start + HOUR * hours))
    communities = sorted({post.community for post in reddit.posts.values()})
    with _home(folder / "live", server.environment()):
        _first_hour_is_due(communities, start)
        seconds, per_hour = _replay(reddit, communities, start, hours, clock)
        live = _bronze()
        entries = open_adapters().state().windows("reddit")
    with _home(folder / "archive", {}):
        run, reading = check_backfill(
            _DOMAIN, "archive", archive, communities, start, start + HOUR * hours, datetime.now(UTC)
        )
        with Tally() as tally:
            landed = fetch_windows(run, reading, reading.communities, reading.window)
            carry(run, reading, landed.slices, tally)
        same = live.equals(_bronze())
    report("reddit.replayed_items", live.height, "items")
    report("reddit.items_unlike_the_archive", 0 if same else 1, "tables", at_most=0)
    report(
        "reddit.hours_not_certified",
        sum(e.state is not WindowState.CERTIFIED for e in entries),
        "hours",
        at_most=0,
    )
    report("reddit.seconds_a_replayed_day", seconds / days, "s")
    report("reddit.requests_an_hour", sum(per_hour.values()) / len(per_hour), "requests")
    report("reddit.requests_in_the_busiest_hour", max(per_hour.values()), "requests")


def _measure_kills(
    server: RedditServer, clock: list[datetime], folder: Path, kills: int, seed: int = 1
) -> None:
    """Kill steps at random moments; each third one then runs to its end."""
    reddit, chance = server.reddit, random.Random(seed)
    start, home = datetime(2026, 3, 2, tzinfo=UTC), folder / "rough"
    reddit.posts.clear()
    reddit.add(_invented(["phones"], start, kills // 2 + 2, comments=300, submissions=10))
    environment = {**server.environment(), "MARKET_OPINION_HOME": str(home)}
    with _home(home, server.environment()):
        _first_hour_is_due(["phones"], start)
    ahead, usual_seconds = 0, 12.0
    for number in range(kills):
        clock[0] = start + timedelta(minutes=16 + 30 * number)
        command = [sys.executable, "-m", "benchmarks.reddit", "--step", clock[0].isoformat()]
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(chance.uniform(0.25, 1.0) * usual_seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with _home(home, server.environment()):
            ahead += _is_ahead(clock[0])
        began = time.monotonic()
        if number % 3 == 0:
            subprocess.run(command, env={**os.environ, **environment}, check=True)
            usual_seconds = time.monotonic() - began
        print(f"killed {number + 1}/{kills}", file=sys.stderr)
    clock[0] = floor_hour(clock[0]) + HOUR + _LAG
    with _home(home, server.environment()):
        for _ in range(2):
            _step(clock[0])
        rows, entries = _bronze(), open_adapters().state().windows("reddit")
    closed = {e.window_start for e in entries if e.state is WindowState.CERTIFIED}
    wanted = sorted(
        post.id
        for post in reddit.posts.values()
        if datetime.fromtimestamp(post.created, UTC) < max(closed) + HOUR
    )
    report("reddit.kills", kills, "kills")
    report(
        "reddit.items_lost_or_doubled_by_kills",
        len(set(wanted) ^ set(rows["item_id"])) + rows.height - rows["item_id"].n_unique(),
        "items",
        at_most=0,
    )
    report("reddit.watermarks_ahead_of_the_data", ahead, "times", at_most=0)
    report(
        "reddit.hours_open_after_kills",
        sum(e.state is not WindowState.CERTIFIED for e in entries),
        "hours",
        at_most=0,
    )


def _is_ahead(now: datetime) -> bool:
    """Whether the watermark has passed an hour that is not settled or not in bronze."""
    watermark = open_adapters().state().load_last_run_timestamp("reddit", "phones") or now
    settled = {
        e.window_start for e in open_adapters().state().windows("reddit") if e.state.is_settled
    }
    first = datetime(2026, 3, 2, tzinfo=UTC)
    in_bronze = set(
        open_adapters().lake().read(BRONZE_ITEMS, columns=["window_start"])["window_start"]
    )
    hours = itertools.takewhile(
        lambda hour: hour < watermark, (first + HOUR * n for n in itertools.count())
    )
    return any(hour not in settled or hour not in in_bronze for hour in hours)


def _step(now: datetime) -> None:
    _poll(["phones"], now)
    _close(["phones"], now)


def _measure_requests(server: RedditServer, clock: list[datetime], folder: Path) -> None:
    """Count the requests of 20 communities with 600 comments an hour.

    Polls and closings come as scheduled, second looks at four ages.
    """
    reddit, start = server.reddit, datetime(2026, 3, 2, tzinfo=UTC)
    communities = [f"busy{n:02d}" for n in range(20)]
    reddit.posts.clear()
    reddit.add(_invented(communities, start, 4, comments=600, submissions=30))
    with _home(folder / "busy", server.environment()):
        _first_hour_is_due(communities, start + HOUR)
        spent = {"poll": 0, "close": 0, "refresh": 0}

        def counted(name: str, step: object, now: datetime) -> None:
            before = len(reddit.requests)
            step(communities, now)  # type: ignore[operator]
            spent[name] += len(reddit.requests) - before

        for minutes in range(60, 121, 2):
            clock[0] = start + timedelta(minutes=minutes)
            counted("poll", _poll, clock[0])
        spent["poll"] = 0
        for minutes in range(122, 182, 2):
            clock[0] = start + timedelta(minutes=minutes)
            counted("poll", _poll, clock[0])
            if minutes == 136:
                counted("close", _close, clock[0])
        clock[0] = start + timedelta(hours=3, minutes=5)
        counted("refresh", _refresh, clock[0])
        certified = [
            e.state is WindowState.CERTIFIED for e in open_adapters().state().windows("reddit")
        ]
    for name, count in spent.items():
        report(f"reddit.busy_{name}_requests_an_hour", count, "requests")
    a_minute = (spent["poll"] + spent["close"] + 4 * spent["refresh"]) / 60
    report("reddit.busy_hours_certified", sum(certified), "hours", at_least=20)
    report("reddit.busy_requests_a_minute", a_minute, "requests", at_most=20)


def main(
    *,
    archive: str | None = None,
    start: str = "2024-12-01T00:00",
    days: int = 2,
    kills: int = 20,
    step: datetime | None = None,
) -> None:
    """Measure the live source.

    Args:
        archive: Folder of RC* and RS* files of r/gadgets to replay; default: no replay.
        start: First hour of the replay.
        days: Days to replay.
        kills: Number of processes to kill; 0 skips this part.
        step: Poll and close at this moment, once; used by the benchmark itself.
    """
    if step:
        with _home(Path(os.environ["MARKET_OPINION_HOME"]), {}):
            _step(step)
        return
    clock = [datetime.now(UTC)]
    reddit = FakeReddit(clock=lambda: clock[0].timestamp())  # noqa: PLW0108, the clock moves
    with RedditServer(reddit) as server, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _measure_requests(server, clock, folder)
        if archive:
            _measure_replay(
                server,
                clock,
                folder,
                archive,
                datetime.fromisoformat(start).replace(tzinfo=UTC),
                days,
            )
        if kills:
            _measure_kills(server, clock, folder, kills)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
