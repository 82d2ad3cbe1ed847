"""The last closed week beside the four before it: what changed, why, and bursts."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import conclude
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from market_opinion.ops.watching import ANCHOR_SET
from tasks.load import load_mart
from tasks.opinions import judge_items
from tasks.request import DomainName, check_watch
from tasks.watch import compare_weeks, find_anchors, find_last_day, raise_news, record_anchors


@flow(
    name="watch", flow_run_name=run_title, on_failure=[report_failure], on_crashed=[report_failure]
)
def watch(domain: DomainName = "smartphones", now: datetime | None = None) -> Summary:
    """Compare the last closed week with the four before it, and tell what changed and why.

    Net sentiment and share of voice are compared by brand, net sentiment by aspect as well; at most
    5 % of the changes that are told are chance. Each is told as opinion itself, who spoke, or
    another version of the scorer, for which days before are judged once more. Bursts are named for
    each day. Safe to run again at any time; an alert is sent once.

    Args:
        domain: Folder below domains/ whose opinions are compared.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run = check_watch(domain, now or flow_run.scheduled_start_time)
    with Tally() as tally:
        anchors = find_anchors(run)
        tally.expect(len(anchors))
        for span in anchors:
            tally.done("anchor", span, judge_items(run, span, None, ANCHOR_SET))
        record_anchors(run, anchors)
        tally.add(compare_weeks(run))
        for day in find_last_day(run):
            tally.add(load_mart(run, [day]))
        news = raise_news(run)
        return conclude(run, tally, title=f"week of {domain}", notes=news)


command = as_command(watch, check=check_watch)

if __name__ == "__main__":
    run_alone(command)
