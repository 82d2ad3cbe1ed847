"""Past hours of a source, all stages, in slices that fit in memory."""

from datetime import datetime
from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import carry, conclude, finish_begun, unchanged
from flows.titles import run_title
from market_opinion.ops.payload import IngestionMode
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.alerts import check_windows
from tasks.drain import mirror_landed
from tasks.fetch import fetch_windows
from tasks.report import compare_stars
from tasks.request import DomainName, SourceName, check_backfill


@flow(
    name="backfill",
    flow_run_name=run_title,
    on_failure=[report_failure],
    on_crashed=[report_failure],
)
def backfill(
    domain: DomainName = "smartphones",
    source: SourceName = "sample",
    archive: str | None = None,
    communities: list[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    mapping: str | None = None,
    mode: IngestionMode | None = None,
    subreddit: str | None = None,
    start_ts: int | None = None,
    end_ts: int | None = None,
    record: Path | None = None,
) -> Summary:
    """Read past hours from a source and carry them to the mart and the report.

    A backfill never moves a watermark. Safe to run again at any time: hours that are landed are not
    read again, every stage replaces what it wrote, and an unchanged rerun changes no row. After a
    crash, run it again with the same parameters.

    Args:
        domain: Folder below domains/ that says which products and aspects to look for.
        source: Where items come from: the bundled sample, files of yours, or a platform itself.
        archive: Folder, file or URI of the files, for sources archive (RC*, RS*), reviews and file.
        communities: Communities to read; those the domain names for the platform when left out.
        start: First hour, in UTC; without start and end it is everything that the source has.
        end: Hour after the last, in UTC.
        mapping: For source file: [files.NAME] of the domain; may be left out where it has one.
        mode: Backfill, or left out.
        subreddit: One community, in place of communities.
        start_ts: In place of start: seconds since 1970.
        end_ts: In place of end: seconds since 1970.
        record: New folder for a record that `replay` makes again; no erasure reaches its words.
    """
    run, reading = check_backfill(
        domain,
        source,
        archive,
        communities,
        start,
        end,
        flow_run.scheduled_start_time,
        mapping,
        mode,
        subreddit,
        start_ts,
        end_ts,
        record,
    )
    with Tally() as tally:
        finish_begun(run, tally)
        fetch = fetch_windows(run, reading, reading.communities, reading.window)
        carry(run, reading, fetch.slices, tally)
        tally.add(mirror_landed(run, fetch.slices))
        alerts = check_windows(run, reading, fetch.slices)
        notes = (*fetch.notes, *alerts, *compare_stars(run), *unchanged(run, tally))
        title = f"backfill of {run.domain} from {reading.source}"
        return conclude(run, tally, title=title, notes=notes, record=record)


command = as_command(backfill, check=check_backfill)

if __name__ == "__main__":
    run_alone(command)
