"""Alerts to where people look: posted as JSON to a webhook, published to an SNS topic, where these are set."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import requests
from pydantic import SecretStr

_TIMEOUT_SECONDS = 10
# SNS refuses longer ones; the message by bytes, so with room.
_SUBJECT_MAX, _MESSAGE_MAX = 100, 60_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """One thing an operator should know: the rule that found it, and what it found."""

    rule: str
    text: str


def send(raised: Sequence[Alert], *, webhook: SecretStr | None, topic: str | None = None) -> None:
    """Send all alerts in one request to each place. One that does not answer is logged and stops nothing."""
    if raised and webhook is not None:
        _post(raised, webhook)
    if raised and topic is not None:
        _publish(raised, topic)


def _publish(raised: Sequence[Alert], topic: str) -> None:
    import boto3  # few need it, and it takes a while
    from botocore.exceptions import BotoCoreError, ClientError

    text = "\n".join(alert.text for alert in raised)
    rules = ", ".join(sorted({alert.rule for alert in raised}))
    try:
        client = boto3.client("sns", region_name=topic.split(":")[3])
        client.publish(
            TopicArn=topic,
            Subject=f"market opinion: {rules}"[:_SUBJECT_MAX],
            Message=text[:_MESSAGE_MAX],
        )
    except (BotoCoreError, ClientError) as error:
        _log.warning("SNS did not take %d alerts: %s", len(raised), error)


def _post(raised: Sequence[Alert], webhook: SecretStr) -> None:
    body = msgspec.json.encode(
        {"text": "\n".join(alert.text for alert in raised), "alerts": raised}
    )
    headers = {"Content-Type": "application/json"}
    try:
        requests.post(
            webhook.get_secret_value(), data=body, headers=headers, timeout=_TIMEOUT_SECONDS
        ).raise_for_status()
    except requests.RequestException as error:
        # The address may hold a token, so it is not named.
        _log.warning(
            "the alert webhook did not take %d alerts: %s", len(raised), type(error).__name__
        )
