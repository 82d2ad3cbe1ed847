"""Alerts: posted as JSON to a webhook and published to an SNS topic, where these are set."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import requests
from pydantic import SecretStr

from market_opinion.core import aws
from market_opinion.core.errors import CloudRefused
from market_opinion.core.log import Log
from market_opinion.core.settings import Settings
from market_opinion.core.visible import in_slack, visible
from market_opinion.storage.state import WindowEntry, WindowState
from market_opinion.storage.state.ratios import ratios

_TIMEOUT_SECONDS = 10
# SNS refuses longer ones; the limit of a message is in bytes, so this leaves room.
_SUBJECT_MAX, _MESSAGE_MAX = 100, 60_000
_USABLE_COMMENTS_MIN = 50
_COMMENT_COUNTS = ("comment_count", "usable_comment_count")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """One fact for an operator: the rule that noticed it, and a sentence about it."""

    rule: str
    text: str


def window_alerts(
    platform: str, entries: Sequence[WindowEntry], *, usable_min: float
) -> list[Alert]:
    """Return alerts for uncertified hours, and for communities that are hardly usable."""
    states = Counter(
        (entry.state, entry.community, entry.detail)
        for entry in entries
        if entry.state is not WindowState.CERTIFIED
    )
    alerts = [
        Alert(
            "windows_" + state.lower(),
            f"{platform}/{community}: {count:,} windows are {state}: {detail}",
        )
        for (state, community, detail), count in sorted(states.items())
    ]
    for community in sorted({entry.community for entry in entries}):
        hours = [entry.counts for entry in entries if entry.community == community]
        counts = {name: sum(hour.get(name, 0) for hour in hours) for name in _COMMENT_COUNTS}
        ratio = ratios(counts)["usable_comment_ratio"]
        is_enough = counts["comment_count"] >= _USABLE_COMMENTS_MIN
        if ratio is not None and is_enough and ratio < usable_min:
            text = (
                f"{platform}/{community}: only {ratio:.0%}"
                f" of {counts['comment_count']:,} comments can be used"
            )
            alerts.append(Alert("usable_ratio_low", text))
    return alerts


def raise_alerts(alerts: Iterable[Alert], settings: Settings, log: Log) -> None:
    """Log the alerts, and send them to the places of the settings."""
    alerts = list(alerts)
    for alert in alerts:
        log.warning("%s", visible(alert.text))
    send(alerts, webhook=settings.alerts.webhook_url, topic=settings.alerts.sns_topic_arn)


def send(
    alerts: Sequence[Alert], *, webhook: SecretStr | None, topic: str | None = None
) -> dict[str, bool]:
    """Send all alerts in one request to each place; return which of the places took them.

    A place that does not answer is logged and stops nothing.
    """
    alerts = [Alert(alert.rule, visible(alert.text)) for alert in alerts]
    taken = {}
    if alerts and webhook is not None:
        taken["webhook"] = _post(alerts, webhook)
    if alerts and topic is not None:
        taken["SNS"] = _publish(alerts, topic)
    return taken


def _publish(alerts: Sequence[Alert], topic: str) -> bool:
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
        return False
    return True


def _post(alerts: Sequence[Alert], webhook: SecretStr) -> bool:
    body = msgspec.json.encode(
        {"text": "\n".join(in_slack(alert.text) for alert in alerts), "alerts": alerts}
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
        return False
    return True
