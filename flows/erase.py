"""Forgetting, on request: a user, or single items."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run
from pydantic import SecretStr

from flows.command_line import as_command, run_alone
from flows.failure import report_failure
from flows.stages import conclude, finish_begun, forget
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.summary import Summary
from tasks.erase import find_erasure
from tasks.request import DomainName, check_erase


@flow(
    name="erase", flow_run_name=run_title, on_failure=[report_failure], on_crashed=[report_failure]
)
def erase(
    domain: DomainName = "smartphones",
    platform: str = "reddit",
    author: SecretStr | None = None,
    author_key: str | None = None,
    items: list[str] | None = None,
    now: datetime | None = None,
) -> Summary:
    """Erase a user, or items, and write a proof that names nobody.

    Landing, lake, mart, report and their histories lose every trace. Every other row stays as it
    is. Safe to run again at any time; what is cut off is finished by the next run of any flow that
    carries data.

    Args:
        domain: Folder below domains/ whose mart and report are rebuilt.
        platform: Where it was said.
        author: User name as on the platform; it is stored nowhere, but Prefect's server sees it.
        author_key: Instead of the name, the key that `python -m market_opinion author-key` prints
            on your own machine, so that no name leaves it.
        items: Ids of items as on the platform, without their type prefix.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    run, reading = check_erase(
        domain, platform, author, author_key, items, now or flow_run.scheduled_start_time
    )
    with Tally() as tally:
        finish_begun(run, tally)
        erasure = find_erasure(run, reading, author, items, author_key)
        proof = forget(run, reading, erasure, tally)
        title = f"erasure on {reading.platform}"
        return conclude(run, tally, title=title, notes=(f"proof: {proof}",))


command = as_command(erase, check=check_erase)

if __name__ == "__main__":
    run_alone(command)
