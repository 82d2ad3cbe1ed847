"""Flows on the command line: parameters are options, and Prefect is a quiet part of the process."""

import functools
import inspect
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ParamSpec, cast

import cyclopts
from prefect import Flow, Task
from prefect.settings import (
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    get_current_settings,
    temporary_settings,
)
from rich.console import Console

from market_opinion.core.console import refuse
from market_opinion.core.errors import MarketOpinionError
from market_opinion.core.settings import load_settings
from market_opinion.ops.summary import Summary

P = ParamSpec("P")
Q = ParamSpec("Q")


def run_locally(flow: Flow[P, Summary], *, check: Task[Q, Any]) -> None:
    """Run the flow with the command line's parameters; a mistake in them ends the process with 2.

    `check` is the flow's first task. It runs before Prefect starts, so that a mistake is answered
    at once.
    """
    app = cyclopts.App(name=f"python -m flows.{flow.name}", help=flow.description, version_flags=())

    @app.default
    @functools.wraps(flow.fn)
    def command(*args: Any, **options: Any) -> None:  # noqa: ANN401, a flow takes anything
        bound = inspect.signature(flow.fn).bind(*args, **options)
        bound.apply_defaults()
        values = bound.arguments | {"now": bound.arguments.get("now") or datetime.now(UTC)}
        try:
            check.fn(**{name: values[name] for name in inspect.signature(check.fn).parameters})  # type: ignore[call-arg]  # by name
            Console(stderr=True).print("[dim]starting Prefect, some 15 seconds the first time[/]")
            with _embedded_prefect():
                summary = cast("Summary", flow(**bound.arguments))
        except MarketOpinionError as error:
            refuse(error)
            _drop_traces(error)
            sys.exit(2)
        summary.show(Console())

    app(sys.argv[1:])


def _drop_traces(error: BaseException | None) -> None:
    """Drop the traces of an error.

    Prefect keeps the error to the very end, and DuckDB complains there of what its frames hold.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


@contextmanager
def _embedded_prefect() -> Iterator[None]:
    """Make Prefect a part of this process, which shows only warnings.

    Its files lie in the home folder unless it is configured otherwise.
    """
    configured = get_current_settings()
    changes: dict[Any, Any] = {PREFECT_LOGGING_TO_API_ENABLED: False}
    if "home" not in configured.model_fields_set and configured.api.url is None:
        changes |= {PREFECT_HOME: load_settings().home_path.resolve() / "prefect"}
    # A failing flow is reported by its caller; Prefect would print the same trace twice before.
    levels = {
        "prefect": logging.WARNING,
        "prefect.flow_runs": logging.CRITICAL,
        "prefect.task_runs": logging.CRITICAL,
    }
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    with temporary_settings(changes):
        yield
