"""Flows on the command line: parameters are options, and Prefect is a quiet part of the process."""

import functools
import inspect
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, ParamSpec, cast, get_args, get_origin

import cyclopts
from prefect import Flow, Task
from prefect.settings import (
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    get_current_settings,
    temporary_settings,
)
from pydantic import WithJsonSchema
from rich.console import Console

from market_opinion.core.console import run
from market_opinion.core.errors import MarketOpinionError
from market_opinion.core.settings import load_settings
from market_opinion.ops.summary import Summary

P = ParamSpec("P")
Q = ParamSpec("Q")
Command = Callable[..., None]
# The settings of prefect.toml, which an installed package does not have beside it. The first start
# of a new database takes longer than Prefect's 20 seconds.
_OUTSIDE_A_CHECKOUT: dict[Any, Any] = {
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 120,
    PREFECT_SERVER_ANALYTICS_ENABLED: False,
}


def as_command(
    flow: Flow[P, Summary], *, check: Task[Q, Any], positional: str | None = None
) -> Command:
    """Return the flow as a command, whose options are the flow's parameters.

    `check` is the flow's first task. It runs before Prefect starts, so that a mistake is answered
    at once. The parameter `positional` may stand without its name. The command ends with 1 for a
    run that is not as expected.
    """

    @functools.wraps(flow.fn)
    def command(*names: Any, **options: Any) -> None:  # noqa: ANN401, a flow takes anything
        bound = inspect.signature(flow.fn).bind(*names, **options)
        bound.apply_defaults()
        began_seconds = time.monotonic()
        values = bound.arguments | {"now": bound.arguments.get("now") or datetime.now(UTC)}
        try:
            check.fn(**{name: values[name] for name in inspect.signature(check.fn).parameters})  # type: ignore[call-arg]  # by name
            Console(stderr=True).print(f"[dim]{_starting()}[/]")
            with _embedded_prefect():
                summary = cast("Summary", flow(**bound.arguments))
        except MarketOpinionError as error:
            _drop_traces(error)
            raise
        summary.show(Console())
        seconds = time.monotonic() - began_seconds
        Console(stderr=True).print(f"[dim]{seconds:.0f} s in all, with Prefect's start[/]")
        if not summary.is_as_expected:
            sys.exit(1)

    options = [
        _option(parameter, is_positional=parameter.name == positional)
        for parameter in inspect.signature(flow.fn).parameters.values()
    ]
    command.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # cyclopts reads it
    command.__annotations__ = {option.name: option.annotation for option in options}
    return command


def _starting() -> str:
    """Return what the person waits for; a home's first start makes Prefect's database."""
    has_database = (load_settings().home_path / "prefect").exists()
    return "starting Prefect" if has_database else "starting Prefect, some 15 seconds this once"


def run_alone(command: Command) -> None:
    """Run the command line of this process, which is this one command."""
    app = cyclopts.App(name=f"python -m flows.{command.__name__}", version_flags=())
    app.default(command)
    run(app)


def _option(parameter: inspect.Parameter, *, is_positional: bool) -> inspect.Parameter:
    """Return a flow's parameter as an option with its choices."""
    place = parameter.POSITIONAL_OR_KEYWORD if is_positional else parameter.KEYWORD_ONLY
    kind: Any = parameter.annotation
    shape = cyclopts.Parameter(negative=(), consume_multiple=True)
    if choices := _choices(kind):
        kind = Literal[tuple(choices)]
    elif datetime in {kind, *get_args(kind)}:
        shape = cyclopts.Parameter(negative=(), converter=_moment)
    return parameter.replace(kind=place, annotation=Annotated[kind, shape])


def _choices(annotation: object) -> list[str]:
    """Return the values that the parameter's form offers."""
    if get_origin(annotation) is not Annotated:
        return []
    schemas = (
        part.json_schema for part in get_args(annotation) if isinstance(part, WithJsonSchema)
    )
    return next((list(schema["enum"]) for schema in schemas if schema and "enum" in schema), [])


def _moment(_kind: object, tokens: Sequence[cyclopts.Token]) -> datetime:
    """Return the time that is written as a date, a time or seconds since 1970; it counts as UTC."""
    text = tokens[0].value
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text), UTC)
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        message = (
            f"{text} is no time: write 2024-11-01, 2024-11-01T06:00 or seconds since 1970, in UTC"
        )
        raise ValueError(message) from error


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
    # To tell whether it may leave out registering block types, Prefect's server would import every
    # integration at each start, Snowflake's clients too: three seconds, to save a tenth of one.
    changes: dict[Any, Any] = {
        PREFECT_LOGGING_TO_API_ENABLED: False,
        PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION: False,
    }
    if "startup_timeout_seconds" not in configured.server.ephemeral.model_fields_set:
        changes |= _OUTSIDE_A_CHECKOUT
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
