"""Inbox: files that arrived, each read once, with a record of what became of it."""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl
from prefect import get_run_logger, task

from market_opinion.contracts import OPS_REJECTIONS
from market_opinion.domain import domain_names, load_domain
from market_opinion.errors import DomainInvalid, InvalidRequest, SourceUnreadable
from market_opinion.inbox import Arrival, Inbox, Outcome, Queue, State, door_of
from market_opinion.settings import load_settings
from market_opinion.window import Slice
from tasks import resources
from tasks.fetch import fetch_windows
from tasks.request import Job, check_backfill

_LOOK_EVERY_SECONDS = 2.0
# A file that somebody goes on writing is waited for no longer than so many times it should be still.
_SETTLES_MAX = 6


@dataclass(frozen=True)
class Received:
    """A file whose lines are landed, and the hours they are of; or one of which there is nothing to land, and what was said of it."""

    arrival: Arrival
    sha256: str
    job: Job
    slices: list[Slice]
    decided: str | None = None


def open_inbox() -> Inbox:
    """The inbox of the settings."""
    settings = load_settings()
    return Inbox(settings.inbox, resources.landing(), settle=timedelta(seconds=settings.inbox_settle_seconds))


@task
def find_arrivals() -> tuple[list[Arrival], int]:
    """The files that nothing is known of as they are now, and how many others are still being written."""
    if url := load_settings().inbox_queue_url:
        # What they tell of lies in the inbox, and is found there by this run or, if that dies, by the next.
        while Queue(url).wait(0):
            pass
    inbox, now = open_inbox(), datetime.now(UTC)
    known = inbox.outcomes()
    new = [arrival for arrival in inbox.arrivals() if not any(outcome.is_of(arrival) for outcome in known)]
    ready = [arrival for arrival in new if inbox.is_settled(arrival, now)]
    return ready, len(new) - len(ready)


@task
def receive_file(job: Job, arrival: Arrival) -> Received:
    """Land the file's lines. One that came before or cannot be read is recorded as that, and stops no other.

    A rerun is safe: a file without a record is read again, and hours that are landed are not landed twice.
    """
    inbox, path = open_inbox(), load_settings().domains_path
    sha256 = inbox.sha256(arrival)
    decide = partial(_decide, inbox, arrival, sha256, now=job.now)
    nothing = partial(Received, arrival, sha256, job, [])
    twin = next((each for each in inbox.outcomes() if each.sha256 == sha256 and each.state in {"processed", "partly"}), None)
    if twin and twin.path == arrival.path:
        return nothing(decide(state=twin.state, detail=twin.detail, counts=twin.counts))
    if twin:
        return nothing(decide(state="duplicate", detail=f"the same content as {twin.path}, read {twin.decided_at:%Y-%m-%d %H:%M}"))
    try:
        door = door_of(arrival.path, job.domain, lambda name: load_domain(name, path), domain_names(path))
        own = check_backfill.fn(door.domain, door.source, arrival.uri, None, None, None, job.now, door.mapping)
        landed = fetch_windows(own, own.communities, None)
    except DomainInvalid:
        raise  # nothing is wrong with the file
    except (InvalidRequest, SourceUnreadable) as error:
        return nothing(decide(state="refused", detail=str(error)))
    return Received(arrival, sha256, own, landed.slices)


@task
def record_arrival(received: Received) -> str:
    """Keep what became of a file once its lines are in the mart, and say it."""
    if received.decided is not None:
        return received.decided
    job, arrival = received.job, received.arrival
    origin = resources.open_source(job.source, job.domain, files=job.archive, mapping=job.mapping).origin
    lines, refused = 0, 0
    for span in received.slices:
        captures = resources.landing().captures(span.platform, span.communities, span.window)
        own = [capture for capture in captures if capture.manifest.origin == origin]
        files = [f"{capture.folder}/{file.name}" for capture in own for file in capture.manifest.files]
        lines += sum(capture.manifest.lines() for capture in own)
        rejections = resources.lake().read(OPS_REJECTIONS, {"stage": "bronze", **span.where}, span.window, columns=["landing_uri"])
        refused += rejections.filter(pl.col("landing_uri").is_in(files)).height
    name = arrival.path.rpartition("/")[2]
    broken = resources.lake().read(OPS_REJECTIONS, {"stage": "fetch", "platform": job.platform, "landing_uri": name}, columns=["detail"])
    told = [*broken["detail"], *([f"{refused:,} lines were refused, see ops.rejections"] if refused else [])]
    state: State = "partly" if told else "processed"
    counts = {"landed_line_count": lines, "refused_line_count": refused}
    return _decide(open_inbox(), arrival, received.sha256, state=state, detail="; ".join(told), now=job.now, counts=counts)


@task
def wait_for_arrivals(until: datetime, unsettled_count: int, began: datetime) -> bool:
    """Wait until something may have come, by the queue of arrivals or a while; False when it is time to end."""
    settings, now = load_settings(), datetime.now(UTC)
    patience = timedelta(seconds=max(settings.inbox_settle_seconds, 1) * _SETTLES_MAX)
    if now >= until and not (unsettled_count and now < began + patience):
        return False
    if settings.inbox_queue_url is None or unsettled_count:
        time.sleep(_LOOK_EVERY_SECONDS)
        return True
    Queue(settings.inbox_queue_url).wait(int((until - now).total_seconds()))
    return True


def _decide(
    inbox: Inbox, arrival: Arrival, sha256: str, *, state: State, detail: str, now: datetime, counts: dict[str, int] | None = None
) -> str:
    inbox.put(Outcome(arrival.path, arrival.size, arrival.modified_at, sha256, state, detail, now, counts or {}))
    lines = f", {counts['landed_line_count']:,} lines" if counts else ""
    text = f"{arrival.path}: {state}{lines}{': ' if detail else ''}{detail}"
    get_run_logger().log(logging.INFO if state in {"processed", "duplicate"} else logging.WARNING, "%s", text)
    return text
