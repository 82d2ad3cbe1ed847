"""Words go, what was derived of them stays."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import conclude, finish_begun, purge_expired
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.request import DomainName, check_purge


@flow(
    name="purge", flow_run_name=run_title, on_failure=[report_failure], on_crashed=[report_failure]
)
def purge(
    domain: DomainName = "smartphones", platform: str = "reddit", now: datetime | None = None
) -> Summary:
    """Remove the words and names of hours that are older than RETENTION_HOURS.

    They leave landing, lake, mart and their histories. Ids, times, votes, author keys, mentions,
    opinions and where their evidence stood remain. Hours that a spent budget left unjudged are kept
    and alerted. Safe to run again at any time.

    Args:
        domain: Folder below domains/ whose report is drawn; the words go for all domains.
        platform: Where it was said.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run, reading = check_purge(domain, platform, now or flow_run.scheduled_start_time)
    with Tally() as tally:
        finish_begun(run, tally)
        purge_expired(run, reading, tally)
        return conclude(run, tally, title=f"purge of {reading.platform}")


command = as_command(purge, check=check_purge)

if __name__ == "__main__":
    run_alone(command)
