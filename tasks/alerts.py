"""Alerts on the hours of a run, in the log and wherever else alerts go."""

from datetime import timedelta

from prefect import get_run_logger

from market_opinion.core.window import Slice
from market_opinion.ops.alerts import Alert, raise_alerts, window_alerts
from market_opinion.ops.backlog import alerts_of, backlogs, metrics_of
from market_opinion.ops.metrics import Metric
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.sources.quota import REFUSALS
from tasks import task


@task
def check_windows(
    run: Run, reading: Reading, slices: list[Slice], *, otherwise: str | None = None
) -> tuple[str, ...]:
    """Raise alerts for hours that are not complete and communities that are hardly usable.

    Return their texts; without any slice that is `otherwise`.
    """
    if not slices:
        return (otherwise,) if otherwise else ()
    state = run.adapters.state()
    entries = [
        entry
        for span in slices
        for entry in state.windows(span.platform, span.window)
        if entry.community in span.communities
    ]
    usable_min = run.settings.alerts.usable_min
    alerts = window_alerts(reading.platform, entries, usable_min=usable_min)
    raise_alerts(alerts, run.settings, get_run_logger())
    return tuple(alert.text for alert in alerts)


@task
def check_backlog(run: Run, reading: Reading) -> tuple[str, ...]:
    """Raise alerts for communities that are further behind than allowed, and return their texts.

    The age of the newest settled hour and the length of each backlog go to the metrics.
    """
    lag = run.settings.close_lag if reading.is_live else timedelta(0)
    behind = backlogs(
        run.adapters.state(), reading.platform, reading.communities, now=run.now, close_lag=lag
    )
    run.adapters.metrics().put(metrics_of(behind, environment=run.settings.environment))
    alerts = alerts_of(behind, run.settings)
    raise_alerts(alerts, run.settings, get_run_logger())
    return tuple(alert.text for alert in alerts)


@task
def check_rate(run: Run) -> None:
    """Raise one alert for all requests that a platform refused for their rate, in any process."""
    state = run.adapters.state()
    if refusals := state.notes(REFUSALS):
        dimensions = {"Environment": run.settings.environment}
        count = len(refusals)
        run.adapters.metrics().put([Metric("RequestsRefused", count, "Count", run.now, dimensions)])
        text = (
            f"{count:,} requests were refused for their rate since {min(refusals.values())}:"
            " lower its _REQUESTS_PER_MINUTE"
        )
        raise_alerts([Alert("rate_limited", text)], run.settings, get_run_logger())
        state.drop_notes(REFUSALS, refusals)
