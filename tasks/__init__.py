"""Tasks: one file a stage; each is read, call, write, return, with its retries, limits and log."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect import get_run_logger, task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.tasks import Task

from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import Slice
from market_opinion.ops.run import Run
from market_opinion.ops.stage_ledger import StageEntry

Options = ParamSpec("Options")
Counts = TypeVar("Counts")
Make = Callable[Concatenate[Run, Slice, Options], Counts]
EntryOf = Callable[Concatenate[Run, Slice, Options], StageEntry]
RetryCondition = Callable[[Task[Any, Any], TaskRun, State[Any]], bool]


# Counts of what a spent budget left to a later run.
_LEFT_UNDONE = ("unread_item_count", "unjudged_item_count")


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
