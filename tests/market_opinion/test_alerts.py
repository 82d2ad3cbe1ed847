"""Alerts reach a webhook, and a broken one stops nothing."""

import json
import logging

import pytest
from pydantic import SecretStr

from market_opinion.alerts import Alert, send
from tests.loopback import Loopback, QuietHandler

ALERT = Alert("windows_gap", "reddit/phones: 2 windows are GAP")


@pytest.fixture
def webhook():
    """An address and the bodies it was sent; it answers with the status in `status`."""
    received, status = [], [200]

    class Handler(QuietHandler):
        def do_POST(self):
            received.append(json.loads(self.received()))
            self.send(status[0], b"", {})

    with Loopback(Handler) as server:
        yield f"{server.address}/token-in-the-path", received, status


def test_all_alerts_come_in_one_request(webhook):
    address, received, _ = webhook
    send([ALERT, Alert("usable_ratio_low", "b")], webhook=SecretStr(address))
    assert [alert["rule"] for alert in received[0]["alerts"]] == ["windows_gap", "usable_ratio_low"]
    assert "2 windows are GAP" in received[0]["text"]


def test_nothing_is_sent_where_nothing_was_found(webhook):
    address, received, _ = webhook
    send([], webhook=SecretStr(address))
    send([ALERT], webhook=None)
    assert received == []


@pytest.mark.parametrize("broken", ["status", "gone"])
def test_a_broken_webhook_is_logged_without_its_address(webhook, caplog, broken):
    address, _, status = webhook
    status[0] = 500
    with caplog.at_level(logging.WARNING):
        send([ALERT], webhook=SecretStr(address if broken == "status" else "http://127.0.0.1:9/token-in-the-path"))
    assert "did not take 1 alerts" in caplog.text
    assert "token" not in caplog.text
