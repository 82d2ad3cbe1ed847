"""Forgetting, on request: a user, or single items."""

from datetime import datetime

from prefect import flow
from prefect.runtime import flow_run
from pydantic import SecretStr

from flows.stages import conclude, forget
from tasks.alerts import report_failure
from tasks.local import run_locally
from tasks.progress import Tally
from tasks.removal import check_erase, wanted_erasure
from tasks.report import Summary


@flow(name="erase", on_failure=[report_failure], on_crashed=[report_failure])
def erase(
    domain: str = "smartphones",
    platform: str = "reddit",
    author: SecretStr | None = None,
    items: list[str] | None = None,
    now: datetime | None = None,
) -> Summary:
    """Erase a user, or items, from landing, lake, mart, report and their histories, and write a proof that names nobody.

    Every other row stays as it is. Safe to run again at any time; after a crash, run it again with the same parameters.

    Args:
        domain: Folder below domains/ whose mart and report are rebuilt.
        platform: Where it was said.
        author: User name as on the platform; it is stored nowhere.
        items: Ids of items as on the platform, without their type prefix.
        now: Run as if it were this time, in UTC; the scheduled start when left out.
    """
    job = check_erase(domain, platform, author, items, now or flow_run.scheduled_start_time)
    with Tally() as tally:
        proof = forget(job, wanted_erasure(job, author, items), None, tally)
        return conclude(job, tally, title=f"erasure on {job.platform}", notes=(f"proof: {proof}",))


if __name__ == "__main__":
    run_locally(erase, check=check_erase)
