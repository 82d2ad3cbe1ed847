"""Weights for the local scorer, learned from labelled items."""

from pathlib import Path

from prefect import flow

from flows.command_line import run_locally
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.evaluate import train_local
from tasks.report import publish_summary
from tasks.request import check_train


@flow(name="train")
def train(
    labelled: Path,
    to: Path,
    domain: str = "smartphones",
    snippets: Path | None = None,
    epochs: int = 4,
) -> Summary:
    """Train the local scorer; set LOCAL_MODEL to the file, and runs judge by it.

    It learns from the texts that every domain folder brings (labelled/train.jsonl) and from
    DOMAIN_train.jsonl files of the folder, and is calibrated on smartphones_dev.jsonl there. Equal
    input on one machine gives equal weights.

    Args:
        labelled: Folder of labelled items, in the form that docs/accuracy.md shows.
        to: File that is written.
        domain: Domain on whose held-out items the confidence is calibrated.
        snippets: Folder of rated snippets (the source archive of vaderSentiment holds one), which
            teach the sign of a clause.
        epochs: How often every example is seen.
    """
    run = check_train(domain, labelled)
    with Tally() as tally:
        note = train_local(run, labelled, snippets, to, epochs)
        title = "weights of the local scorer"
        summary = Summary(title, {}, tally.elapsed_seconds, None, (note,))
        publish_summary(summary)
        return summary


if __name__ == "__main__":
    run_locally(train, check=check_train)
