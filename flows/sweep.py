"""A look at everything that is kept, for what was deleted since."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import conclude, finish_begun, recheck
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.erase import forget_history
from tasks.recheck import measure_sweep
from tasks.request import DomainName, SourceName, check_recheck


@flow(
    name="sweep", flow_run_name=run_title, on_failure=[report_failure], on_crashed=[report_failure]
)
def sweep(
    domain: DomainName = "smartphones",
    source: SourceName = "reddit",
    communities: list[str] | None = None,
    max_windows: int = 500,
    now: datetime | None = None,
) -> Summary:
    """Look up items past their last refresh, longest unseen first, and erase deleted ones.

    The promise of SWEEP_HOURS is kept so. Safe to run again at any time: an hour counts as looked
    at once all that was found is done.

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
        recheck(run, reading, "sweep", max_windows, tally)
        # An erasure that was cut off may have left earlier versions, and files that none names.
        tally.add(forget_history(run))
        tally.add(measure_sweep(run, reading))
        return conclude(run, tally, title=f"sweep of {run.domain}")


command = as_command(sweep, check=check_recheck)

if __name__ == "__main__":
    run_alone(command)
