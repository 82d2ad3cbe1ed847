"""The mart's views, published for dashboards."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.load import publish_views
from tasks.report import publish_summary
from tasks.request import DomainName, check_publish


@flow(
    name="publish",
    flow_run_name=run_title,
    on_failure=[report_failure],
    on_crashed=[report_failure],
)
def publish(domain: DomainName = "smartphones", now: datetime | None = None) -> Summary:
    """Put the views of the mart into the PostgreSQL of POSTGRES_URI in one transaction.

    Every other flow does so at its end. Safe to run again at any time; grants, indexes and views of
    your own stay.

    Args:
        domain: Folder below domains/; views hold all domains.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run = check_publish(domain, now or flow_run.scheduled_start_time)
    with Tally() as tally:
        tally.add(publish_views(run))
        summary = Summary("published views", dict(tally.counts), tally.elapsed_seconds, None)
        publish_summary(summary)
        return summary


command = as_command(publish, check=check_publish)

if __name__ == "__main__":
    run_alone(command)
