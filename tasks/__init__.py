"""Tasks: one file a stage; each is read, call, write, return, with its retries, limits and log."""

from collections.abc import Callable
from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

RetryCondition = Callable[[Task[Any, Any], TaskRun, State[Any]], bool]


def retry_on(*transient: type[Exception]) -> RetryCondition:
    """Return a retry condition that holds for these errors and no others."""

    def condition(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
        return isinstance(state.result(raise_on_failure=False), transient)

    return condition
