"""Run a flow with tasks as plain calls: `python -m tests.plain_run FLOW --name value ...`.

Tests kill such runs; the start of Prefect would be nearly all of their time.
"""

import importlib
import sys
from datetime import UTC, datetime

from prefect import Task
from prefect.logging import disable_run_logger
from prefect.runtime import flow_run


def main() -> None:
    name, *options = sys.argv[1:]
    Task.__call__ = lambda task, *args, **kwargs: task.fn(*args, **kwargs)
    flow_run.FIELDS["scheduled_start_time"] = lambda: datetime.now(UTC)
    flow = getattr(importlib.import_module(f"flows.{name}"), name)
    values = dict(zip(options[::2], options[1::2], strict=True))
    with disable_run_logger():
        flow.fn(
            **flow.validate_parameters(
                {option.removeprefix("--"): value for option, value in values.items()}
            )
        )


main()
