"""Upkeep: closed days in few files, and nothing kept that nobody names."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import sum_up
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.maintain import forget_runs, maintain_table
from tasks.request import DomainName, check_maintain


@flow(
    name="maintain",
    flow_run_name=run_title,
    on_failure=[report_failure],
    on_crashed=[report_failure],
)
def maintain(
    domain: DomainName = "smartphones",
    table: list[str] | None = None,
    older_than: datetime | None = None,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Summary:
    """Put the files of closed days together, and delete old snapshots and orphans.

    No row changes. Every run does the first for the days that it closes. Safe beside other runs,
    and safe to kill and run again: a file that another run replaces at the same moment waits for
    the next time.

    Args:
        domain: Folder below domains/; tables hold all domains.
        table: Tables to maintain, for example silver.items; all when left out.
        older_than: Delete the snapshots from before this time, in UTC; all but the last 30 when
            left out. Orphans go only once they are a day old as well.
        dry_run: Change nothing, and count what would go.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run, names = check_maintain(
        domain, table, older_than, dry_run, now or flow_run.scheduled_start_time
    )
    with Tally() as tally:
        for name in names:
            tally.add(maintain_table(run, name, older_than, dry_run=dry_run))
        tally.add(forget_runs(run, dry_run=dry_run))
        return sum_up(run, tally, title="upkeep of the lake")


command = as_command(maintain, check=check_maintain)

if __name__ == "__main__":
    run_alone(command)
