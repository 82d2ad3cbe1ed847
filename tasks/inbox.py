"""Inbox: files that arrived, each read once, with a record of what became of it."""

import logging
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial

import msgspec
import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import OPS_REJECTIONS
from market_opinion.core.errors import (
    DomainInvalid,
    InvalidRequest,
    SourceUnavailable,
    SourceUnreadable,
)
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice, Window, merged
from market_opinion.domain.definition import domain_names, load_domain
from market_opinion.sources.inbox_files import Arrival, Inbox, InboxRoute, Outcome, Queue, route_of
from tasks import adapters
from tasks.fetch import Reading, find_landed, read_files
from tasks.request import Job, check_backfill

_LOOK_EVERY_SECONDS = 2.0
_FILES_A_LOOK, _FILES_TOLD_MAX = 500, 20
_GAP_MAX, _GAP_MAX_LINES = timedelta(days=1), 5_000
# A file that somebody goes on writing is waited for no longer than so many times it should be still.
_SETTLES_MAX = 6


@dataclass(frozen=True)
class Look:
    """Files to read now, in alphabetical order, how many more wait for the next look, and how many are still being written."""

    ready: list[Arrival]
    waiting_count: int
    unsettled_count: int


@dataclass(frozen=True)
class Received:
    """What became of a file so far, and, where its lines were landed, by which job and where."""

    arrival: Arrival
    outcome: Outcome
    job: Job
    reading: Reading | None = None


def open_inbox() -> Inbox:
    """The inbox of the settings."""
    settings = load_settings()
    return Inbox(
        settings.inbox_root,
        adapters.landing(),
        settle=timedelta(seconds=settings.inbox_settle_seconds),
    )


@task
def find_arrivals(job: Job, unread: list[str]) -> Look:
    """The files that nothing is known of as they are now, as many as one load may bring, but for what this run could not read."""
    if url := load_settings().inbox_queue_url:
        # What they tell of lies in the inbox, and is found there by this run or, if that dies, by the next.
        while Queue(url).wait(0):
            pass
    inbox, path, now = open_inbox(), load_settings().domains_path, datetime.now(UTC)
    load = cache(lambda name: load_domain(name, path))
    new = inbox.arrivals(partial(route_of, domain=job.domain, load=load, known=domain_names(path)))
    settled = [arrival for arrival in new if inbox.is_settled(arrival, now)]
    ready = [arrival for arrival in settled if arrival.path not in unread]
    return Look(ready[:_FILES_A_LOOK], max(len(ready) - _FILES_A_LOOK, 0), len(new) - len(settled))


@task
def receive_file(job: Job, arrival: Arrival) -> Received:
    """Land the file's lines; one that came before, or cannot be read, is told by its outcome, and stops no other.

    A rerun is safe: a file without a record is read again, and hours that are landed are not landed twice.
    """
    inbox = open_inbox()
    try:
        return _receive(job, arrival, inbox)
    except (SourceUnavailable, OSError) as error:
        return Received(
            arrival,
            Outcome(arrival.path, "", "waiting", f"it could not be read now: {error}", job.now),
            job,
        )


def _receive(job: Job, arrival: Arrival, inbox: Inbox) -> Received:
    sha256 = inbox.sha256(arrival)
    outcome = Outcome(arrival.path, sha256, "landed", "", job.now)
    if arrival.route is None:
        return Received(
            arrival, msgspec.structs.replace(outcome, state="refused", detail=arrival.problem), job
        )
    twin = inbox.read_before(arrival, sha256)
    # What an earlier run landed and did not carry on may never be taken up again, if its file is gone.
    if (
        twin
        and twin.path != arrival.path
        and (twin.state != "landed" or twin.decided_at == job.now)
    ):
        detail = f"the same content as {twin.path}, read {twin.decided_at:%Y-%m-%d %H:%M}"
        return Received(
            arrival, msgspec.structs.replace(outcome, state="duplicate", detail=detail), job
        )
    if twin and twin.path == arrival.path and twin.state != "landed":
        return Received(arrival, msgspec.structs.replace(twin, decided_at=job.now), job)
    inbox.forget(arrival, sha256)
    domain, source, mapping, _ = arrival.route
    try:
        own = check_backfill.fn(domain, source, arrival.uri, None, None, None, job.now, mapping)
        reading = read_files(own, own.communities, None, is_one_of_many=True)
    except DomainInvalid:
        raise  # nothing is wrong with the file
    except (InvalidRequest, SourceUnreadable) as error:
        return Received(
            arrival, msgspec.structs.replace(outcome, state="refused", detail=str(error)), job
        )
    inbox.put(arrival, outcome)
    return Received(arrival, outcome, own, reading)


@task
def find_received(received: list[Received]) -> list[tuple[Job, list[Slice]]]:
    """The hours of all files that were landed, together: one job a route, in slices that fit in memory."""
    by_route: dict[InboxRoute, list[tuple[Job, Slice]]] = defaultdict(list)
    for each in received:
        if each.reading and each.arrival.route:
            by_route[each.arrival.route].append((each.job, each.reading.span))
    found = []
    for files in by_route.values():
        communities = tuple(sorted({name for _, span in files for name in span.communities}))
        job = replace(files[0][0], communities=communities)
        windows = _bridged(job, merged(span.window for _, span in files))
        found.append(
            (
                job,
                [
                    part
                    for window in windows
                    for part in find_landed.fn(replace(job, window=window))
                ],
            )
        )
    return found


def _bridged(job: Job, windows: list[Window]) -> list[Window]:
    """The windows, those near each other as one where little lies between: to carry a slice more costs more than these lines."""
    bridged: list[Window] = []
    for window in windows:
        if bridged and window.start - bridged[-1].end <= _GAP_MAX:
            between = adapters.landing().captures(
                job.platform, job.communities, Window(bridged[-1].end, window.start)
            )
            if sum(capture.manifest.lines() for capture in between) <= _GAP_MAX_LINES:
                bridged[-1] = Window(bridged[-1].start, window.end)
                continue
        bridged.append(window)
    return bridged


@task
def record_arrivals(received: list[Received]) -> list[str]:
    """Keep what became of files once their lines are in the mart, and say it: of many, what is not as it should be."""
    inbox, outcomes = open_inbox(), []
    for each in received:
        outcome = _processed(each.job, each.outcome, each.reading) if each.reading else each.outcome
        inbox.put(each.arrival, outcome)
        is_well = outcome.state in {"processed", "duplicate"}
        get_run_logger().log(logging.INFO if is_well else logging.WARNING, "%s", outcome)
        outcomes.append(outcome)
    if len(outcomes) <= _FILES_TOLD_MAX:
        return [str(outcome) for outcome in outcomes]
    counted = Counter(outcome.state for outcome in outcomes)
    told = [
        str(outcome) for outcome in outcomes if outcome.state not in {"processed", "duplicate"}
    ][:_FILES_TOLD_MAX]
    states = ", ".join(f"{count:,} {state}" for state, count in counted.most_common())
    return [
        f"{len(outcomes):,} files: {states}; each of them by `python -m market_opinion inbox`",
        *told,
    ]


def _processed(job: Job, landed: Outcome, reading: Reading) -> Outcome:
    """What became of a file whose lines went through all stages."""
    span, count = reading.span, 0
    rejections = adapters.lake().read(
        OPS_REJECTIONS, {"stage": "bronze", **span.where}, span.window, columns=["landing_uri"]
    )
    if rejections.height:
        captures = adapters.landing().captures(span.platform, span.communities, span.window)
        own = [capture for capture in captures if capture.manifest.origin == reading.origin]
        uris = [
            f"{capture.folder}/{file.name}" for capture in own for file in capture.manifest.files
        ]
        count = rejections.filter(pl.col("landing_uri").is_in(uris)).height
    told = [
        *(refused.detail for refused in reading.refused),
        *([f"{count:,} lines were refused, see ops.rejections"] if count else []),
    ]
    counts = {"landed_line_count": reading.line_count, "refused_line_count": count}
    return Outcome(
        landed.path,
        landed.sha256,
        "partly" if told else "processed",
        "; ".join(told),
        job.now,
        counts,
    )


@task
def wait_for_arrivals(look: Look, until: datetime, began: datetime) -> bool:
    """Wait until something may have come, by the queue of arrivals or a while; False when it is time to end."""
    settings, now = load_settings(), datetime.now(UTC)
    if look.waiting_count:
        return True
    patience = timedelta(seconds=max(settings.inbox_settle_seconds, 1) * _SETTLES_MAX)
    if now >= until and not (look.unsettled_count and now < began + patience):
        return False
    if settings.inbox_queue_url is None or look.unsettled_count:
        time.sleep(_LOOK_EVERY_SECONDS)
        return True
    Queue(settings.inbox_queue_url).wait(int((until - now).total_seconds()))
    return True
