"""A scorer of one's own, learned from labels."""

from pathlib import Path

from prefect import flow

from flows.command_line import run_locally
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.evaluate import train_linear
from tasks.report import publish_summary
from tasks.request import check_train


@flow(name="train")
def train(domain: str = "smartphones", labelled: Path | None = None) -> Summary:
    """Train the linear scorer of a domain.

    It learns from opinions of a language model on your own texts, or from a labelled file.

    Args:
        domain: Folder below domains/ it is for.
        labelled: File of labelled texts; what SCORER=llm has judged in the lake when left out.
    """
    run = check_train(domain, labelled)
    with Tally() as tally:
        summary = Summary(
            f"linear scorer of {domain}",
            {},
            tally.elapsed_seconds,
            None,
            train_linear(run, labelled),
        )
        publish_summary(summary)
        return summary


if __name__ == "__main__":
    run_locally(train, check=check_train)
