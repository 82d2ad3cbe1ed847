"""The stream, against a broker: nothing lost, nothing twice, whenever it is killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flows.backfill import backfill
from flows.hourly import hourly
from flows.stream import stream
from market_opinion.core.contracts import BRONZE_ITEMS, OPS_REJECTIONS
from market_opinion.core.errors import SettingsInvalid, SourceUnavailable
from market_opinion.core.settings import load_settings
from market_opinion.core.window import floor_hour
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.sources import catalogue, topics
from market_opinion.stages import bronze as bronze_stage
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state import WindowState
from tests.broker import Broker
from tests.conftest import REPOSITORY, epoch, write_archive
from tests.patience import PATIENCE_SECONDS
from tests.reddit_server import Post
from tests.tasks.test_sources import MAPPING

pytestmark = pytest.mark.usefixtures("without_engine")


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """One for all tests, since each has an environment, and so topics, of its own."""
    with Broker(tmp_path_factory.mktemp("broker") / "log") as started:
        yield started


@pytest.fixture
def topic(broker, monkeypatch, request):
    """The name of a platform's topic, made."""
    environment = f"t{abs(hash(request.node.nodeid)) % 10**8}"
    monkeypatch.setenv("ENVIRONMENT", environment)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.address)
    monkeypatch.setenv("KAFKA_GROUP_ID", environment)

    def make(platform, **options):
        name = topics.topic_of(environment, platform)
        broker.make(name, **options)
        return name

    return make


def bronze():
    return open_adapters().lake().read(BRONZE_ITEMS)


def test_messages_of_platforms_become_rows_and_what_is_none_is_kept_aside(
    topic, broker, make_comment, make_submission, home, tables
):
    """X9, E37: each platform by its own topic (E05); the kind by a header where there are several; lag goes into the metrics."""
    reddit, steam = topic("reddit"), topic("steam")
    broker.produce(reddit, [make_comment(f"c{n}") for n in range(30)], kind="comment")
    broker.produce(reddit, [make_submission("s1"), make_comment("c80")])
    broker.produce(
        reddit,
        [b"\xff no line", json.dumps(make_comment("c90"), indent=2).encode(), None],
        kind="comment",
    )
    review = {
        "recommendationid": "7",
        "author": {"steamid": "1"},
        "appid": "1245620",
        "review": "The iPhone 15 camera is great",
    }
    broker.produce(
        steam,
        [review | {"timestamp_created": epoch("2026-03-01T10:20:00"), "voted_up": True}],
        community="1245620",
    )
    counts = stream.fn().counts
    found = bronze()
    assert (
        found.filter(platform="reddit").height,
        found.filter(platform="steam")["rating"].to_list(),
    ) == (33, [5.0])
    assert open_adapters().lake().read(OPS_REJECTIONS)["reason"].to_list() == ["not_utf8"]
    assert (
        counts["message_count"],
        counts["landed_line_count"] >= 35,
        counts["skipped_message_count"],
    ) == (36, True, 1)
    assert set(found["capture_path"]) == {"stream"}
    assert dict(
        found.filter(pl.col("item_id").is_in(["s1", "c80"])).select("item_id", "kind").rows()
    ) == {
        "s1": "submission",
        "c80": "comment",
    }
    metrics = [json.loads(line) for line in (home / "metrics.jsonl").read_text().splitlines()]
    assert {
        m["dimensions"]["Platform"] for m in metrics if m["name"] == "StreamLag" and m["value"] == 0
    } == {"reddit", "steam"}
    before = tables()
    assert stream.fn().counts["message_count"] == 0
    assert all(
        before[name].equals(frame) for name, frame in tables().items() if name != "ops.rejections"
    )


REDDIT_EXPORT = """
[files.export]
platform = "reddit"
kind = "comment"
community = "phones"
fields = { item_id = "comment", created_at = "when", time = "iso", thread_id = "thread", author = "who", body = "words", votes = "ups" }
"""


def test_the_same_item_by_listing_archive_stream_and_file_is_one_row(
    reddit, topic, broker, make_comment, tmp_path, monkeypatch
):
    """Whichever way it comes, with the first sight kept, and as the version says that was read last."""
    shutil.copytree(REPOSITORY / "domains" / "smartphones", tmp_path / "domains" / "smartphones")
    told = tmp_path / "domains" / "smartphones" / "domain.toml"
    told.write_text(told.read_text().replace("[aspects.", REDDIT_EXPORT + "\n[aspects.", 1))
    monkeypatch.setenv("DOMAINS_PATH", str(tmp_path / "domains"))
    seen_first = datetime(2026, 3, 1, 11, 20, tzinfo=UTC)
    line = make_comment("c1", "The iPhone 15 battery is great.", at="2026-03-01T10:15:00")
    reddit.clock = seen_first.timestamp
    reddit.add(
        [
            Post(
                "comment",
                "c1",
                "phones",
                line["created_utc"],
                body=line["body"],
                author=line["author"],
                thread="s1",
                score=1,
            )
        ]
    )
    hourly.fn(source="reddit", communities=["phones"], now=seen_first)
    archive = write_archive(
        tmp_path / "archive", [line | {"score": 2, "retrieved_on": epoch("2026-03-02T00:00:00")}]
    )
    backfill.fn(source="archive", archive=str(archive), communities=["phones"])
    (tmp_path / "export.csv").write_text(
        f"comment,when,thread,who,words,ups\nc1,2026-03-01T10:15:00Z,s1,{line['author']},{line['body']},3\n"
    )
    os.utime(tmp_path / "export.csv", (epoch("2026-03-03T00:00:00"),) * 2)
    backfill.fn(source="file", mapping="export", archive=str(tmp_path / "export.csv"))
    broker.produce(topic("reddit"), [line | {"score": 4}], kind="comment")
    stream.fn()
    row = bronze().row(0, named=True)
    assert (bronze().height, row["votes"], row["capture_path"]) == (1, 4, "stream")
    assert row["first_seen_at"] == seen_first
    paths = {
        capture.manifest.capture_path
        for capture in open_adapters().landing().captures("reddit", ["phones"], None)
    }
    assert paths == {"listing", "archive", "file", "stream"}


def test_an_hour_of_a_platform_that_only_the_stream_brings_is_closed_when_its_topic_is_drained(
    topic, broker, monkeypatch, tmp_path
):
    """Some time after its end, as any hour; until then it is open."""
    shutil.copytree(REPOSITORY / "domains" / "smartphones", tmp_path / "domains" / "smartphones")
    told = tmp_path / "domains" / "smartphones" / "domain.toml"
    told.write_text(told.read_text().replace("[aspects.", MAPPING + "\n[aspects.", 1))
    monkeypatch.setenv("DOMAINS_PATH", str(tmp_path / "domains"))
    hour = floor_hour(datetime.now(UTC)) - timedelta(hours=2)
    answer = {
        "answer id": "1",
        "answered": hour.isoformat(),
        "pros": "The iPhone 15 battery is great",
        "score": "7",
    }
    broker.produce(topic("survey"), [answer])
    topic("unheardof")
    assert stream.fn().counts["window_count"] >= 1
    monkeypatch.setenv("REDDIT_CLOSE_LAG_MINUTES", "3")
    monkeypatch.setattr("market_opinion.sources.topics.OVERLAP", timedelta(0))
    stream.fn()
    (entry,) = open_adapters().state().windows("survey")
    assert (entry.state, entry.window_start) == (WindowState.CERTIFIED, hour)


def test_what_is_landed_is_mirrored_once_and_not_taken_in_again(
    topic, broker, monkeypatch, tmp_path, make_comment
):
    """KAFKA_MIRROR: others read our topics; our own drain knows its own words."""
    name = topic("reddit")
    monkeypatch.setenv("KAFKA_MIRROR", "true")
    write_archive(tmp_path / "archive", [make_comment(f"c{n}") for n in range(5)])
    for expected in (5, 0):
        counts = backfill.fn(
            source="archive", archive=str(tmp_path / "archive"), communities=["phones"]
        ).counts
        assert counts["mirrored_line_count"] == expected
    counts = stream.fn().counts
    assert (
        counts["message_count"],
        counts["skipped_message_count"],
        counts.get("landed_line_count", 0) >= 0,
    ) == (5, 5, True)
    monkeypatch.setenv("KAFKA_GROUP_ID", f"{name}-another")
    settings = load_settings()
    consumer = topics.Consumer(
        {**topics.connection(settings), "group.id": "a-reader", "auto.offset.reset": "earliest"}
    )
    consumer.assign([topics.TopicPartition(name, 0, 0)])
    messages = [message for _ in range(10) for message in consumer.consume(5, timeout=0.5)]
    consumer.close()
    assert sorted(json.loads(m.value())["id"] for m in messages) == [f"c{n}" for n in range(5)]
    assert {m.key() for m in messages} == {f"c{n}".encode() for n in range(5)}


def test_without_brokers_it_says_what_to_set(monkeypatch):
    """And with ones that do not answer, who did not."""
    with pytest.raises(SettingsInvalid, match="KAFKA_BOOTSTRAP_SERVERS"):
        stream.fn()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setattr(topics, "_TIMEOUT_SECONDS", 1.0)
    with pytest.raises(SourceUnavailable, match="no broker answers"):
        stream.fn()


def test_what_was_landed_and_not_committed_is_landed_again_and_is_one_row(
    topic, broker, make_comment, monkeypatch
):
    """It dies between the manifests and the commit of the offsets."""
    broker.produce(topic("reddit"), [make_comment(f"c{n}") for n in range(50)], kind="comment")

    def die(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(topics.Drain, "_commit", lambda *_: die(_))
        with pytest.raises(KeyboardInterrupt):
            stream.fn()
    counts = stream.fn().counts
    captures = open_adapters().landing().captures("reddit", ["phones"], None)
    assert (len(captures), counts["message_count"], counts["landed_line_count"]) == (2, 50, 150)
    assert (bronze().height, counts["duplicate_count"]) == (50, 50)


def test_what_ends_a_transaction_is_not_waited_for(topic, broker, make_comment, home):
    """It takes an offset of the topic and is no message: the topic is drained, and nothing lags, in the next run neither."""
    name = topic("reddit", partitions=3)
    producer = topics.Producer({"bootstrap.servers": broker.address, "transactional.id": name})
    producer.init_transactions(20)
    for n in range(2):
        producer.begin_transaction()
        producer.produce(
            name,
            json.dumps(make_comment(f"c{n}")).encode(),
            headers=[("kind", b"comment")],
            partition=n,
        )
        producer.commit_transaction(20)
    settings = load_settings()
    for expected in (2, 0):
        drain = topics.Drain(
            settings,
            open_adapters().landing(),
            load_domain("smartphones", settings.domains_path),
            vouched=lambda _: False,
        )
        batch = drain.land_batch(lambda _: None)
        assert (batch.received, batch.is_drained, drain.lag()) == (expected, True, {"reddit": 0})
        drain.close()


DRAIN = """
from datetime import UTC, datetime
from market_opinion.domain.definition import load_domain
from market_opinion.core.settings import load_settings
from market_opinion.sources.topics import Drain
from market_opinion.ops.adapters import open_adapters
settings = load_settings()
drain = Drain(settings, open_adapters().landing(), load_domain("smartphones", settings.domains_path), vouched=lambda _: False)
while not (batch := drain.land_batch(lambda hours: None)).is_over:
    pass
drain.close()
"""


@pytest.mark.integration
def test_killed_while_messages_flow_it_loses_none_and_doubles_none(
    topic, broker, make_comment, monkeypatch
):
    """Between the manifest and the commit too: what is landed again is the same row."""
    name = topic("reddit")
    rng, made = random.Random(7), 6000
    monkeypatch.setattr(topics, "_BATCH_MESSAGES", 1000)
    comments = [
        make_comment(f"c{n}", at=(datetime(2026, 3, 1) + timedelta(seconds=7 * n)).isoformat())
        for n in range(made)
    ]
    for part in range(4):
        broker.produce(name, comments[part * made // 4 : (part + 1) * made // 4], kind="comment")
        process = subprocess.Popen(
            [sys.executable, "-c", DRAIN], cwd=REPOSITORY, env=dict(os.environ)
        )
        if part < 3:
            time.sleep(rng.uniform(2.0, 6.0))
            process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=PATIENCE_SECONDS) in {0, -signal.SIGKILL}
    settings = load_settings()
    landing = Landing(settings.landing.root, formats=catalogue.line_formats)
    captures = landing.captures("reddit", ["phones"], None)
    rows, rejections, _ = bronze_stage.parse(
        content for capture in captures for content in landing.read(capture)
    )
    items = bronze_stage.newest(rows)
    assert (sorted(items["item_id"]), rejections.height) == (
        sorted(f"c{n}" for n in range(made)),
        0,
    )
