"""Scorers beside labels that people gave."""

from pathlib import Path

from prefect import flow

from market_opinion.scorers.judging import ScorerName
from market_opinion.truth.evaluation import Evaluation
from tasks.evaluate import evaluate_scorer, publish_evaluation
from tasks.local import run_locally
from tasks.progress import Tally
from tasks.report import Summary, publish_summary
from tasks.request import check_evaluate


@flow(name="evaluate")
def evaluate(
    labelled: Path,
    domain: str = "smartphones",
    scorer: ScorerName = "lexicon",
    against: ScorerName | None = None,
    limit: int | None = None,
) -> Summary:
    """Say how often a scorer agrees with labels that people gave: accuracy, F1 of each class, aspects found, evidence, coverage and cost.

    Args:
        labelled: File or folder of labelled texts: JSON lines, a CSV of tweets, or marked review sentences.
        domain: Folder below domains/ whose aspects and cues are used.
        scorer: Who judges.
        against: Another scorer to put beside it.
        limit: Judge so many of the texts, chosen evenly.
    """
    job = check_evaluate(domain, labelled, scorer, against)
    with Tally() as tally:
        found: dict[str, Evaluation] = {}
        for name in dict.fromkeys([scorer, *([against] if against else [])]):
            found[name], counts = evaluate_scorer(job, labelled, name, limit)
            tally.add(counts)
        notes = publish_evaluation(found)
        summary = Summary(
            f"evaluation on {labelled.name}", dict(tally.counts), tally.elapsed_seconds, None, notes
        )
        publish_summary(summary)
        return summary


if __name__ == "__main__":
    run_locally(evaluate, check=check_evaluate)
