"""The hours that are due, oldest first, all stages, then the watermark."""

from datetime import datetime
from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import carry, carry_due, conclude, finish_begun, unchanged
from flows.titles import run_title
from market_opinion.ops.payload import IngestionMode
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.alerts import check_backlog, check_windows
from tasks.record import find_stale_windows
from tasks.request import DomainName, SourceName, check_hourly


@flow(
    name="hourly", flow_run_name=run_title, on_failure=[report_failure], on_crashed=[report_failure]
)
def hourly(
    domain: DomainName = "smartphones",
    source: SourceName = "sample",
    archive: str | None = None,
    communities: list[str] | None = None,
    max_windows: int | None = None,
    mapping: str | None = None,
    now: datetime | None = None,
    mode: IngestionMode | None = None,
    subreddit: str | None = None,
    start_ts: int | None = None,
    end_ts: int | None = None,
    record: Path | None = None,
) -> Summary:
    """Carry the hours that are due to the mart and the report.

    The watermark moves past the hours that are certified. On the first run the previous full hour
    is due, later the closed hours after the watermark, at most so many as the settings allow. Safe
    to run again at any time. If a watermark stays, its hour is not certified: the run says why, and
    the next one tries it again. With start_ts and end_ts it is a backfill, which moves no
    watermark.

    Args:
        domain: Folder below domains/ that says which products and aspects to look for.
        source: Where items come from: the bundled sample, files of yours, or a platform itself.
        archive: Folder, file or URI of the files, for sources archive (RC*, RS*), reviews and file.
        communities: Communities to read; those the domain names for the platform when left out.
        max_windows: Hours to take at most, from 1; when left out, MAX_HOURLY_WINDOWS_PER_RUN, or
            CATCH_UP_WINDOWS_PER_RUN where that is not set.
        mapping: For source file: [files.NAME] of the domain; may be left out where it has one.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
        mode: Incremental for due hours, backfill for a range; the range decides when left out.
        subreddit: One community, in place of communities.
        start_ts: First hour of a backfill, in seconds since 1970.
        end_ts: Hour after its last, in seconds since 1970.
        record: New folder for a record that `replay` makes again; no erasure reaches its words.
    """
    run, reading = check_hourly(
        domain,
        source,
        archive,
        communities,
        max_windows,
        now or flow_run.scheduled_start_time,
        mapping,
        mode,
        subreddit,
        start_ts,
        end_ts,
        record,
    )
    with Tally() as tally:
        finish_begun(run, tally)
        carry(run, reading, find_stale_windows(run, reading), tally)
        due = carry_due(run, reading, tally)
        notes = check_windows(run, reading, due, otherwise="no hour is due")
        notes += check_backlog(run, reading) + unchanged(run, tally)
        title = f"hourly run of {run.domain} from {reading.source}"
        return conclude(run, tally, title=title, notes=notes, record=record)


command = as_command(hourly, check=check_hourly)

if __name__ == "__main__":
    run_alone(command)
