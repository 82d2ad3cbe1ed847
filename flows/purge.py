"""Words go, what was derived of them stays."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.stages import conclude, purge_expired
from tasks.alerts import report_failure
from tasks.local import run_locally
from tasks.progress import Tally
from tasks.removal import check_purge
from tasks.report import Summary


@flow(name="purge", on_failure=[report_failure], on_crashed=[report_failure])
def purge(
    domain: str = "smartphones", platform: str = "reddit", now: datetime | None = None
) -> Summary:
    """Take the words and names of hours older than RETENTION_HOURS out of landing, lake, mart and their histories.

    Ids, times, votes, author keys, mentions, opinions and where their evidence stood remain. Hours that a spent budget left
    unjudged are kept and alerted. Safe to run again at any time.

    Args:
        domain: Folder below domains/ whose report is drawn; the words go for all domains.
        platform: Where it was said.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    job = check_purge(domain, platform, now or flow_run.scheduled_start_time)
    with Tally() as tally:
        purge_expired(job, tally)
        return conclude(job, tally, title=f"purge of {job.platform}")


if __name__ == "__main__":
    run_locally(purge, check=check_purge)
