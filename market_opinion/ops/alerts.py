"""Alerts: posted as JSON to a webhook and published to an SNS topic, where these are set."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import requests
from pydantic import SecretStr

from market_opinion.core import aws
from market_opinion.core.errors import CloudRefused

_TIMEOUT_SECONDS = 10
# SNS refuses longer ones; the limit of a message is in bytes, so this leaves room.
_SUBJECT_MAX, _MESSAGE_MAX = 100, 60_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """One fact for an operator: the rule that noticed it, and a sentence about it."""

    rule: str
    text: str


def send(alerts: Sequence[Alert], *, webhook: SecretStr | None, topic: str | None = None) -> None:
    """Send all alerts in one request to each place. A place that does not answer is logged and stops nothing."""
    if alerts and webhook is not None:
        _post(alerts, webhook)
    if alerts and topic is not None:
        _publish(alerts, topic)


def _publish(alerts: Sequence[Alert], topic: str) -> None:
    rules = ", ".join(sorted({alert.rule for alert in alerts}))
    try:
        aws.call(
            "sns",
            "publish",
            region=topic.split(":")[3],
            TopicArn=topic,
            Subject=f"market opinion: {rules}"[:_SUBJECT_MAX],
            Message="\n".join(alert.text for alert in alerts)[:_MESSAGE_MAX],
        )
    except CloudRefused as error:
        _log.warning("SNS did not take %d alerts: %s", len(alerts), error)


def _post(alerts: Sequence[Alert], webhook: SecretStr) -> None:
    body = msgspec.json.encode(
        {"text": "\n".join(alert.text for alert in alerts), "alerts": alerts}
    )
    headers = {"Content-Type": "application/json"}
    try:
        requests.post(
            webhook.get_secret_value(), data=body, headers=headers, timeout=_TIMEOUT_SECONDS
        ).raise_for_status()
    except requests.RequestException as error:
        # The address may hold a token, so it is not named.
        _log.warning(
            "the alert webhook did not take %d alerts: %s", len(alerts), type(error).__name__
        )
