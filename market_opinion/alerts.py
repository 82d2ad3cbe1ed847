"""Alerts to where people look: posted as JSON to a webhook, where one is set."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import requests
from pydantic import SecretStr

_TIMEOUT_SECONDS = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """One thing an operator should know: the rule that found it, and what it found."""

    rule: str
    text: str


def send(raised: Sequence[Alert], *, webhook: SecretStr | None) -> None:
    """Post all alerts in one request. A webhook that does not answer is logged and stops nothing."""
    if not raised or webhook is None:
        return
    body = msgspec.json.encode({"text": "\n".join(alert.text for alert in raised), "alerts": raised})
    headers = {"Content-Type": "application/json"}
    try:
        requests.post(webhook.get_secret_value(), data=body, headers=headers, timeout=_TIMEOUT_SECONDS).raise_for_status()
    except requests.RequestException as error:
        # The address may hold a token, so it is not named.
        _log.warning("the alert webhook did not take %d alerts: %s", len(raised), type(error).__name__)
