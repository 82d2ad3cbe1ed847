"""Collect: polls of live communities into the landing zone, as often as each of them moves."""

from datetime import datetime, timedelta

from prefect import get_run_logger

from market_opinion.ops.counts import PollCounts
from market_opinion.ops.polls import Poller
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.sources.quota import Priority
from tasks import task


@task
def poll_communities(run: Run, reading: Reading, now: datetime) -> tuple[PollCounts, timedelta]:
    """Poll the communities that are due, and return counts and the time until the next is due."""
    adapters = run.adapters
    reddit = adapters.reddit(Priority.COLLECT)
    counts, soonest = Poller(run, reading, reddit, adapters.meter, get_run_logger()).poll(now)
    get_run_logger().info("polled: %s", counts)
    return counts, soonest
