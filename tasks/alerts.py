"""Alerts: what an operator should know of the hours of a run, in the log and wherever else alerts go."""

from collections import Counter
from typing import Any

from prefect import Flow, get_run_logger, task
from prefect.client.schemas.objects import FlowRun, State

from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice
from market_opinion.ops import alerts
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.metrics import Metric
from market_opinion.sources.quota import REFUSALS
from market_opinion.storage.state import WindowState
from market_opinion.storage.state.ratios import ratios
from tasks.request import Job

_USABLE_MIN = 0.5
_USABLE_COMMENTS_MIN = 50


@task
def check_windows(job: Job, slices: list[Slice]) -> tuple[str, ...]:
    """Raise an alert for hours that are not complete, and for communities of which hardly anything can be used; say what was said."""
    entries = [
        entry
        for span in slices
        for entry in open_adapters().state().windows(span.platform, span.window)
        if entry.community in span.communities
    ]
    found: Counter[tuple[str, str, str]] = Counter()
    comments: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if entry.state is not WindowState.CERTIFIED:
            found[entry.state, entry.community, entry.detail] += 1
        comments.update(
            {
                (entry.community, name): entry.counts.get(name, 0)
                for name in ("comment_count", "usable_comment_count")
            }
        )
    raised = [
        alerts.Alert(
            "windows_" + state.lower(),
            f"{job.platform}/{community}: {count:,} windows are {state}: {detail}",
        )
        for (state, community, detail), count in sorted(found.items())
    ]
    for community in sorted({entry.community for entry in entries}):
        counts = {
            name: comments[community, name] for name in ("comment_count", "usable_comment_count")
        }
        ratio = ratios(counts)["usable_comment_ratio"]
        if (
            ratio is not None
            and counts["comment_count"] >= _USABLE_COMMENTS_MIN
            and ratio < _USABLE_MIN
        ):
            text = f"{job.platform}/{community}: only {ratio:.0%} of {counts['comment_count']:,} comments can be used"
            raised.append(alerts.Alert("usable_ratio_low", text))
    raise_alerts(raised)
    return tuple(alert.text for alert in raised)


@task
def check_rate(job: Job) -> None:
    """Raise an alert for requests that a platform refused for their rate, in any process since the last one was raised."""
    state = open_adapters().state()
    if refused := state.notes(REFUSALS):
        dimensions = {"Environment": load_settings().environment}
        open_adapters().metrics().put(
            [Metric("RequestsRefused", len(refused), "Count", job.now, dimensions)]
        )
        text = f"{len(refused):,} requests were refused for their rate since {min(refused.values())}: lower its _REQUESTS_PER_MINUTE"
        raise_alerts([alerts.Alert("rate_limited", text)])
        state.drop_notes(REFUSALS, refused)


@task
def hold_purge(job: Job, span: Slice, unjudged: int) -> None:
    """Say that words are kept past their time, because they were not judged yet."""
    text = f"{job.platform} {span.window}: {unjudged:,} items are not judged, so their words are kept past RETENTION_HOURS: raise the budget"
    raise_alerts([alerts.Alert("purge_held", text)])


def report_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Raise an alert for a run that failed or crashed: which, and what it said. A hook of flows."""
    text = f"{flow.name} run {flow_run.name} ended {state.name}: {state.message or 'no reason was given'}"
    _send([alerts.Alert("run_" + str(state.name).lower(), text)])


def raise_alerts(raised: list[alerts.Alert]) -> None:
    """Log them and send them."""
    for alert in raised:
        get_run_logger().warning("%s", alert.text)
    _send(raised)


def _send(raised: list[alerts.Alert]) -> None:
    settings = load_settings()
    alerts.send(raised, webhook=settings.alert_webhook_url, topic=settings.alert_sns_topic_arn)
