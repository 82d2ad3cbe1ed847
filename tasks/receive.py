"""Receive: files of the inbox, each landed once, with a record of its outcome."""

import logging
import time
from datetime import UTC, datetime, timedelta

from prefect import get_run_logger

from market_opinion.ops import arrivals
from market_opinion.ops.arrivals import Carriage, Look, Received
from market_opinion.ops.run import Run
from market_opinion.sources.inbox_files import Arrival, Queue
from tasks import task

_LOOK_EVERY_SECONDS = 2.0
# A file that somebody goes on writing is waited for at most so many times its time to settle.
_SETTLES_MAX = 6


@task
def find_arrivals(run: Run, unread: list[str]) -> Look:
    """Return the files without an outcome, as many as one load may bring, but for `unread`."""
    if url := run.settings.inbox.queue_url:
        # Messages only wake a run: it finds their files in the inbox, or the next run does.
        while Queue(url).wait(0):
            pass
    return arrivals.look(run, unread, datetime.now(UTC))


@task
def receive_file(run: Run, arrival: Arrival) -> Received:
    """Land the file's lines; a file that is a duplicate, or cannot be read, stops no other.

    A rerun is safe: a file without a record is read again, and landed hours are not landed twice.
    """
    return arrivals.receive(run, arrival, get_run_logger())


@task
def find_received(received: list[Received]) -> list[Carriage]:
    """Return the hours of all landed files, those of one route together."""
    return arrivals.carriages(received)


@task
def record_arrivals(run: Run, received: list[Received]) -> list[str]:
    """Keep the outcome of files once their lines are in the mart, and return it in words."""
    inbox, outcomes = run.adapters.inbox(), []
    for each in received:
        outcome = arrivals.final_outcome(each)
        inbox.put(each.arrival, outcome)
        level = logging.INFO if arrivals.is_well(outcome) else logging.WARNING
        get_run_logger().log(level, "%s", outcome)
        outcomes.append(outcome)
    return arrivals.summary_lines(outcomes)


@task
def wait_for_arrivals(run: Run, look: Look, until: datetime, began: datetime) -> bool:
    """Wait until a file may have come, by the queue or a while; return False at the end of time."""
    settings, now = run.settings, datetime.now(UTC)
    if look.waiting_count:
        return True
    patience = timedelta(seconds=max(settings.inbox.settle_seconds, 1) * _SETTLES_MAX)
    if now >= until and not (look.unsettled_count and now < began + patience):
        return False
    if settings.inbox.queue_url is None or look.unsettled_count:
        time.sleep(_LOOK_EVERY_SECONDS)
        return True
    Queue(settings.inbox.queue_url).wait(int((until - now).total_seconds()))
    return True
