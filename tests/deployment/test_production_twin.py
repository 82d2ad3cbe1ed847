"""Production, but for its endpoints: the applied account, a Prefect server with a worker, Reddit, a model, Snowflake; and its embedded twin."""

import json
import random
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from flows.backfill import backfill
from flows.hourly import hourly
from market_opinion.core.settings import variables
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.mart.duckdb import DuckDBMart
from tests.conftest import MART_TABLES
from tests.llm_server import KEY, ModelServer, comments_of, sensible
from tests.prefect_server import PrefectServer, kill, stop
from tests.reddit_server import CREDENTIALS, FakeReddit, RedditServer, thread
from tests.warehouse import VIEWS, assert_equal, needs_server

H10 = datetime(2026, 3, 2, 10, tzinfo=UTC)
SAMPLE = {
    "source": "sample",
    "start": datetime(2026, 3, 1, 8, tzinfo=UTC),
    "end": datetime(2026, 3, 1, 12, tzinfo=UTC),
}
PEPPER = "the same pepper for both of them"
SECRETS = (CREDENTIALS["REDDIT_CLIENT_SECRET"], KEY, PEPPER)
SILENT_SECONDS = 45


@pytest.fixture
def reddit():
    fake = FakeReddit()
    chance = random.Random(5)
    for hour in range(3):
        said = thread(
            "phones", (H10 + timedelta(hours=hour, minutes=1)).timestamp(), 40, chance, spread=3000
        )
        # Other words each hour, or the ledger would know the answers.
        fake.add(
            replace(post, body=f"{post.body} At {hour} o'clock." if post.body else "")
            for post in said
        )
    with RedditServer(fake) as server:
        yield fake, server.url


@pytest.fixture
def model():
    with ModelServer() as server:
        yield server


@pytest.fixture
def production(aws, connect, reddit, model, monkeypatch):
    """The settings that Terraform gives a run's container, with its secrets, and where everything is reached here."""
    run = aws.output("30_compute")["run"]
    boto3.client("secretsmanager").put_secret_value(
        SecretId=run["environment"]["REDDIT_SECRET_ARN"], SecretString=json.dumps(CREDENTIALS)
    )
    endpoint = aws.environment["AWS_ENDPOINT_URL"]
    settings = {
        **{name: value for name, value in run["environment"].items() if name != "MART_URI"},
        "PYICEBERG_CATALOG__LAKEHOUSE__GLUE__ENDPOINT": endpoint,
        "PYICEBERG_CATALOG__LAKEHOUSE__S3__ENDPOINT": endpoint,
        "REDDIT_URL": reddit[1],
        "REDDIT_OAUTH_URL": reddit[1],
        "REDDIT_REQUESTS_PER_MINUTE": "100000",
        "AUTHOR_PEPPER": PEPPER,
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        **model.environment(),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@needs_server
def test_production_does_what_the_laptop_does(
    production, reddit, model, home, monkeypatch, without_engine
):
    """A07, A20, B24, D29, E01, C20, S8: three hourly runs, one of them killed and run again, and a backfill; the mart is the embedded one's."""
    fake, _ = reddit
    with PrefectServer(home) as server:
        server.deploy("local")
        _notice_silence_sooner(server)
        worker = server.worker("local", "process")
        try:
            for hour in (0, 1):
                assert _hourly(server, fake, hour) == "COMPLETED"
            worker = _killed_and_run_again(server, fake, model, worker)
            run = server.hand_out(
                "backfill", **{name: str(value) for name, value in SAMPLE.items()}
            )
            assert server.ended(run) == "COMPLETED", server.logs_of(run)
            said = server.run("-m", "market_opinion", "audit", "reddit") + server.run(
                "-m", "market_opinion", "doctor"
            )
        finally:
            stop(worker)
        logs = server.log_path.read_text(errors="replace") + said
    asked = Counter(comment["text"] for body in model.bodies for comment in comments_of(body))
    # Only what was under way when the worker was killed is asked again.
    assert [text for text, times in asked.items() if times > 1 and "At 2 o'clock" not in text] == []
    assert max(asked.values()) <= 2
    assert "reddit/phones" in said
    assert "3 of 3" in said
    assert '"NewComments":40' in logs  # metrics, as CloudWatch takes them out of the log
    assert [secret for secret in SECRETS if secret in logs] == []
    watermark = open_adapters().state().load_last_run_timestamp("reddit", "phones")
    assert watermark == H10 + timedelta(hours=3)
    assert boto3.client("ssm").get_parameter(Name="/reddit-ingest/dev/phones/last_run_ts")[
        "Parameter"
    ]["Value"] == str(int(watermark.timestamp()))
    snowflake = open_adapters().mart()

    _as_embedded(monkeypatch, home)
    for hour in range(3):
        hourly.fn(source="reddit", communities=["phones"], now=_now(fake, hour))
    backfill.fn(**SAMPLE)
    embedded = DuckDBMart(home.parent / "embedded" / "market_opinion.duckdb")
    assert embedded.query("SELECT COUNT(*) AS n FROM mart.fact_aspect_opinion")["n"].item() > 40
    assert_equal(snowflake, embedded, (*MART_TABLES, *VIEWS))


def _now(fake: FakeReddit, hour: int) -> datetime:
    """Twenty minutes past the hour after, by Reddit's clock and ours."""
    moment = H10 + timedelta(hours=hour + 1, minutes=20)
    fake.clock = moment.timestamp
    return moment


def _begin(server: PrefectServer, fake: FakeReddit, hour: int) -> str:
    return server.hand_out(
        "hourly",
        domain="smartphones",
        source="reddit",
        communities=["phones"],
        now=_now(fake, hour).isoformat(),
    )


def _hourly(server: PrefectServer, fake: FakeReddit, hour: int) -> str:
    run = _begin(server, fake, hour)
    ended = server.ended(run)
    assert ended == "COMPLETED", server.logs_of(run)
    return ended


def _killed_and_run_again(server, fake, model, worker):
    """The worker's machine is gone while the model is asked: the silent run is found, and the next one does its work."""
    reached, release = threading.Event(), threading.Event()

    def stuck(body):
        reached.set()
        release.wait(60)
        return sensible(body)

    model.answer = stuck
    run = _begin(server, fake, 2)
    assert reached.wait(120)
    kill(worker)
    release.set()
    model.answer = sensible
    assert server.state_of(run)["type"] == "RUNNING"  # it says nothing of its end
    worker = server.worker("local", "process")
    assert server.ended(run) == "CRASHED"
    _hourly(server, fake, 2)
    return worker


def _notice_silence_sooner(server: PrefectServer) -> None:
    (silence,) = [one for one in server.ask("automations/filter") if "silent" in one["name"]]
    changed = {name: silence[name] for name in ("name", "description", "enabled", "actions")}
    trigger = {name: value for name, value in silence["trigger"].items() if name != "id"} | {
        "within": SILENT_SECONDS
    }
    server.call("PUT", f"automations/{silence['id']}", changed | {"trigger": trigger})


def _as_embedded(monkeypatch, home) -> None:
    """No setting but those of Reddit, the model and the pepper."""
    kept = {"REDDIT_URL", "REDDIT_OAUTH_URL", "REDDIT_REQUESTS_PER_MINUTE", "AUTHOR_PEPPER"}
    for name in variables():
        if name not in kept and not name.startswith("LLM_") and name != "SCORER":
            monkeypatch.delenv(name, raising=False)
    for name, value in {
        **CREDENTIALS,
        "MARKET_OPINION_HOME": str(home.parent / "embedded"),
    }.items():
        monkeypatch.setenv(name, value)
