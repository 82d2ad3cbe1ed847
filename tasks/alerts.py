"""Alerts on the hours of a run, in the log and wherever else alerts go."""

from prefect import get_run_logger, task

from market_opinion.core.window import Slice
from market_opinion.ops.alerts import Alert, raise_alerts, window_alerts
from market_opinion.ops.metrics import Metric
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.sources.quota import REFUSALS


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
    alerts = window_alerts(reading.platform, entries)
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
