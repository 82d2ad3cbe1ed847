"""The Prefect server: what a run needs of it, and the slots that callers of a model share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import get_current_settings

from market_opinion.core.errors import SettingsInvalid

ERRORS = (httpx.HTTPError, PrefectException)
_PREFECT_FILE = Path(__file__).parents[2] / "prefect.yaml"


def server_url() -> str | None:
    """Return the address of the Prefect server; None where flows run in their own process."""
    return get_current_settings().api.url


def missing_parts(url: str, *, concurrency_limit: str | None) -> list[str]:
    """Return what the server lacks, each with the command that brings it.

    The list is empty where runs can start.
    """
    with get_client(sync_client=True) as client:
        if (error := client.api_healthcheck()) is not None:
            return [f"{url} does not answer ({error}): start it, or correct PREFECT_API_URL"]
        pool = client.read_variable_by_name("pool")
        if pool is None:
            return [
                f"{url} knows no work pool of ours: `python -m infra.orchestration local`, or ecs"
            ]
        return list(_missing_parts(client, str(pool.value), concurrency_limit))


def _missing_parts(client: SyncPrefectClient, pool: str, limit: str | None) -> Iterator[str]:
    present = {deployment.name for deployment in client.read_deployments()}
    if missing := sorted(set(deployment_names()) - present):
        yield f"{', '.join(missing)} not deployed: `prefect --no-prompt deploy --all`"
    if limit:
        try:
            client.read_global_concurrency_limit_by_name(limit)
        except ObjectNotFound:
            yield f"no concurrency limit {limit}: `prefect gcl create {limit} --limit 1`"
    if not any(worker.status == "ONLINE" for worker in client.read_workers_for_work_pool(pool)):
        yield f"no worker serves pool {pool}: `prefect worker start --pool {pool}`"


def deployment_names() -> list[str]:
    """Return the names of the deployments in prefect.yaml."""
    entries = yaml.safe_load(_PREFECT_FILE.read_text(encoding="utf-8"))["deployments"]
    return [entry["name"] for entry in entries]


@contextmanager
def turn(limit: str | None) -> Iterator[None]:
    """Hold a slot of a global concurrency limit, so that one account's rate has one user at a time.

    Without a limit nothing is asked of Prefect. Raises SettingsInvalid for a limit that does not
    exist.
    """
    if limit is None:
        yield
        return
    try:
        # A server that does not answer for a while is no reason to stop asking the model.
        with concurrency(limit, strict=True, raise_on_lease_renewal_failure=False):
            yield
    except ConcurrencySlotAcquisitionError as error:
        message = (
            f"LLM_CONCURRENCY_LIMIT={limit} cannot be held ({error}):"
            f" create it with `prefect gcl create {limit} --limit 1`"
        )
        raise SettingsInvalid(message) from error
