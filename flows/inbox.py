"""Files that arrive, each read once."""

from datetime import UTC, datetime, timedelta

from prefect import flow
from prefect.runtime import flow_run

from flows.stages import carry, conclude
from tasks.alerts import check_windows, report_failure
from tasks.inbox import (
    find_arrivals,
    find_received,
    receive_file,
    record_arrivals,
    wait_for_arrivals,
)
from tasks.local import run_locally
from tasks.progress import Tally
from tasks.report import Summary, compare_stars
from tasks.request import check_inbox


@flow(name="inbox", on_failure=[report_failure], on_crashed=[report_failure])
def inbox(domain: str = "smartphones", minutes: int = 0, now: datetime | None = None) -> Summary:
    """Read every file of the inbox that was not read yet, and carry its items to the mart and the report.

    A file says by its folder what it is: `archive/`, `reviews/`, or the name of a mapping `[files.NAME]` of the domain; a
    folder named as another domain may stand above. `python -m market_opinion inbox` shows what became of each. Safe to run
    again at any time: a file whose run died is read again, and nothing of it is there twice.

    Args:
        domain: Folder below domains/ that files are for, unless their folder names another.
        minutes: Go on watching for so long; 0 reads what is there.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    job = check_inbox(domain, now or flow_run.scheduled_start_time)
    began, notes, unread = datetime.now(UTC), list[str](), list[str]()
    with Tally() as tally:
        looking = True
        while looking:
            look = find_arrivals(job, unread)
            received = [receive_file(job, arrival) for arrival in look.ready]
            for each, slices in find_received(received):
                carry(each, slices, tally)
                notes += check_windows(each, slices)
            notes += record_arrivals(received)
            unread += [each.arrival.path for each in received if each.outcome.state == "waiting"]
            looking = wait_for_arrivals(look, began + timedelta(minutes=minutes), began)
        return conclude(
            job,
            tally,
            title=f"inbox of {domain}",
            notes=(*(notes or ["nothing new was there"]), *compare_stars(job)),
        )


if __name__ == "__main__":
    run_locally(inbox, check=check_inbox)
