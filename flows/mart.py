"""Days of the star schema and of gold, made anew."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import conclude, serve
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.request import DomainName, check_mart
from tasks.rescore import find_scored_slices


@flow(
    name="mart", flow_run_name=run_title, on_failure=[report_failure], on_crashed=[report_failure]
)
def mart(
    domain: DomainName = "smartphones",
    start: datetime | None = None,
    end: datetime | None = None,
    now: datetime | None = None,
) -> Summary:
    """Rebuild the mart and the gold tables from silver, a day at a time.

    This is needed after a restore, for a new engine, or after a change of the catalogue. Safe to
    run again at any time; each load is one transaction that reconciles with silver or does not
    happen. An erasure that was cut off is left to the next run of a flow that carries data, which
    loads its days once more.

    Args:
        domain: Folder below domains/ whose facts are rebuilt.
        start: First hour, in UTC; leave out start and end for everything that is kept.
        end: Hour after the last, in UTC.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run = check_mart(domain, start, end, now or flow_run.scheduled_start_time)
    slices = find_scored_slices(run, start, end)
    with Tally() as tally:
        tally.expect(2 * len(slices))
        for span in slices:
            serve(run, [span], tally, again=True)
        return conclude(run, tally, title=f"mart of {domain}")


command = as_command(mart, check=check_mart)

if __name__ == "__main__":
    run_alone(command)
