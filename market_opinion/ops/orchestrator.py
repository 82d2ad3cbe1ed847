"""The Prefect server: what a run needs of it and shows on it, shared slots, past runs."""

import logging
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import yaml
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterEndTime,
)
from prefect.client.schemas.objects import FlowRun
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.runtime import flow_run, task_run
from prefect.settings import (
    PREFECT_CLIENT_MAX_RETRIES,
    get_current_settings,
    temporary_settings,
)
from prefect.types import DateTime

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.visible import shown_uri

R = TypeVar("R")
ERRORS = (httpx.HTTPError, PrefectException)
# What a run shows is no part of its work: it is tried once, and not for long.
_SHOWN_WITHIN_SECONDS = 5
_PROGRESS_EVERY_SECONDS = 10
_RUNS_A_REQUEST = 200
_LOCK_SECONDS = 5
_PATIENCE_SECONDS, _POLL_SECONDS = 900, 10
_PREFECT_FILE = Path(__file__).parents[2] / "prefect.yaml"
# Other projects may keep variables on the same server.
VARIABLE_PREFIX = "market_opinion_"
_log = logging.getLogger(__name__)


def server_url() -> str | None:
    """Return the address of the Prefect server; None where flows run in their own process."""
    return get_current_settings().api.url


def missing_parts(url: str, *, concurrency_limit: str | None) -> list[str]:
    """Return what the server lacks, each with the command that brings it.

    The list is empty where runs can start.
    """
    with get_client(sync_client=True) as client:
        if (error := client.api_healthcheck()) is not None:
            message = (
                f"{shown_uri(url)} does not answer ({error}): start it, or correct PREFECT_API_URL"
            )
            return [message]
        pool = client.read_variable_by_name(f"{VARIABLE_PREFIX}pool")
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

    Without a limit nothing is asked of Prefect. A server that does not answer, or does not know the
    limit yet, is waited for. Raises SettingsInvalid where it still does after 15 minutes.
    """
    with ExitStack() as held:
        if limit is not None:
            _hold(held, limit)
        yield


def _hold(held: ExitStack, limit: str) -> None:
    """See `turn`."""
    last = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            # A server that does not answer for a while is no reason to stop asking the model.
            slot = concurrency(limit, strict=True, raise_on_lease_renewal_failure=False)
            held.enter_context(slot)
        except (ConcurrencySlotAcquisitionError, *ERRORS) as error:
            message = (
                f"LLM_CONCURRENCY_LIMIT={limit} cannot be held ({error}):"
                f" create it with `prefect gcl create {limit} --limit 1`"
            )
            if time.monotonic() >= last:
                raise SettingsInvalid(message) from error
            _log.warning("%s; waiting", message)
            time.sleep(_POLL_SECONDS)
        else:
            return


def put_page(markdown: str, description: str) -> None:
    """Put a page on the current run, as the next one of its flow and domain.

    Nothing happens outside of a run; a refusal of the server is logged.
    """
    _put_artifact("markdown", _key(), markdown, description)


class RunProgress:
    """The progress of the current run, on Prefect's page of it; at most one request in 10 s.

    After a refusal, which is logged, nothing more is asked of the server.
    """

    def __init__(self) -> None:
        """Begin without progress, which is shown after 10 s at the earliest."""
        self._artifact: UUID | None = None
        self._is_refused = False
        self._shown_at_seconds = time.monotonic()

    def show(self, ratio: float, text: str) -> None:
        """Show which share of the steps is done, from 0 to 1, and what the text says of them."""
        if time.monotonic() - self._shown_at_seconds >= _PROGRESS_EVERY_SECONDS:
            self._put(ratio, text)
            self._shown_at_seconds = time.monotonic()

    def end(self, text: str) -> None:
        """Show that all is done, where some progress was shown."""
        if self._artifact is not None:
            self._put(1.0, text)

    def _put(self, ratio: float, text: str) -> None:
        if self._is_refused:
            return
        if self._artifact is None:
            key = f"{_key()}-progress"
            self._artifact = _put_artifact("progress", key, 100 * ratio, text)
            self._is_refused = self._artifact is None
        else:
            self._is_refused = not _update_artifact(self._artifact, 100 * ratio, text)


def _put_artifact(kind: str, key: str, data: str | float, description: str) -> UUID | None:
    """Return the id of a new artifact of the current run; None outside of one or if refused."""
    if flow_run.id is None:
        return None
    artifact = ArtifactCreate(
        key=key,
        type=kind,
        data=data,
        description=description,
        flow_run_id=UUID(flow_run.id),
        task_run_id=UUID(task_run.id) if task_run.id else None,
    )
    return _in_haste(kind, lambda client: client.create_artifact(artifact).id)


def _update_artifact(artifact: UUID, data: float, description: str) -> bool:
    """Return whether the server took the new data."""

    def ask(client: SyncPrefectClient) -> bool:
        client.update_artifact(artifact, ArtifactUpdate(data=data, description=description))
        return True

    return _in_haste("progress", ask) or False


def _in_haste(kind: str, ask: Callable[[SyncPrefectClient], R]) -> R | None:
    """Return the answer to a client that does not wait long; log a refusal, and return None."""
    haste: dict[Any, Any] = {PREFECT_CLIENT_MAX_RETRIES: 0}
    # Without settings of its own it would be the run's client, with its patience.
    settings = {"timeout": _SHOWN_WITHIN_SECONDS}
    try:
        with temporary_settings(haste), get_client(settings, sync_client=True) as client:
            return ask(client)
    except ERRORS as error:
        _log.warning("Prefect took no %s of the run (%s: %s)", kind, type(error).__name__, error)
        return None


def _key() -> str:
    """Return the key of the current run's artifacts: its flow and domain, in what Prefect takes."""
    words = (flow_run.flow_name or "run", str(flow_run.parameters.get("domain") or ""))
    return re.sub(r"[^a-z0-9]+", "-", "-".join(filter(None, words)).lower()).strip("-")


def runs_ended_before(moment: datetime) -> int:
    """Return how many of the next 200 runs to forget ended before a moment."""
    with get_client(sync_client=True) as client:
        return len(_ended(client, moment))


def forget_runs(moment: datetime) -> int:
    """Delete runs that ended before a moment, with their tasks and artifacts; return their number.

    What they leave free is used for later runs; a file that is free for the most part shrinks.
    """
    count = 0
    with get_client(sync_client=True) as client:
        while runs := _ended(client, moment):
            for run in runs:
                _delete(client, run)
            count += len(runs)
    _shrink()
    return count


def _ended(client: SyncPrefectClient, moment: datetime) -> list[FlowRun]:
    before = FlowRunFilterEndTime(before_=DateTime.fromisoformat(moment.isoformat()))
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(end_time=before), limit=_RUNS_A_REQUEST
    )


def _delete(client: SyncPrefectClient, run: FlowRun) -> None:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    for artifact in client.read_artifacts(artifact_filter=of_run):
        with suppress(ObjectNotFound):  # another run forgets it as well
            client.delete_artifact(artifact.id)
    with suppress(ObjectNotFound):
        client.delete_flow_run(run.id)


def _shrink() -> None:
    """Give the space of Prefect's embedded database back, once more than half of it is free."""
    path = get_current_settings().home / "prefect.db"
    if not path.exists():
        return
    with closing(sqlite3.connect(path, timeout=_LOCK_SECONDS)) as database:
        ((pages,),) = database.execute("PRAGMA page_count")
        ((free,),) = database.execute("PRAGMA freelist_count")
        if 2 * free > pages:
            with suppress(sqlite3.OperationalError):  # in use: the next time
                database.execute("VACUUM")
