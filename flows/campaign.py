"""A long backfill, judged by many workers at once."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import build_all, conclude, finish, finish_begun
from flows.titles import run_title
from market_opinion.core.window import by_date
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.alerts import check_windows
from tasks.campaign import find_unjudged, hand_out
from tasks.fetch import fetch_windows
from tasks.request import DomainName, SourceName, check_campaign


@flow(
    name="campaign",
    flow_run_name=run_title,
    on_failure=[report_failure],
    on_crashed=[report_failure],
)
def campaign(
    domain: DomainName = "smartphones",
    source: SourceName = "sample",
    archive: str | None = None,
    communities: list[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    mapping: str | None = None,
    items_a_run: int = 20_000,
    runs_at_once: int = 4,
    again: bool = False,
) -> Summary:
    """Read past hours once, have them judged on many workers, and carry them to mart and report.

    Each span is judged by a run of `enrich`. The same result as a backfill. After a crash, run it
    again with the same parameters: what is landed is not read again, spans that are judged are not
    handed out again, and runs that still go on are waited for.

    Args:
        domain: Folder below domains/ that says which products and aspects to look for.
        source: Where items come from: the domain's bundled sample, files of yours, or a platform
            itself.
        archive: Folder, file or URI of the files; needed for the sources archive (RC* and RS*
            files), reviews and file.
        communities: Communities to read; those the domain names for the platform when left out.
        start: First hour, in UTC; clipped to whole hours. Leave out start and end for everything
            the source has.
        end: Hour after the last, in UTC.
        mapping: For source file: which [files.NAME] of the domain maps the columns; may be left out
            where it has one.
        items_a_run: About how many items one run judges, from 1.
        runs_at_once: Runs that go on at once, from 1, within the limit of deployment `enrich`.
        again: Hand out spans too that were judged before.
    """
    now, sizes = flow_run.scheduled_start_time, (items_a_run, runs_at_once)
    run, reading = check_campaign(
        domain, source, archive, communities, start, end, *sizes, now, mapping
    )
    with Tally() as tally:
        finish_begun(run, tally)
        fetch = fetch_windows(run, reading, reading.communities, reading.window)
        tally.expect(2 * len(fetch.slices))
        build_all(run, fetch.slices, tally)
        parts = find_unjudged(run, fetch.slices, items_a_run=items_a_run, again=again)
        tally.expect(len(parts))
        tally.add(hand_out(run, reading, parts, tally, at_once=runs_at_once))
        for dates in by_date(fetch.slices):
            finish(run, reading, dates, tally)
        notes = (
            *fetch.notes,
            f"{len(parts)} spans were judged by runs of their own",
            *check_windows(run, reading, fetch.slices),
        )
        title = f"campaign of {run.domain} from {reading.source}"
        return conclude(run, tally, title=title, notes=notes)


command = as_command(campaign, check=check_campaign)

if __name__ == "__main__":
    run_alone(command)
