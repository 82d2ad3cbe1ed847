"""The hook of flows that fail: an alert that names the run and its last message."""

from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from market_opinion.core.settings import load_settings
from market_opinion.ops.alerts import Alert, send


def report_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Raise an alert for a run that failed or crashed.

    The settings are read anew: a run that failed may not have come as far as to read them.
    """
    reason = state.message or "no reason was given"
    text = f"{flow.name} run {flow_run.name} ended {state.name}: {reason}"
    settings = load_settings()
    send(
        [Alert("run_" + str(state.name).lower(), text)],
        webhook=settings.alerts.webhook_url,
        topic=settings.alerts.sns_topic_arn,
    )
