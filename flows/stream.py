"""The topics of the stream, drained and carried on."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import carry, conclude, finish_begun
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.alerts import check_windows
from tasks.drain import drain_topics, find_streamed, record_streamed
from tasks.request import DomainName, check_stream


@flow(
    name="stream", flow_run_name=run_title, on_failure=[report_failure], on_crashed=[report_failure]
)
def stream(
    domain: DomainName = "smartphones", messages_max: int = 1_000_000, now: datetime | None = None
) -> Summary:
    """Land the messages of the stream, and carry their hours to the mart and the report.

    The topics are named `mop.ENVIRONMENT.PLATFORM`. Offsets are committed once a batch is in the
    landing zone. Safe to run again at any time: what was landed and not committed is landed again,
    and is there once. Topics of platforms with no form are left alone, with a warning.

    Args:
        domain: Folder below domains/ that says which products and aspects to look for.
        messages_max: Messages to take at most, about; the next run goes on.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run = check_stream(domain, messages_max, now or flow_run.scheduled_start_time)
    notes: list[str] = []
    with Tally() as tally:
        finish_begun(run, tally)
        tally.add(drain_topics(run, messages_max))
        for each in find_streamed(run):
            carry(run, each.reading, each.slices, tally)
            record_streamed(run, each.slices)
            notes += check_windows(run, each.reading, each.slices)
        return conclude(run, tally, title=f"stream of {domain}", notes=tuple(notes))


command = as_command(stream, check=check_stream)

if __name__ == "__main__":
    run_alone(command)
