"""Weights for the local scorer, learned from labelled items."""

import time
from pathlib import Path

from prefect import flow

from flows.command_line import as_command, run_alone
from flows.titles import run_title
from market_opinion.ops.summary import Summary
from tasks.evaluate import train_local
from tasks.report import publish_summary
from tasks.request import DomainName, check_train


@flow(name="train", flow_run_name=run_title)
def train(
    labelled: Path,
    to: Path,
    domain: DomainName = "smartphones",
    snippets: Path | None = None,
    toned: tuple[Path, ...] = (),
    start: Path | None = None,
    epochs: int = 4,
) -> Summary:
    """Train the local scorer; set LOCAL_MODEL to the file, and runs judge by it.

    It learns from the texts that every domain folder brings (labelled/train*.jsonl) and from
    DOMAIN_train.jsonl files of the folder, and is calibrated on labelled/dev.jsonl of the domains
    and DOMAIN_dev.jsonl of the folder. Equal input on one machine gives equal weights.

    Args:
        labelled: Folder of labelled items, in the form that docs/accuracy.md shows.
        to: File that is written.
        domain: Domain whose name the run has; all domains are learned at once.
        snippets: Folder of rated snippets (the source archive of vaderSentiment holds one), which
            teach the sign of a clause.
        toned: Files of whole texts with a tone, as `flows.evaluate --labelled` reads them; half of
            them teach the sign.
        start: Weights to go on from, such as an earlier file of this command; without it training
            starts from the published encoder alone.
        epochs: How often every example is seen; with 0 the weights of `start` are only calibrated,
            as after a change of the rules.
    """
    run = check_train(domain, labelled)
    start_seconds = time.monotonic()
    note = train_local(
        run,
        to,
        labelled=labelled,
        snippets=snippets,
        toned=toned,
        start=start,
        epochs=epochs,
    )
    title, elapsed_seconds = "weights of the local scorer", time.monotonic() - start_seconds
    summary = Summary(title, {}, elapsed_seconds, None, (note,))
    publish_summary(summary)
    return summary


command = as_command(train, check=check_train)

if __name__ == "__main__":
    run_alone(command)
