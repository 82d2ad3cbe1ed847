"""Watch: the last closed week beside the four before, its bursts, and alerts of both."""

from prefect import get_run_logger
from prefect.events import emit_event

from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import Slice
from market_opinion.ops import score_sets, watching
from market_opinion.ops.alerts import raise_alerts
from market_opinion.ops.counts import WatchCounts
from market_opinion.ops.run import Run
from tasks import retry_on, task


@task
def find_anchors(run: Run) -> list[Slice]:
    """Return the days that the scorer of now judges once more; none if no other one judged."""
    return watching.anchor_slices(run)


@task
def record_anchors(run: Run, slices: list[Slice]) -> None:
    """Remember the hours that were judged once more, also those without an opinion."""
    hours = score_sets.judged_hours(slices)
    name = f"{run.domain}/{watching.ANCHOR_SET}"
    run.adapters.state().put_notes(score_sets.TOPIC, {name: hours})


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def compare_weeks(run: Run) -> WatchCounts:
    """Replace the last closed week in gold.changes, and the days since it began in gold.bursts.

    A rerun is safe: the same silver gives the same rows.
    """
    counts = WatchCounts(*watching.make_changes(run))
    get_run_logger().info("watch %s: %s", run.domain, counts)
    return counts


@task
def find_last_day(run: Run) -> list[Slice]:
    """Return the day whose load brings the week into the star schema, where there is one."""
    return watching.last_day(run)


@task
def find_told_runs(run: Run) -> list[Run]:
    """Return this run for every domain of which anything was told."""
    return watching.told_runs(run)


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def compare_again(run: Run, slices: list[Slice]) -> int:
    """Make gold.changes and gold.bursts of the weeks anew that rest on the slices.

    A rerun is safe: the same silver gives the same rows.
    """
    return watching.make_again(run, slices)


@task
def raise_news(run: Run) -> tuple[str, ...]:
    """Raise an alert of each change and burst that is new, and once a week one of the digest.

    Each is an event of Prefect as well, `market-opinion.RULE`. Return their texts.
    """
    alerts = watching.unsent_alerts(run)
    raise_alerts(alerts.values(), run.settings, get_run_logger())
    for name, alert in alerts.items():
        emit_event(
            f"market-opinion.{alert.rule}",
            resource={"prefect.resource.id": f"market-opinion.domain.{run.domain}"},
            payload={"name": name, "text": alert.text},
        )
    watching.record_alerts(run, alerts)
    return tuple(alert.text for alert in alerts.values())
