"""A new pepper for the keys of authors."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import finish_begun, sum_up
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.request import DomainName, check_rotation
from tasks.rotate import begin_rotation


@flow(
    name="rotate",
    flow_run_name=run_title,
    on_failure=[report_failure],
    on_crashed=[report_failure],
)
def rotate(domain: DomainName = "smartphones", now: datetime | None = None) -> Summary:
    """Put every author's key under a new pepper, for example since the one of before leaked.

    A key is hashed once more, so that purged rows follow without a name, people stay apart as they
    were, and an erasure by name still finds them. The peppers of before stay part of the new one:
    keep them secret and never lose them. Let other runs end first. Killed, it is ended by the next
    run of any flow that carries data.

    Args:
        domain: Folder below domains/; the rows of all domains follow.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run = check_rotation(domain, now or flow_run.scheduled_start_time)
    with Tally() as tally:
        own = begin_rotation(run)
        finish_begun(run, tally)
        note = f"rows are under the pepper of id {own}"
        return sum_up(run, tally, title="rotation of the pepper", notes=(note,))


command = as_command(rotate, check=check_rotation)

if __name__ == "__main__":
    run_alone(command)
