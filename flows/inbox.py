"""Files that arrive, each read once."""

from datetime import UTC, datetime, timedelta

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import carry, conclude, finish_begun
from flows.titles import run_title
from market_opinion.ops.arrivals import waiting_paths
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.alerts import check_windows
from tasks.receive import (
    find_arrivals,
    find_received,
    receive_file,
    record_arrivals,
    wait_for_arrivals,
)
from tasks.report import compare_stars
from tasks.request import DomainName, check_inbox


@flow(
    name="inbox", flow_run_name=run_title, on_failure=[report_failure], on_crashed=[report_failure]
)
def inbox(
    domain: DomainName = "smartphones", minutes: int = 0, now: datetime | None = None
) -> Summary:
    """Read every new file of the inbox, and carry its items to the mart and the report.

    A file says by its folder what it is: `archive/`, `reviews/`, or the name of a mapping
    `[files.NAME]` of the domain; a folder named as another domain may stand above. `python -m
    market_opinion inbox` shows what became of each. Safe to run again at any time: a file whose run
    died is read again, and nothing of it is there twice.

    Args:
        domain: Folder below domains/ that files are for, unless their folder names another.
        minutes: Go on watching for so long; 0 reads what is there.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run = check_inbox(domain, now or flow_run.scheduled_start_time)
    began, notes, unread = datetime.now(UTC), list[str](), list[str]()
    with Tally() as tally:
        finish_begun(run, tally)
        looking = True
        while looking:
            look = find_arrivals(run, unread)
            received = [receive_file(run, arrival) for arrival in look.ready]
            for each in find_received(received):
                carry(each.run, each.reading, each.slices, tally)
                notes += check_windows(each.run, each.reading, each.slices)
            notes += record_arrivals(run, received)
            unread += waiting_paths(received)
            looking = wait_for_arrivals(run, look, began + timedelta(minutes=minutes), began)
        news = notes or ["nothing new was there"]
        stars = compare_stars(run)
        return conclude(run, tally, title=f"inbox of {domain}", notes=(*news, *stars))


command = as_command(inbox, check=check_inbox)

if __name__ == "__main__":
    run_alone(command)
