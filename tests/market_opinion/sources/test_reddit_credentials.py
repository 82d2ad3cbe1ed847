"""Credentials from where they are kept: block and secret are asked only when the environment has none."""

import json

import pytest
from prefect.blocks.system import Secret

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import load_settings
from market_opinion.sources.reddit.credentials import read_credentials
from tests.loopback import Loopback, QuietHandler
from tests.reddit_server import CREDENTIALS


@pytest.fixture
def secrets_manager(monkeypatch):
    """What Secrets Manager answers, through the real boto3."""
    answer = {}

    class Handler(QuietHandler):
        def do_POST(self):
            asked = json.loads(self.received())
            self.send(
                200,
                json.dumps(
                    {"Name": asked["SecretId"], "SecretString": answer[asked["SecretId"]]}
                ).encode(),
                {},
            )

    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-central-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with Loopback(Handler) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        yield answer


def test_a_secret_of_secrets_manager(secrets_manager, monkeypatch):
    """B20, B55."""
    secrets_manager["arn:reddit"] = json.dumps(CREDENTIALS)
    monkeypatch.setenv("REDDIT_SECRET_ARN", "arn:reddit")
    found = read_credentials(load_settings())
    assert found.client_secret.get_secret_value() == CREDENTIALS["REDDIT_CLIENT_SECRET"]
    assert CREDENTIALS["REDDIT_CLIENT_SECRET"] not in repr(found)


@pytest.mark.parametrize("content", ['{"REDDIT_CLIENT_ID": "a"}', "no json", "[]"])
def test_a_secret_that_lacks_something_is_named(secrets_manager, monkeypatch, content):
    secrets_manager["arn:reddit"] = content
    monkeypatch.setenv("REDDIT_SECRET_ARN", "arn:reddit")
    with pytest.raises(SettingsInvalid, match="secret arn:reddit: check"):
        read_credentials(load_settings())


def test_a_prefect_block(monkeypatch):
    monkeypatch.setattr(
        Secret,
        "load",
        lambda name: Secret(value=json.dumps(CREDENTIALS) if name == "reddit" else "{}"),
    )
    monkeypatch.setenv("REDDIT_SECRET_BLOCK", "reddit")
    assert read_credentials(load_settings()).client_id == CREDENTIALS["REDDIT_CLIENT_ID"]


def test_the_environment_comes_first(monkeypatch):
    """B05."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REDDIT_SECRET_ARN", "arn:elsewhere")
    assert read_credentials(load_settings()).client_id == CREDENTIALS["REDDIT_CLIENT_ID"]


def test_a_block_that_is_absent_is_no_value_in_a_message(monkeypatch):
    """A secret that was given in the place of its name goes into no log."""

    def load(name):
        message = f"Unable to find block document named {name}"
        raise ValueError(message)

    monkeypatch.setattr(Secret, "load", load)
    monkeypatch.setenv("REDDIT_SECRET_BLOCK", "canary")
    with pytest.raises(SettingsInvalid, match="REDDIT_SECRET_BLOCK names no") as refused:
        read_credentials(load_settings())
    assert "canary" not in str(refused.value)
