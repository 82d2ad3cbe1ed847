"""Tasks: one file a stage; each is read, call, write, return, with its retries, limits and log.

Prefect draws a task after those whose values it takes. As nearly all take the checked run, that
would be a fan, so a task of ours is drawn after the one that was called before it, see `task`.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload
from uuid import UUID

from prefect import get_run_logger
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State, StateDetails, TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.states import Completed
from prefect.tasks import Task
from prefect.utilities.annotations import quote

from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import Slice
from market_opinion.ops.run import Run
from market_opinion.ops.stage_ledger import StageEntry

P = ParamSpec("P")
R = TypeVar("R")
Item = TypeVar("Item")
Options = ParamSpec("Options")
Counts = TypeVar("Counts")
Make = Callable[Concatenate[Run, Slice, Options], Counts]
EntryOf = Callable[Concatenate[Run, Slice, Options], StageEntry]
RetryCondition = Callable[[Task[Any, Any], TaskRun, State[Any]], bool]


# Counts of what a spent budget left to a later run.
_LEFT_UNDONE = ("unread_item_count", "unjudged_item_count")
# A flow's run, and the task runs in it that its next task is drawn after.
_latest: ContextVar[tuple[UUID, list[UUID]] | None] = ContextVar("latest", default=None)


class Step(Task[P, R], Generic[P, R]):
    """A task that is drawn after the step before it, whatever values it takes."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:  # type: ignore[override]  # fewer options
        """Run the task, and return its result or raise its error."""
        context = FlowRunContext.get()
        if context is None:
            return super().__call__(*args, **kwargs)
        # Prefect knows results by their address, where another value may lie by now.
        context.run_results.clear()
        state: State[R] = super().__call__(
            *map(quote, args),
            **{name: quote(value) for name, value in kwargs.items()},
            wait_for=[_ended(task_run_id) for task_run_id in _steps_before()],
            return_state=True,
        )
        result = state.result()
        if task_run_id := state.state_details.task_run_id:
            _put_steps([task_run_id])
        return result


@overload
def task(make: Callable[P, R], /) -> Step[P, R]: ...
@overload
def task(**options: Any) -> Callable[[Callable[P, R]], Step[P, R]]: ...  # noqa: ANN401, Prefect's
def task(make: Callable[P, R] | None = None, /, **options: Any) -> Any:
    """Return a function as a step, with the options of Prefect's own decorator."""
    return functools.partial(Step, **options) if make is None else Step(make)


def abreast(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items; the steps of each are drawn beside those of the others.

    The first step of an item follows the one before the loop. The step after the loop follows the
    last one of each item.
    """
    before, ends = _steps_before(), list[UUID]()
    for item in items:
        _put_steps(before)
        yield item
        ends += [step for step in _steps_before() if step not in before]
    _put_steps(ends or before)


def _steps_before() -> list[UUID]:
    flow_run_id, steps = _latest.get() or (None, [])
    return steps if flow_run_id == _flow_run_id() else []


def _put_steps(steps: list[UUID]) -> None:
    if (flow_run_id := _flow_run_id()) is not None:
        _latest.set((flow_run_id, steps))


def _flow_run_id() -> UUID | None:
    context = FlowRunContext.get()
    return context.flow_run.id if context and context.flow_run else None


def _ended(task_run_id: UUID) -> State[bool]:
    """Return a state to wait for, which holds nothing of the step's result."""
    return Completed(data=True, state_details=StateDetails(task_run_id=task_run_id))


def retry_on(*transient: type[Exception]) -> RetryCondition:
    """Return a retry condition that holds for these errors and no others."""

    def condition(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
        return isinstance(state.result(raise_on_failure=False), transient)

    return condition


def stage(
    name: str, entry_of: EntryOf[Options]
) -> Callable[[Make[Options, Counts]], Task[Concatenate[Run, Slice, Options], Counts]]:
    """Return a decorator that makes a task of a stage's function; `name` is that of its runs.

    The task calls the function only if the inputs or rows of the stage have changed since it was
    entered as made, and else returns the counts of that time. A stage that left items unjudged is
    not entered. Prefect shows a stage of a backfill as Cached where it kept the counts itself.
    """

    def decorate(
        make: Make[Options, Counts],
    ) -> Task[Concatenate[Run, Slice, Options], Counts]:
        counts_type = make.__annotations__["return"]

        @functools.wraps(make)
        def make_if_changed(
            run: Run, span: Slice, *args: Options.args, **options: Options.kwargs
        ) -> Counts:
            entry = entry_of(run, span, *args, **options)
            if earlier := entry.earlier():
                get_run_logger().info("%s %s: made before, nothing changed", entry.name, span)
                known: Counts = counts_type(**earlier["counts"])
                return known
            counts = make(run, span, *args, **options)
            if not any(getattr(counts, name, None) for name in _LEFT_UNDONE):
                entry.write(counts)
            return counts

        return task(
            task_run_name=name,
            retries=2,
            retry_delay_seconds=5,
            retry_condition_fn=retry_on(CommitConflict),
            cache_policy=_StageCache(entry_of=entry_of),
        )(make_if_changed)

    return decorate


@dataclass(kw_only=True)
class _StageCache(CachePolicy):
    """Prefect's cache of a stage: its key is the digest of the inputs and the run that made it.

    A stage whose rows are gone, or were made from other inputs since, has no run that made it, and
    so misses. Hourly runs keep no results, since each would leave some for good.
    """

    entry_of: Callable[..., StageEntry]

    def compute_key(
        self,
        task_ctx: TaskRunContext,  # noqa: ARG002, Prefect's own signature
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],  # noqa: ARG002
        **_: Any,  # noqa: ANN401
    ) -> str | None:
        """Return the key of a call; None for a call whose result is not kept."""
        entry = self.entry_of(**inputs)
        if entry.run.mode != "backfill":
            return None
        earlier = entry.earlier()
        made_by = earlier["run_id"] if earlier else entry.run.run_id
        return f"{entry.digest}-{made_by}"
