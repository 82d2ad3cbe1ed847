"""Stored texts judged again, into a score set of their own."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import conclude, finish_begun, promote_score_set
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from market_opinion.scorers.judging import ScorerName
from tasks.opinions import judge_items, plan_items
from tasks.request import DomainName, check_rescore
from tasks.rescore import compare_sets, find_scored_slices, record_set


@flow(
    name="rescore",
    flow_run_name=run_title,
    on_failure=[report_failure],
    on_crashed=[report_failure],
)
def rescore(
    domain: DomainName = "smartphones",
    scorer: ScorerName = "llm",
    score_set: str = "candidate",
    start: datetime | None = None,
    end: datetime | None = None,
    plan: bool = False,
    promote: bool = False,
    now: datetime | None = None,
) -> Summary:
    """Judge stored texts by another scorer, model or prompt, and compare them with the live set.

    Only new questions are paid for. Safe to run again at any time. Promoting makes the set live in
    one commit and rebuilds the mart, which the next run that carries data finishes if cut off; what
    was live before is then the set `previous`, and promoting that takes it back.

    Args:
        domain: Folder below domains/ whose items are judged.
        scorer: Who judges, for example `llm`, the model of the LLM_ settings.
        score_set: Set that the opinions go to; with promote, an existing set to make live.
        start: First hour, in UTC; leave out start and end for everything that is kept.
        end: Hour after the last, in UTC.
        plan: Only say what it would ask and cost.
        promote: Make the set live instead of judging.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run = check_rescore(
        domain, scorer, score_set, start, end, promote, now or flow_run.scheduled_start_time
    )
    slices = find_scored_slices(run, start, end)
    with Tally() as tally:
        tally.expect(len(slices))
        if plan:
            for span in slices:
                tally.done("plan", span, plan_items(run, span, scorer))
            return conclude(run, tally, title=f"plan of {domain} by {scorer}")
        if promote:
            promote_score_set(run, score_set, tally)
            return conclude(run, tally, title=f"{score_set} of {domain} is live")
        finish_begun(run, tally)
        for span in slices:
            tally.done("opinions", span, judge_items(run, span, scorer, score_set))
        record_set(run, score_set, slices)
        notes = compare_sets(run, score_set, start, end)
        return conclude(run, tally, title=f"{score_set} of {domain} by {scorer}", notes=notes)


command = as_command(rescore, check=check_rescore)

if __name__ == "__main__":
    run_alone(command)
