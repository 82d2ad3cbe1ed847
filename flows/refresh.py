"""A second look at young items: votes, edits, deletions."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import conclude, finish_begun, recheck
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.request import DomainName, SourceName, check_recheck


@flow(
    name="refresh",
    flow_run_name=run_title,
    on_failure=[report_failure],
    on_crashed=[report_failure],
)
def refresh(
    domain: DomainName = "smartphones",
    source: SourceName = "reddit",
    communities: list[str] | None = None,
    max_windows: int = 100,
    now: datetime | None = None,
) -> Summary:
    """Look up young items of a platform again, at the ages of REFRESH_AGES_HOURS.

    Changed items are carried to the mart, deleted ones are erased. Safe to run again at any time:
    an hour counts as looked at once all that was found is done.

    Args:
        domain: Folder below domains/ whose communities are looked up.
        source: The platform to ask; steam, whose reviews cannot be asked for again, is none of
            them.
        communities: Communities to look up; those the domain names when left out.
        max_windows: Hours to look at, at most.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run, reading = check_recheck(domain, source, communities, now or flow_run.scheduled_start_time)
    with Tally() as tally:
        finish_begun(run, tally)
        recheck(run, reading, "refresh", max_windows, tally)
        return conclude(run, tally, title=f"refresh of {run.domain}")


command = as_command(refresh, check=check_recheck)

if __name__ == "__main__":
    run_alone(command)
