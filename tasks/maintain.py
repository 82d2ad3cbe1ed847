"""Maintain: the tables of the lake, and Prefect's record of runs, stay small."""

from datetime import datetime, timedelta

from prefect import get_run_logger
from prefect.runtime import flow_run

from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import Window
from market_opinion.ops import orchestrator, upkeep
from market_opinion.ops.counts import RunHistoryCounts, UpkeepCounts
from market_opinion.ops.run import Run
from tasks import retry_on, task

_RUNS_KEPT = timedelta(days=30)


@task(task_run_name="compact {days}")
def compact_days(run: Run, days: Window) -> UpkeepCounts:
    """Put the files of days that are over together, in every table. A rerun is safe.

    An hour that is certified does not fail for its upkeep: what goes wrong is told, and left to
    `maintain`, which fails with it.
    """
    try:
        counts = upkeep.compact_days(run, days)
    except Exception as error:  # noqa: BLE001, of any kind
        kind = type(error).__name__
        get_run_logger().warning("%s were not compacted (%s: %s)", days, kind, error)
        return UpkeepCounts()
    get_run_logger().info("compacted %s: %s", days, counts)
    return counts


@task(
    task_run_name="maintain {name}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=retry_on(CommitConflict),
)
def maintain_table(
    run: Run, name: str, older_than: datetime | None, *, dry_run: bool
) -> UpkeepCounts:
    """Compact the closed days of a table, delete its old snapshots and its orphans."""
    counts = upkeep.maintain(run, name, older_than, dry_run=dry_run)
    get_run_logger().info("%s: %s", name, counts)
    return counts


@task
def forget_runs(run: Run, *, dry_run: bool) -> RunHistoryCounts:
    """Delete runs of more than 30 days from Prefect's embedded database.

    A server of its own keeps what its settings say.
    """
    if orchestrator.server_url() is not None or flow_run.id is None:
        return RunHistoryCounts(0)
    before = run.now - _RUNS_KEPT
    count = orchestrator.runs_ended_before(before) if dry_run else orchestrator.forget_runs(before)
    return RunHistoryCounts(count)
