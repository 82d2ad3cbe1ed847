"""One span of a campaign, from bronze to opinions."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import enrich_slice, sum_up
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks import abreast
from tasks.campaign import record_judged
from tasks.fetch import find_landed
from tasks.request import DomainName, SourceName, check_enrich


@flow(name="enrich", on_failure=[report_failure], on_crashed=[report_failure])
def enrich(
    domain: DomainName,
    source: SourceName,
    communities: list[str],
    start: datetime,
    end: datetime,
    mapping: str | None = None,
    now: datetime | None = None,
    campaign: str | None = None,
) -> Summary:
    """Clean and judge hours that are in bronze.

    Runs are handed out by `campaign`, which loads the hours into the mart. Safe to run again.

    Args:
        domain: Folder below domains/ that says which products and aspects to look for.
        source: Where the hours came from.
        communities: Communities to judge.
        start: First hour, in UTC.
        end: Hour after the last, in UTC.
        mapping: For source file: which [files.NAME] of the domain they came by.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
        campaign: Name of the campaign whose budget for a model the run spends from.
    """
    run, reading = check_enrich(
        domain,
        source,
        communities,
        start,
        end,
        now or flow_run.scheduled_start_time,
        mapping,
        campaign,
    )
    slices = find_landed(run, reading)
    with Tally() as tally:
        tally.expect(3 * len(slices))
        for span in abreast(slices):
            enrich_slice(run, span, tally)
        record_judged(run, reading, dict(tally.counts))
        return sum_up(run, tally, title=f"enrichment of {reading.window}")


command = as_command(enrich, check=check_enrich)

if __name__ == "__main__":
    run_alone(command)
