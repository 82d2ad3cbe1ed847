"""Collect: polls of live communities into the landing zone, as often as each of them moves."""

from datetime import datetime, timedelta

from prefect import get_run_logger, task

from market_opinion.ops.counts import PollCounts
from market_opinion.ops.metrics import Metric
from market_opinion.ops.polls import Poller
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.sources.quota import Priority
from market_opinion.sources.reddit.client import requestor_of


@task
def poll_communities(run: Run, reading: Reading, now: datetime) -> tuple[PollCounts, timedelta]:
    """Poll the communities that are due, and return counts and the time until the next is due."""
    reddit = run.adapters.reddit(Priority.COLLECT)
    counts, soonest = Poller(run, reading, reddit, get_run_logger()).poll(now)
    remaining = requestor_of(reddit).remaining
    if remaining is not None:
        dimensions = {"Environment": run.settings.environment}
        metric = Metric("RequestsRemaining", remaining, "Count", now, dimensions)
        run.adapters.metrics().put([metric])
    get_run_logger().info("polled: %s", counts)
    return counts, soonest
