"""Alerts reach a webhook, and a broken one stops nothing."""

import logging

import pytest
from pydantic import SecretStr

from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.alerts import Alert, send, window_alerts
from market_opinion.sources.quota import Priority, Quota
from market_opinion.storage.state import WindowEntry, WindowState
from tasks.alerts import check_rate
from tasks.request import check_backfill
from tests.conftest import NOW

ALERT = Alert("windows_gap", "reddit/phones: 2 windows are GAP")


def test_all_alerts_come_in_one_request(webhook):
    """E31."""
    address, received, _ = webhook
    send([ALERT, Alert("usable_ratio_low", "b")], webhook=SecretStr(address))
    assert [alert["rule"] for alert in received[0]["alerts"]] == ["windows_gap", "usable_ratio_low"]
    assert "2 windows are GAP" in received[0]["text"]


def test_names_that_strangers_chose_are_plain_text(webhook):
    """A file calls no channel, forges no line, and an address shows no password."""
    address, received, _ = webhook
    alert = Alert("windows_gap", "<!channel>\x1b[2J\nof ftp://mila:pw@host/a")
    send([alert], webhook=SecretStr(address))
    assert received[0]["text"] == r"&lt;!channel&gt;\x1b[2J\nof ftp://host/a"
    assert received[0]["alerts"][0]["text"] == r"<!channel>\x1b[2J\nof ftp://host/a"


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
        send(
            [ALERT],
            webhook=SecretStr(
                address if broken == "status" else "http://127.0.0.1:9/token-in-the-path"
            ),
        )
    assert "did not take 1 alerts" in caplog.text
    assert "token" not in caplog.text


def test_refused_requests_are_told_once(webhook, monkeypatch, home, without_engine):
    """A39: whichever process met them."""
    address, received, _ = webhook
    monkeypatch.setenv("ALERT_WEBHOOK_URL", address)
    quota = Quota(open_adapters().state(), "client", per_minute=90, priority=Priority.CLOSE)
    quota.note_refusal()
    quota.note_refusal()
    run, _ = check_backfill.fn("smartphones", "sample", None, None, None, None, NOW)
    check_rate.fn(run)
    check_rate.fn(run)
    assert [alert["rule"] for body in received for alert in body["alerts"]] == ["rate_limited"]
    assert "2 requests were refused" in received[0]["text"]
    assert '"name":"RequestsRefused","value":2' in (home / "metrics.jsonl").read_text()


@pytest.mark.parametrize(
    ("comments", "usable", "minimum", "rules"),
    [
        (100, 49, 0.5, ["usable_ratio_low"]),
        (100, 50, 0.5, []),
        (100, 50, 0.6, ["usable_ratio_low"]),
        (49, 0, 0.5, []),
    ],
)
def test_a_community_that_is_hardly_usable_is_an_alert(comments, usable, minimum, rules):
    """A36, E31: below the share that the settings ask for, of enough comments."""
    counts = {"comment_count": comments, "usable_comment_count": usable}
    entry = WindowEntry("reddit", "phones", NOW, WindowState.CERTIFIED, "exhausted", counts)
    found = window_alerts("reddit", [entry], usable_min=minimum)
    assert [alert.rule for alert in found] == rules
