"""Polls of live communities, for as long as it is told."""

import time
from datetime import UTC, datetime, timedelta

from prefect import flow

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.alerts import check_rate
from tasks.collect import poll_communities
from tasks.report import publish_summary
from tasks.request import DomainName, check_live


@flow(
    name="collect",
    flow_run_name=run_title,
    on_failure=[report_failure],
    on_crashed=[report_failure],
)
def collect(
    domain: DomainName = "smartphones", communities: list[str] | None = None, minutes: int = 0
) -> Summary:
    """Land Reddit's new items while they can still be listed.

    The hours are closed and carried on by `hourly`. Each community is looked at as often as it
    moves, every 2 to 30 minutes. Safe to run again at any time, and to end at any time: what was
    not landed is read again by the next poll.

    Args:
        domain: Folder below domains/ whose communities are polled.
        communities: Communities to poll; those the domain names when left out.
        minutes: Go on for so long; 0 polls what is due once.
    """
    run, reading = check_live(domain, communities, datetime.now(UTC))
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    with Tally() as tally:
        while True:
            counts, soonest = poll_communities(run, reading, datetime.now(UTC))
            tally.add(counts)
            if datetime.now(UTC) + soonest >= until:
                break
            time.sleep(max(soonest.total_seconds(), 1))
        check_rate(run)
        summary = Summary(f"polls of {run.domain}", dict(tally.counts), tally.elapsed_seconds, None)
        publish_summary(summary)
        return summary


command = as_command(collect, check=check_live)

if __name__ == "__main__":
    run_alone(command)
