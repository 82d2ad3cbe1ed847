"""A campaign: spans of a long backfill handed to workers, each judged by a run of its own, and waited for."""

import hashlib
import itertools
import time
from collections import Counter, deque
from typing import Any, NamedTuple, cast
from uuid import UUID

from prefect import get_client, get_run_logger, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from market_opinion.core.errors import InvalidRequest, RunsFailed
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice, spans
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.scorers.judging import scorer_version
from market_opinion.storage.landing.manifest import Capture
from tasks.fetch import lines_an_hour
from tasks.progress import Tally
from tasks.request import Job

_DEPLOYMENT = "enrich/enrich"
_TRIES = 3
_POLL_SECONDS = 3
# What one request to the server may ask for.
_PAGE = 200


class Part(NamedTuple):
    """A span to be judged, and the fingerprint of what it is judged from."""

    span: Slice
    fingerprint: str

    @property
    def name(self) -> str:
        """Its name in the state store, which may not be long; the communities of a span are many."""
        return f"{self.span.platform} {self.span.window} {hashlib.sha256('+'.join(self.span.communities).encode()).hexdigest()[:12]}"


@task
def find_unjudged(job: Job, slices: list[Slice], *, items_a_run: int, again: bool) -> list[Part]:
    """The slices in spans of about so many items, without those that a run has judged as they are now.

    Judged is what the state store says, which lies with the data; Prefect's own history may be younger, or gone.
    """
    known = {} if again else open_adapters().state().notes(_topic(job))
    scorer = _scorer(job)
    found = []
    for whole in slices:
        captures = (
            open_adapters().landing().captures(whole.platform, whole.communities, whole.window)
        )
        for window in spans(lines_an_hour(whole.window, captures), max_items=items_a_run):
            part = _part(
                job,
                whole.during(window),
                [c for c in captures if c.manifest.window_start in window],
                scorer,
            )
            if known.get(part.name, {}).get("fingerprint") != part.fingerprint:
                found.append(part)
    return found


@task
def hand_out(job: Job, parts: list[Part], tally: Tally, *, at_once: int) -> dict[str, int]:
    """Have every span judged by a run of deployment `enrich`, wait, and sum up what they counted.

    A span that an earlier campaign has handed out is waited for, not handed out twice; the next is handed out when one
    ends, since Prefect looks only twice a minute at what waits for a limit. Raises RunsFailed for spans whose runs fail
    three times.
    """
    waiting: dict[UUID, tuple[Part, int]] = {}
    failed: list[str] = []
    to_go = deque(parts)
    while to_go or waiting:
        while to_go and len(waiting) < at_once:
            part = to_go.popleft()
            waiting[_hand_out(job, part)] = (part, 1)
        time.sleep(_POLL_SECONDS)
        for run in _ended(list(waiting)):
            part, tries = waiting.pop(run.id)
            if run.state_type == StateType.COMPLETED:
                tally.done("enrich", part.span, {})
                get_run_logger().info(
                    "%s is judged, %d spans to go", part.span, len(to_go) + len(waiting)
                )
            elif tries < _TRIES:
                get_run_logger().warning(
                    "%s: run %s ended %s, handed out again", part.span, run.name, run.state_name
                )
                waiting[_hand_out(job, part)] = (part, tries + 1)
            else:
                failed.append(f"{part.span} (run {run.name})")
    if failed:
        message = f"{len(failed)} of {len(parts)} spans were not judged: {'; '.join(failed[:5])}; see their logs and run the campaign again"
        raise RunsFailed(message)
    judged = open_adapters().state().notes(_topic(job))
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(judged[part.name]["counts"])
    return counts


@task
def record_judged(job: Job, counts: dict[str, int]) -> None:
    """Note that the job's hours were judged as they are now, last of all."""
    span = job.hours
    part = _part(
        job,
        span,
        open_adapters().landing().captures(span.platform, span.communities, span.window),
        _scorer(job),
    )
    open_adapters().state().put_notes(
        _topic(job), {part.name: {"fingerprint": part.fingerprint, "counts": counts}}
    )


def _part(job: Job, span: Slice, captures: list[Capture], scorer: str) -> Part:
    """The span as it is now: what was landed of it, for which domain, and what judges; anything else has to be judged again."""
    files = sorted(
        f"{capture.folder}/{file.name} {file.sha256}"
        for capture in captures
        for file in capture.manifest.files
    )
    return Part(
        span,
        hashlib.sha256("\n".join([str(span), job.domain, scorer, *files]).encode()).hexdigest(),
    )


def _scorer(job: Job) -> str:
    """The domain's version and that of whatever judges by it."""
    domain = load_domain(job.domain, load_settings().domains_path)
    return " ".join([domain.version, *scorer_version(domain, load_settings())])


def _hand_out(job: Job, part: Part) -> UUID:
    """The run that judges the span: one that was handed out before and goes on, or else a new one."""
    parameters = _parameters(job, part.span)
    attempts = itertools.count(1)
    while True:
        try:
            name, once = str(part.span.window), f"{part.fingerprint}-{next(attempts)}"
            # No coroutine, since this is no event loop.
            run = cast(
                "FlowRun",
                run_deployment(
                    _DEPLOYMENT,
                    parameters=parameters,
                    timeout=0,
                    idempotency_key=once,
                    flow_run_name=name,
                ),
            )
        except ObjectNotFound as error:
            message = f"the Prefect server knows no deployment {_DEPLOYMENT}: `prefect deploy --all`, and start a worker"
            raise InvalidRequest(message) from error
        if run.state is None or not run.state.is_final():
            return run.id


def _parameters(job: Job, span: Slice) -> dict[str, Any]:
    return {
        "domain": job.domain,
        "source": job.source,
        "mapping": job.mapping,
        "communities": list(span.communities),
        "start": span.window.start.isoformat(),
        "end": span.window.end.isoformat(),
    }


def _ended(ids: list[UUID]) -> list[FlowRun]:
    """Those of the runs that have come to an end."""
    found: list[FlowRun] = []
    with get_client(sync_client=True) as client:
        for start in range(0, len(ids), _PAGE):
            wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids[start : start + _PAGE]))
            found += client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE)
    return [run for run in found if run.state is not None and run.state.is_final()]


def _topic(job: Job) -> str:
    return f"judged {job.domain}"
