"""Recheck: what is known of an hour asked for again: votes, edits, and what was deleted since."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import BRONZE_ITEMS
from market_opinion.core.errors import CommunityClosed
from market_opinion.core.settings import load_settings
from market_opinion.core.window import HOUR, Slice, Window, floor_hour
from market_opinion.ops.metrics import Metric
from market_opinion.sources.quota import Priority
from market_opinion.sources.reddit import visits
from market_opinion.sources.second_look import KnownItem, SecondLook, compare
from market_opinion.sources.windowed import land_apart
from market_opinion.stages import quality
from market_opinion.storage.landing.origin import Visit
from market_opinion.storage.landing.redaction import GONE_TEXTS, Erasure
from market_opinion.storage.state import WindowEntry
from tasks import adapters
from tasks.request import Job

Purpose = Literal["refresh", "sweep"]
_CHECKS, _ABSENT = "checks", "absent"
_COLUMNS = [
    "community",
    "kind",
    "item_id",
    "thread_id",
    "author",
    "title",
    "body",
    "votes",
    "reply_count",
]
# A thread of which less was received than this share is expanded, where enough is missing to be worth the requests.
_CAPTURED_MIN, _MISSING_MIN, _EXPANDED_MAX = 0.8, 5, 10
_EXPANDED_FROM = timedelta(hours=6)
# Two looks closer than this count as one: what is missing now may be back in a moment.
_BETWEEN_ABSENCES = timedelta(minutes=30)


@dataclass(frozen=True)
class SecondLookResult:
    """What a second look at an hour found: the slices something was landed for, and what has to go."""

    changed: list[Slice]
    erasure: Erasure
    counts: dict[str, int]


@task
def find_due_checks(job: Job, purpose: Purpose, limit: int) -> list[Slice]:
    """The hours to look at again, communities of one hour together, at most `limit` hours.

    A refresh takes hours that have come of one of the ages since they were looked at last, a sweep those past all of
    these ages that were looked at longest ago.
    """
    settings, checks = load_settings(), adapters.state().notes(_CHECKS)
    oldest = job.now - timedelta(hours=settings.refresh_ages[-1] + 1)
    is_refresh = purpose == "refresh"
    due: dict[datetime, list[str]] = defaultdict(list)
    order: dict[datetime, str] = {}
    for entry in _known_hours(job):
        done = checks.get(_name(job, entry.community, entry.window_start), {})
        reached = [
            age for age in settings.refresh_ages if entry.window_start + HOUR * (age + 1) <= job.now
        ]
        if is_refresh and reached and done.get("age_hours", 0) < reached[-1]:
            due[entry.window_start].append(entry.community)
            order[entry.window_start] = entry.window_start.isoformat()
        elif (
            not is_refresh
            and entry.window_start < oldest
            and _is_stale(done, job.now, settings.sweep_hours)
        ):
            due[entry.window_start].append(entry.community)
            order[entry.window_start] = min(
                done.get("looked_at", ""), order.get(entry.window_start, "9")
            )
    chosen = sorted(due, key=lambda start: (order[start], start))[:limit]
    return [Slice(job.platform, tuple(due[start]), Window.hour(start)) for start in chosen]


def _is_stale(done: dict[str, str], now: datetime, sweep_hours: int) -> bool:
    """Half the promised time, so that one run that fails breaks no promise."""
    return "looked_at" not in done or datetime.fromisoformat(done["looked_at"]) < now - timedelta(
        hours=sweep_hours / 2
    )


@task
def look_again(job: Job, span: Slice, purpose: Purpose) -> SecondLookResult:
    """Look up every item of the hour, land those that changed, and say which have to be erased."""
    source = _source(job, Priority.REFRESH if purpose == "refresh" else Priority.SWEEP)
    rows = adapters.lake().read(BRONZE_ITEMS, span.where, span.window, columns=_COLUMNS)
    alive = rows.filter(~pl.col("body").fill_null("").is_in(GONE_TEXTS))
    touched: dict[Window, set[str]] = defaultdict(set)
    gone, authorless, absent_count, absent_before = (
        set[str](),
        set[str](),
        0,
        adapters.state().notes(_ABSENT),
    )
    for (community,), known in alive.group_by("community", maintain_order=True):
        name, by_item = (
            str(community),
            {
                KnownItem(row["kind"], row["item_id"], row["thread_id"]): row
                for row in known.iter_rows(named=True)
            },
        )
        try:
            sighting = source.look_again(name, span.window, list(by_item))
        except CommunityClosed as error:
            get_run_logger().warning("%s: what is kept of it is left as it is", error)
            continue
        changes = compare(sighting, by_item, source.line_formats)
        gone.update(
            each.item_id
            for each in (
                *sighting.gone,
                *_absent_again(job, by_item, changes.absent, absent_before),
            )
        )
        authorless.update(each.item_id for each in changes.authorless)
        absent_count += len(changes.absent)
        if landed := [*changes.items, *sighting.successors]:
            visit = Visit(job.platform, "refresh", source.retrieved_at, source.format_reference)
            for hour in land_apart(adapters.landing(), visit, name, landed, now=job.now):
                touched[hour].add(name)
    threads = gone & set(rows.filter(kind="submission")["item_id"])
    counts = {
        "looked_up_item_count": alive.height,
        "missing_item_count": absent_count,
        "erased_item_count": len(gone),
    }
    get_run_logger().info("%s %s: %s", purpose, span, counts)
    return SecondLookResult(
        _slices(job, touched),
        Erasure(frozenset(gone), frozenset(threads), frozenset(authorless)),
        counts,
    )


def _source(job: Job, priority: Priority) -> SecondLook:
    if job.source == visits.PLATFORM:
        return visits.RedditSecondLook(adapters.reddit(priority))
    return cast("SecondLook", adapters.open_source(job.source, job.domain, priority=priority))


def _absent_again(
    job: Job, known: Iterable[KnownItem], absent: set[KnownItem], before: Mapping[str, str]
) -> set[KnownItem]:
    """Those of the absent that were absent before; the others are remembered, until they are seen or absent again."""
    state = adapters.state()
    names = {each: f"{job.platform}/{each.kind}/{each.item_id}" for each in known}
    again = {each for each in absent if _was_absent(before.get(names[each]), job.now)}
    state.put_notes(
        _ABSENT, {names[each]: job.now.isoformat() for each in absent if names[each] not in before}
    )
    state.drop_notes(
        _ABSENT,
        [
            name
            for each, name in names.items()
            if name in before and (each not in absent or each in again)
        ],
    )
    return again


def _slices(job: Job, touched: Mapping[Window, set[str]]) -> list[Slice]:
    return [
        Slice(job.platform, tuple(sorted(names)), hour) for hour, names in sorted(touched.items())
    ]


@task
def repair_threads(job: Job, span: Slice) -> tuple[list[Slice], dict[str, int]]:
    """Expand Reddit's threads begun in the hour of which much less was received than it counts; the hours that got something.

    The platform's count holds removed comments too, so it is an upper bound: only what is far below it is worth requests.
    Younger hours are left alone, since the comments of the last hour or two are not closed yet.
    """
    if job.platform != visits.PLATFORM or job.now - span.window.end < _EXPANDED_FROM:
        return [], {}
    columns = ["community", "kind", "item_id", "thread_id", "reply_count"]
    reach = Window(span.window.start, max(span.window.end, floor_hour(job.now) + HOUR))
    rows = adapters.lake().read(BRONZE_ITEMS, span.where, reach, columns=[*columns, "window_start"])
    threads = quality.count_threads(rows, span.window.start)
    deficient = threads.filter(pl.col("captured_count") < pl.col("reply_count") * _CAPTURED_MIN)
    worth = (
        deficient.filter(pl.col("reply_count") - pl.col("captured_count") >= _MISSING_MIN)
        .sort("captured_count")
        .head(_EXPANDED_MAX)
    )
    touched: dict[Window, set[str]] = defaultdict(set)
    reddit = adapters.reddit(Priority.REFRESH) if worth.height else None
    for community, thread_id in worth.select("community", "thread_id").iter_rows():
        if reddit is not None:
            known = set(rows.filter(thread_id=thread_id, kind="comment")["item_id"])
            names = {visits.fullname("comment", item_id) for item_id in known}
            landed = visits.expand(
                reddit, adapters.landing(), community, thread_id, known=names, now=job.now
            )
            for hour in landed.hours:
                touched[hour].add(community)
    counts = {
        "announced_comment_count": int(threads["reply_count"].sum()),
        "captured_comment_count": int(threads["captured_count"].sum()),
    }
    return _slices(job, touched), {**counts, "expanded_thread_count": worth.height}


@task
def record_checks(job: Job, span: Slice) -> None:
    """Remember that the hour was looked at, after everything that was found is done."""
    ages = [
        age
        for age in load_settings().refresh_ages
        if span.window.end + timedelta(hours=age) <= job.now
    ]
    note = {"looked_at": job.now.isoformat(), "age_hours": max(ages, default=0)}
    adapters.state().put_notes(
        _CHECKS, {_name(job, community, span.window.start): note for community in span.communities}
    )


@task
def measure_sweep(job: Job) -> dict[str, int]:
    """How long ago the hour looked at longest ago was looked at, in hours, as a metric too."""
    checks = adapters.state().notes(_CHECKS)
    names = {
        _name(job, entry.community, entry.window_start): entry.window_start
        for entry in _known_hours(job)
    }
    looked = [
        datetime.fromisoformat(checks[name]["looked_at"]) if name in checks else start
        for name, start in names.items()
    ]
    lag_hours = max(((job.now - moment) / HOUR for moment in looked), default=0.0)
    settings = load_settings()
    adapters.metrics().put(
        [
            Metric(
                "SweepLagHours",
                round(lag_hours, 2),
                "Count",
                job.now,
                {"Environment": settings.environment},
            )
        ]
    )
    return {"sweep_lag_hours": round(lag_hours)}


def _known_hours(job: Job) -> Iterable[WindowEntry]:
    entries = adapters.state().windows(job.platform)
    return (
        entry
        for entry in entries
        if entry.community in job.communities and entry.counts.get("bronze_row_count")
    )


def _was_absent(noted: str | None, now: datetime) -> bool:
    return noted is not None and datetime.fromisoformat(noted) <= now - _BETWEEN_ABSENCES


def _name(job: Job, community: str, start: datetime) -> str:
    return f"{job.platform}/{community}/{start:%Y-%m-%dT%H}"
