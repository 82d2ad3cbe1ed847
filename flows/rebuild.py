"""Everything made anew of what was landed."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import StageName, carry_for_all, conclude, finish_begun, make_alone, sum_up
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.fetch import drop_tables, find_landed, forget_stages
from tasks.request import DomainName, check_rebuild


@flow(
    name="rebuild",
    flow_run_name=run_title,
    on_failure=[report_failure],
    on_crashed=[report_failure],
)
def rebuild(
    domain: DomainName = "smartphones",
    platform: str = "reddit",
    start: datetime | None = None,
    end: datetime | None = None,
    damaged: list[str] | None = None,
    only: StageName | None = None,
    now: datetime | None = None,
) -> Summary:
    """Make lake, ledger and mart anew from the landing zone; no source is asked.

    This is needed after a table, the lake or the mart was lost or damaged. Paid answers of a model
    that are still in the ledger are not paid again. Other domains with mentions in the hours are
    made anew as well; if silver.mentions is lost, run it for each domain. Safe to run again at any
    time.

    Args:
        domain: Folder below domains/ that says which products and aspects to look for.
        platform: Where it was said, as the landing zone's folders are named.
        start: First hour, in UTC; leave out start and end for everything that was landed.
        end: Hour after the last, in UTC.
        damaged: Tables of the lake to drop first, as silver.items; then leave out start and end.
        only: Make this stage alone, for this domain; the next run makes what follows from it.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run, reading = check_rebuild(
        domain, platform, start, end, damaged, now or flow_run.scheduled_start_time
    )
    with Tally() as tally:
        drop_tables(run, damaged or [])
        slices = find_landed(run, reading)
        forget_stages(run, slices)
        if only:
            make_alone(run, slices, only, tally)
            return sum_up(run, tally, title=f"{only} of {reading.platform}")
        carry_for_all(run, reading, slices, tally)
        finish_begun(run, tally)
        return conclude(run, tally, title=f"rebuild of {reading.platform}")


command = as_command(rebuild, check=check_rebuild)

if __name__ == "__main__":
    run_alone(command)
