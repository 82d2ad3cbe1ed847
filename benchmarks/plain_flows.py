"""Flows as plain functions: no server of Prefect, whose start would be most of a short run."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from prefect import Task
from prefect.logging import disable_run_logger
from prefect.runtime import flow_run

from flows import stages


@contextmanager
def plain_flows(now: datetime | None = None, *, with_report: bool = True) -> Iterator[None]:
    """Make tasks plain calls while the context lasts; `now` is when every run is scheduled."""
    before = Task.__call__, stages.draw_report
    start = flow_run.FIELDS["scheduled_start_time"]
    Task.__call__ = lambda task, *args, **options: task.fn(*args, **options)  # type: ignore[method-assign]
    if not with_report:
        stages.draw_report = lambda _: None  # type: ignore[assignment]
    flow_run.FIELDS["scheduled_start_time"] = lambda: now or datetime.now(UTC)
    try:
        with disable_run_logger():
            yield
    finally:
        Task.__call__, stages.draw_report = before  # type: ignore[method-assign]
        flow_run.FIELDS["scheduled_start_time"] = start


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment while the context lasts."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
