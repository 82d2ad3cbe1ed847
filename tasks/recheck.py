"""Recheck: known items are asked for again, for votes, edits and deletions."""

from prefect import get_run_logger

from market_opinion.core.window import Slice
from market_opinion.ops.counts import RepairCounts, SweepCounts
from market_opinion.ops.metrics import Metric
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.ops.second_looks import (
    CHECKS,
    HourLook,
    Purpose,
    Schedule,
    SecondLookResult,
    check_name,
    expand_threads,
    known_hours,
    sweep_lag_hours,
)
from tasks import task


@task
def find_due_checks(run: Run, reading: Reading, purpose: Purpose, limit: int) -> list[Slice]:
    """Return the hours to look at again, communities of one hour together, at most `limit` hours.

    A refresh takes hours that have come to one of the ages since the last look; a sweep takes the
    hours past all ages whose last look is longest ago.
    """
    state = run.adapters.state()
    hours = _schedule(run).due(
        purpose,
        known_hours(state, reading),
        state.notes(CHECKS),
        now=run.now,
        limit=limit,
    )
    return [Slice(reading.platform, communities, window) for window, communities in hours]


@task
def look_again(run: Run, reading: Reading, span: Slice, purpose: Purpose) -> SecondLookResult:
    """Look up every item of the hour, land those that changed, and return those to be erased."""
    result = HourLook(run, reading, span, purpose).look(get_run_logger())
    get_run_logger().info("%s %s: %s", purpose, span, result.counts)
    return result


@task
def repair_threads(run: Run, span: Slice, purpose: Purpose) -> tuple[list[Slice], RepairCounts]:
    """Expand threads of the hour that lack many comments, and return the hours that got some.

    A sweep repairs nothing.
    """
    return expand_threads(run, span) if purpose == "refresh" else ([], RepairCounts())


@task
def record_checks(run: Run, span: Slice) -> None:
    """Remember that the hour was looked at, after everything that was found is done."""
    note = _schedule(run).note(span.window, run.now)
    names = [check_name(span.platform, name, span.window.start) for name in span.communities]
    run.adapters.state().put_notes(CHECKS, dict.fromkeys(names, note))


@task
def measure_sweep(run: Run, reading: Reading) -> SweepCounts:
    """Return how long ago the oldest look was, in hours, and put it as a metric."""
    state = run.adapters.state()
    lag_hours = sweep_lag_hours(known_hours(state, reading), state.notes(CHECKS), run.now)
    dimensions = {"Environment": run.settings.environment}
    metric = Metric("SweepLagHours", round(lag_hours, 2), "Count", run.now, dimensions)
    run.adapters.metrics().put([metric])
    return SweepCounts(round(lag_hours))


def _schedule(run: Run) -> Schedule:
    return Schedule(run.settings.upkeep.refresh_ages, run.settings.upkeep.sweep_hours)
