"""A campaign: parts of a long backfill, each judged by a run of its own on the workers."""

import itertools
import time
from collections import Counter, deque
from typing import Any, NamedTuple, Protocol, cast
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from market_opinion.core.errors import InvalidRequest, RunsFailed
from market_opinion.core.window import Slice
from market_opinion.ops.campaign_parts import Part, campaign_of, unjudged
from market_opinion.ops.progress import Tally
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from tasks import task

_DEPLOYMENT = "enrich/enrich"
_TRIES = 3
_POLL_SECONDS = 3
# One request to the server may ask for so many runs.
_PAGE = 200


@task
def find_unjudged(run: Run, slices: list[Slice], *, items_a_run: int, again: bool) -> list[Part]:
    """Return the slices in parts of about so many items, without parts that are judged as they are.

    The state store, which lies with the data, remembers the judged parts; Prefect's own history may
    be younger, or gone.
    """
    campaign, landing = campaign_of(run), run.adapters.landing()
    parts = [
        part
        for whole in slices
        for part in campaign.parts(
            whole,
            landing.captures(whole.platform, whole.communities, whole.window),
            items=items_a_run,
        )
    ]
    return parts if again else unjudged(parts, run.adapters.state().notes(campaign.topic))


@task
def hand_out(
    run: Run, reading: Reading, parts: list[Part], tally: Tally, *, at_once: int
) -> dict[str, int]:
    """Have every part judged by a run of deployment `enrich`, wait, and add up their counts.

    A part that an earlier campaign has handed out is waited for, not handed out twice. The next
    part is handed out when one ends, since Prefect looks only twice a minute at runs that wait for
    a limit. Raises RunsFailed for parts whose runs fail three times.
    """
    failed = Queue(parts, _Deployment(run, reading), tally).work(at_once)
    if failed:
        message = (
            f"{len(failed)} of {len(parts)} spans were not judged: {'; '.join(failed[:5])};"
            " see their logs and run the campaign again"
        )
        raise RunsFailed(message)
    judged = run.adapters.state().notes(campaign_of(run).topic)
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(judged[part.name]["counts"])
    return counts


@task
def record_judged(run: Run, reading: Reading, counts: dict[str, int]) -> None:
    """Note that the reading's hours are judged as they are now, last of all."""
    campaign, span = campaign_of(run), reading.hours
    captures = run.adapters.landing().captures(span.platform, span.communities, span.window)
    part = campaign.part(span, captures)
    note = {"fingerprint": part.fingerprint, "counts": counts}
    run.adapters.state().put_notes(campaign.topic, {part.name: note})


class EndedRun(NamedTuple):
    """A run that has come to an end, and how."""

    id: UUID
    name: str
    state: str
    is_completed: bool


class Workers(Protocol):
    """Those who judge parts, each in a run of its own."""

    def hand_out(self, part: Part) -> UUID:
        """Return the run that judges the part."""

    def ended(self, ids: list[UUID]) -> list[EndedRun]:
        """Return those of the runs that have come to an end."""


class Queue:
    """Parts that wait for a run, and the runs that go on."""

    def __init__(
        self, parts: list[Part], workers: Workers, tally: Tally, *, pause: float = _POLL_SECONDS
    ) -> None:
        """Begin with nothing handed out; `pause` is the seconds between two looks at the runs."""
        self._workers = workers
        self._tally = tally
        self._pause = pause
        self._to_go = deque(parts)
        self._waiting: dict[UUID, tuple[Part, int]] = {}
        self._failed: list[str] = []

    def work(self, at_once: int) -> list[str]:
        """Hand out until all runs have ended, and return the parts that failed."""
        while self._to_go or self._waiting:
            while self._to_go and len(self._waiting) < at_once:
                part = self._to_go.popleft()
                self._waiting[self._workers.hand_out(part)] = (part, 1)
            time.sleep(self._pause)
            for ended in self._workers.ended(list(self._waiting)):
                self._end(ended)
        return self._failed

    def _end(self, ended: EndedRun) -> None:
        part, tries = self._waiting.pop(ended.id)
        if ended.is_completed:
            self._tally.done("enrich", part.span, {})
            count = len(self._to_go) + len(self._waiting)
            get_run_logger().info("%s is judged, %d spans to go", part.span, count)
        elif tries < _TRIES:
            get_run_logger().warning(
                "%s: run %s ended %s, handed out again", part.span, ended.name, ended.state
            )
            self._waiting[self._workers.hand_out(part)] = (part, tries + 1)
        else:
            self._failed.append(f"{part.span} (run {ended.name})")


class _Deployment:
    """Workers of a Prefect server: each part is judged by a run of deployment `enrich`."""

    def __init__(self, run: Run, reading: Reading) -> None:
        self._run = run
        self._reading = reading

    def hand_out(self, part: Part) -> UUID:
        """Return the run that judges the part: one that still goes on, or a new one."""
        parameters = parameters_of(self._run, self._reading, part.span)
        attempts = itertools.count(1)
        while True:
            try:
                name, once = str(part.span.window), f"{part.fingerprint}-{next(attempts)}"
                # No coroutine, since no event loop runs here.
                flow_run = cast(
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
                message = (
                    f"the Prefect server knows no deployment {_DEPLOYMENT}: `prefect deploy --all`,"
                    " and start a worker"
                )
                raise InvalidRequest(message) from error
            if flow_run.state is None or not flow_run.state.is_final():
                return flow_run.id

    def ended(self, ids: list[UUID]) -> list[EndedRun]:
        """Return those of the runs that have come to an end."""
        flow_runs: list[FlowRun] = []
        with get_client(sync_client=True) as client:
            for start in range(0, len(ids), _PAGE):
                page = FlowRunFilter(id=FlowRunFilterId(any_=ids[start : start + _PAGE]))
                flow_runs += client.read_flow_runs(flow_run_filter=page, limit=_PAGE)
        return [
            EndedRun(each.id, each.name, str(each.state_name), each.state.is_completed())
            for each in flow_runs
            if each.state is not None and each.state.is_final()
        ]


def parameters_of(run: Run, reading: Reading, span: Slice) -> dict[str, Any]:
    """Return the parameters of flow `enrich` for a span of the campaign."""
    return {
        "domain": run.domain,
        "source": reading.source,
        "mapping": reading.mapping,
        "communities": list(span.communities),
        "start": span.window.start.isoformat(),
        "end": span.window.end.isoformat(),
        "campaign": f"{run.domain} {reading.source} {reading.window or 'all hours'}",
    }
