"""Scorers beside labels that people gave."""

from pathlib import Path

from prefect import flow

from flows.command_line import run_locally
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from market_opinion.scorers.judging import ScorerName
from market_opinion.truth.evaluation import Evaluation
from tasks.evaluate import evaluate_scorer, publish_evaluation
from tasks.report import publish_summary
from tasks.request import check_evaluate


@flow(name="evaluate")
def evaluate(
    labelled: Path,
    domain: str = "smartphones",
    scorer: ScorerName = "lexicon",
    against: ScorerName | None = None,
    limit: int | None = None,
) -> Summary:
    """Compare a scorer with labels that people gave.

    The figures are accuracy, F1 of each class, aspects, evidence, coverage and cost.

    Args:
        labelled: File or folder of labelled texts: JSON lines, a CSV of tweets, or marked review
            sentences.
        domain: Folder below domains/ whose aspects and cues are used.
        scorer: Who judges.
        against: Another scorer to put beside it.
        limit: Judge so many of the texts, chosen evenly.
    """
    run = check_evaluate(domain, labelled, scorer, against)
    with Tally() as tally:
        results: dict[str, Evaluation] = {}
        for name in dict.fromkeys([scorer, *([against] if against else [])]):
            results[name], counts = evaluate_scorer(run, labelled, name, limit)
            tally.add(counts)
        notes = publish_evaluation(results)
        summary = Summary(
            f"evaluation on {labelled.name}", dict(tally.counts), tally.elapsed_seconds, None, notes
        )
        publish_summary(summary)
        return summary


if __name__ == "__main__":
    run_locally(evaluate, check=check_evaluate)
