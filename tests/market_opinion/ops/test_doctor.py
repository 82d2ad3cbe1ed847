"""`python -m market_opinion doctor`: what is missing, exactly, and what to do."""

import json
import os
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from market_opinion.__main__ import app
from market_opinion.ops import doctor
from tests.cloud import needs_aws
from tests.loopback import free_port
from tests.reddit_server import FakeReddit, RedditServer


def states():
    return {finding.part: (finding.state, finding.text) for finding in doctor.examine()}


def test_an_untouched_machine_lacks_nothing(capsys):
    """A30, M12: no account is needed, so nothing that is not configured is bad."""
    app(["doctor"], exit_on_error=False, result_action="return_value")
    said = capsys.readouterr().out
    assert "bad" not in said
    assert "smartphones" in said


@pytest.mark.parametrize(
    ("settings", "what", "text"),
    [
        ({"SCORER": "llm"}, "scorer", "SCORER=llm needs LLM_API_KEY and LLM_MODEL"),
        ({"SCORER": "magic"}, "scorer", "SCORER may be"),
        ({"DOMAINS_PATH": "/nowhere"}, "domains", "no domain below /nowhere: set DOMAINS_PATH"),
        (
            {"MART_URI": "oracle:x"},
            "mart",
            "use duckdb:PATH, snowflake://ACCOUNT/DATABASE or none:",
        ),
        ({"REDDIT_CLIENT_ID": "alone"}, "reddit", "REDDIT_CLIENT_SECRET"),
        (
            {"POSTGRES_URI": f"postgresql://u:hidden@127.0.0.1:{free_port()}/x"},
            "PostgreSQL",
            "MartUnavailable",
        ),
        ({"LANDING_URI": "gopher://u:hidden@127.0.0.1/x"}, "landing", "files of gopher cannot be"),
        ({"INBOX_URI": "gopher://u:hidden@127.0.0.1/x"}, "inbox", "files of gopher cannot be"),
        ({"POSTGRES_URI": "hidden"}, "PostgreSQL", "check POSTGRES_URI"),
        ({"POSTGRES_URI": "postgresql://u:hidden pw@127.0.0.1:1/x"}, "PostgreSQL", "POSTGRES_URI"),
        ({"POSTGRES_URI": "postgresql://u:p/hidden@127.0.0.1:1/x"}, "PostgreSQL", "POSTGRES_URI"),
        ({"POSTGRES_URI": "postgresql://u:p@hidden@127.0.0.1:1/x"}, "PostgreSQL", "POSTGRES_URI"),
        ({"POSTGRES_URI": "postgresql://u:p:hidden@127.0.0.1:1/x"}, "PostgreSQL", "POSTGRES_URI"),
        ({"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}"}, "stream", "no broker answers"),
        (
            {"STATE_URI": "dynamodb:", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"},
            "AWS",
            "Could not connect",
        ),
    ],
)
def test_what_is_missing_is_named(monkeypatch, settings, what, text):
    """S2."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        **settings,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("market_opinion.sources.topics._TIMEOUT_SECONDS", 1.0)
    state, said = states()[what]
    assert state == "bad"
    assert text in said
    assert "hidden" not in said


def test_a_prefect_server_that_does_not_answer_is_named():
    url = f"http://127.0.0.1:{free_port()}/api"
    with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}):
        state, said = states()["Prefect"]
    assert (state, url in said) == ("bad", True)


def test_a_home_that_others_can_read_is_bad(monkeypatch, home):
    """It belongs to another user, who alone can change it."""
    monkeypatch.setattr(Path, "chmod", refuse)
    home.mkdir(mode=0o755)
    os.chmod(home, 0o755)  # noqa: PTH101, Path.chmod is refused here
    state, text = states()["home"]
    assert state == "bad"
    assert "chmod 700" in text


def refuse(*_):
    raise PermissionError


def test_credentials_are_tried(monkeypatch):
    """One small request says whether Reddit takes them."""
    fake = FakeReddit()
    with RedditServer(fake) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        assert states()["reddit"][0] == "ok"
        monkeypatch.setenv("REDDIT_CLIENT_SECRET", "another")
        state, said = states()["reddit"]
    assert state == "bad"
    assert "CredentialsRefused" in said
    assert "another" not in said


@needs_aws
def test_a_bucket_and_a_table_that_are_not_there(account, monkeypatch):
    monkeypatch.setenv("LANDING_BUCKET_NAME", "nobodys-bucket")
    monkeypatch.setenv("STATE_URI", "dynamodb:")
    monkeypatch.setenv("RUNS_TABLE_NAME", "another")
    found = states()
    assert (found["AWS"][0], found["landing"][0], found["state"][0]) == ("ok", "bad", "bad")
    assert "another" in found["state"][1]


def test_findings_are_json_for_a_script(capsys):
    """An object a part."""
    app(["doctor", "--json"], exit_on_error=False, result_action="return_value")
    found = {each["part"]: each["state"] for each in json.loads(capsys.readouterr().out)}
    assert (found["home"], found["alerts"]) == ("ok", "off")


def test_a_test_alert_arrives(webhook, monkeypatch, capsys):
    """S12: at the webhook of the settings, as a rule of its own."""
    address, received, _ = webhook
    monkeypatch.setenv("ALERT_WEBHOOK_URL", address)
    app(["doctor", "--alert"], exit_on_error=False, result_action="return_value")
    assert [alert["rule"] for body in received for alert in body["alerts"]] == ["test"]
    assert "sent to webhook" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "said"), [(500, "webhook did not take it"), (None, "nowhere to send it")]
)
def test_a_test_alert_that_arrives_nowhere_is_a_finding(webhook, monkeypatch, status, said):
    """Whether nobody takes it, or nobody is named."""
    if status:
        monkeypatch.setenv("ALERT_WEBHOOK_URL", webhook[0])
        webhook[2][0] = status
    finding = doctor.send_test_alert()
    assert finding.state == "bad"
    assert said in finding.text
