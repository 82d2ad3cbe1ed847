"""Scorers beside labels that people gave."""

from pathlib import Path
from typing import Literal

from prefect import flow

from flows.command_line import as_command, run_alone
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from market_opinion.scorers.judging import ScorerName
from tasks.evaluate import (
    draw_frontier,
    draw_gold,
    evaluate_gold,
    evaluate_replies,
    evaluate_scorer,
    publish_evaluation,
    publish_gold,
)
from tasks.report import publish_summary
from tasks.request import DomainName, check_evaluate


@flow(name="evaluate", flow_run_name=run_title)
def evaluate(
    labelled: Path | None = None,
    gold: Path | None = None,
    domain: DomainName = "smartphones",
    scorer: ScorerName = "local",
    against: ScorerName | None = None,
    limit: int | None = None,
    half: Literal["all", "even", "odd"] = "all",
    mistakes: Path | None = None,
    record: bool = False,
    replies: Path | None = None,
    picture: Path | None = None,
    frontier: Path | None = None,
) -> Summary:
    """Compare a scorer with labels that people gave; give either --gold or --labelled.

    With --gold the platform's own stages judge labelled items: how many mentions and opinions are
    right, how many are missed, and whether the sum has the right sign. With --labelled whole texts
    with a tone are judged: accuracy, F1 of each class, aspects, evidence and coverage.

    Args:
        labelled: File or folder of texts with a tone: JSON lines, a CSV of tweets, reviews with
            stars, or marked review sentences.
        gold: File of labelled items, or folder with files named for the domain.
        domain: Folder below domains/ whose products, aspects and cues are used.
        scorer: Who judges.
        against: Another scorer to put beside it.
        limit: Judge so many of the texts, chosen evenly.
        half: Part of the items by their ids: even is for development, odd for checking.
        mistakes: File to write what is wrong into, item by item, as JSON lines.
        replies: File of replies to a prompt, by a model or any reader, as JSON lines with `item_id`
            and `mentions`; with --gold they are measured on their items in the place of a scorer.
        picture: SVG file to draw precision and recall at every confidence into.
        frontier: SVG file to draw accuracy against USD into, with the replies as the model.
        record: Keep the accuracy in the domain's folder; report and dashboard show it.
    """
    run = check_evaluate(domain, labelled, gold, scorer, against, replies, frontier)
    names = list(dict.fromkeys([scorer, *([against] if against else [])]))
    with Tally() as tally:
        if gold:
            measured = {
                name: evaluate_gold(run, gold, name, half, mistakes, record)
                for name in names
                if replies is None or name != scorer
            }
            if replies:
                measured["replies"] = evaluate_replies(run, gold, replies, half, mistakes)
            if picture:
                draw_gold(run, gold, scorer, half, picture)
            notes = publish_gold(measured)
            notes += draw_frontier(run, gold, replies, half, frontier) if frontier else ()
        if labelled:
            results = {name: evaluate_scorer(run, labelled, name, limit) for name in names}
            for _, counts in results.values():
                tally.add(counts)
            notes = publish_evaluation({name: each for name, (each, _) in results.items()})
        title = f"evaluation on {(gold or labelled or Path()).name}"
        summary = Summary(title, dict(tally.counts), tally.elapsed_seconds, None, notes)
        publish_summary(summary)
        return summary


command = as_command(evaluate, check=check_evaluate)

if __name__ == "__main__":
    run_alone(command)
