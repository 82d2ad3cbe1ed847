"""Personal data of every kind, planted in every source, is nowhere past bronze.

Landing, bronze and the inbox keep what was received; nothing else may hold a byte of it.
"""

import csv
import json
import logging
import os
import shutil
import subprocess
import sys
import zlib
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest

from flows.backfill import backfill
from flows.hourly import hourly
from flows.inbox import inbox
from flows.stream import stream
from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    OPS_REJECTIONS,
    SILVER_ITEMS,
    SILVER_OPINIONS,
)
from market_opinion.core.window import Window
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.mart.lake_rows import export_days
from market_opinion.serving.mart.publication import Publication
from market_opinion.sources.topics import topic_of
from market_opinion.stages import personal
from market_opinion.storage.export import Export
from tasks import report
from tests.broker import Broker
from tests.conftest import REPOSITORY, epoch, write_archive
from tests.llm_server import ModelServer
from tests.reddit_server import Post
from tests.tasks.test_sources import MAPPING

pytestmark = pytest.mark.usefixtures("without_engine")
H10 = datetime(2026, 3, 2, 10, tzinfo=UTC)
# By kind: what somebody writes, and the bytes of it to look for, in any case.
CANARIES = {
    "link": ("see https://people.example/canary_page", "canary_page"),
    "email": ("mail canary.mail@example.org", "canary.mail"),
    "spoken_email": ("write to canaryspoken at example dot org", "canaryspoken"),
    "account": ("ask u/canary_account_7", "canary_account_7"),
    "mention": ("thanks @canary_mention_7", "canary_mention_7"),
    "host": ("shots at canaryhost.example", "canaryhost"),
    "handle": ("discord canaryhandle#0001", "canaryhandle"),
    "name": ("my name is Canaria Vogelsang", "vogelsang"),
    "iban": ("pay to DE89 3704 0044 0532 0130 00", "3704 0044"),
    "social_number": ("my SSN is 987-65-4321", "987-65-4321"),
    "imei": ("mine is 490154203237518", "490154203237518"),
    "card": ("paid with 4111 1111 1111 1111", "1111 1111"),
    "network_address": ("from 192.0.2.44", "192.0.2.44"),
    "coordinates": ("found at 0.12345, 0.54321", "0.54321"),
    "street": ("I live at 14 Sample Lane", "14 sample lane"),
    "secret": ("wifi password: Canary4Horse", "canary4horse"),
    "phone": ("ring 06 39 98 01 23", "39 98 01 23"),
    "author": ("as CANARY_AUTHOR_77 said", "canary_author_77"),
}
NEEDLES = {kind: needle.encode() for kind, (_, needle) in CANARIES.items()}
# The personal words come first, since the model's server quotes the first words as evidence.
TEXTS = {kind: f"{words}, the Pixel 9 battery is great" for kind, (words, _) in CANARIES.items()}


@pytest.fixture
def model(monkeypatch, tmp_path):
    """A model's server, and a domain that reads a table of files as well.

    Sources are judged by rules unless their test asks for the model: each source brings the same
    words, and the model is asked for them once.
    """
    folder = tmp_path / "domains" / "smartphones"
    shutil.copytree(REPOSITORY / "domains" / "smartphones", folder)
    toml = (folder / "domain.toml").read_text()
    (folder / "domain.toml").write_text(toml.replace("[aspects.", MAPPING + "\n[aspects.", 1))
    monkeypatch.setenv("DOMAINS_PATH", str(folder.parent))
    monkeypatch.setenv("INBOX_SETTLE_SECONDS", "0")
    monkeypatch.setenv("PUBLISH_MIN_AUTHORS", "1")
    with ModelServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SCORER", "lexicon")
        yield server


def plant_archive(tmp_path, make_comment, make_submission):
    """In texts, a title and the name of an author; read by a process of its own, with its logs."""
    comments = [
        make_comment(f"a{n}", text, author=f"canary_author_{77 + n - n % 17}")
        for n, text in enumerate(TEXTS.values())
    ]
    title = f"Pixel 9: {CANARIES['email'][0]}, {CANARIES['phone'][0]}"
    folder = tmp_path / "archive"
    write_archive(folder, comments, [make_submission(title=title, author="canary_author_77")])
    arguments = ["--source", "archive", "--archive", str(folder), "--communities", "phones"]
    return subprocess.run(
        [sys.executable, "-m", "flows.backfill", *arguments],
        env={**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONPATH": "."},
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )


def plant_table(tmp_path):
    path = tmp_path / "survey.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["answer id", "answered", "e-mail", "pros", "cons", "score"])
        for n, text in enumerate(TEXTS.values()):
            moment = f"2026-03-01T12:{n:02d}:00Z"
            rows.writerow([f"f{n}", moment, "canary_author_77", text, "none", 8])
    backfill.fn(source="file", archive=str(path), mapping="survey")


def plant_inbox(home):
    path = home / "inbox" / "reviews" / "Cell_Phones.jsonl"
    path.parent.mkdir(parents=True)
    lines = [
        {
            "rating": 4.0,
            "title": text,
            "text": text,
            "asin": "B001",
            "user_id": "canary_author_77",
            "timestamp": (epoch("2026-03-01T13:00:00") + n) * 1000,
        }
        for n, text in enumerate(TEXTS.values())
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    inbox.fn()


def plant_stream(tmp_path, monkeypatch, make_comment, make_submission):
    """In texts, a title and names of authors, and in a line that is broken."""
    comments = [
        make_comment(f"k{n}", text, f"2026-03-01T14:{n:02d}:00", author="canary_author_77")
        for n, text in enumerate(TEXTS.values())
    ]
    title = make_submission("s7", TEXTS["name"], "2026-03-01T14:00:00", author="canary_author_77")
    broken = json.dumps(" ".join(TEXTS.values())).encode() + b"\xff"
    topic = topic_of("canaries", "reddit")
    monkeypatch.setenv("ENVIRONMENT", "canaries")
    with Broker(tmp_path / "broker.log") as broker:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.address)
        broker.make(topic)
        broker.produce(topic, [*comments, broken], kind="comment")
        broker.produce(topic, [title])
        stream.fn()


def plant_reddit(reddit, monkeypatch):
    """Read by the model, and last, so that the report is drawn of all sources."""
    monkeypatch.setenv("SCORER", "llm")
    monkeypatch.setattr("flows.stages.draw_report", report.draw_report)
    start = H10.timestamp()
    posts = [
        Post(
            "submission",
            "s9",
            "phones",
            start + 1,
            title=TEXTS["email"],
            body="",
            author="canary_author_77",
        )
    ]
    for n, text in enumerate(TEXTS.values()):
        moment = start + 60 + n
        posts.append(
            Post(
                "comment",
                f"r{n}",
                "phones",
                moment,
                body=text,
                thread="s9",
                visible=moment,
                author="canary_author_77",
            )
        )
    reddit.add(posts)
    now = H10 + timedelta(minutes=80)
    reddit.clock = now.timestamp
    hourly.fn(source="reddit", communities=["phones"], now=now)


def blocks(content: bytes) -> bytes:
    """Return the blocks of an Avro file unpacked; each follows a marker, its count and its size."""
    marker, unpacked = content[-16:], []
    for block in content.split(marker)[1:-1]:
        start = 0
        for _ in ("count", "size"):
            while block[start] & 0x80:
                start += 1
            start += 1
        unpacked.append(zlib.decompress(block[start:], -15))
    return b"".join(unpacked)


def content(path) -> bytes:
    """Return all that a file holds, unpacked."""
    raw = path.read_bytes()
    if path.suffix == ".parquet":
        raw += "\n".join(map(str, pl.read_parquet(path).rows())).encode()
    elif path.suffix == ".avro":
        raw += blocks(raw)
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as mart:
            names = mart.sql(
                "SELECT table_schema || '.' || table_name FROM information_schema.tables"
            ).fetchall()
            for (name,) in names:
                raw += str(mart.sql(f"SELECT * FROM {name}").fetchall()).encode()
    return raw


def is_past_bronze(path, home) -> bool:
    first, *rest = path.relative_to(home).parts
    return first not in {"landing", "inbox"} and not (first == "lake" and "bronze" in rest[0])


@pytest.mark.integration
def test_no_byte_of_personal_data_is_past_bronze(
    model, reddit, home, tmp_path, make_comment, make_submission, caplog, monkeypatch
):
    """E16, E33: each source and the stream; tables, report, exports, requests and logs."""
    caplog.set_level(logging.DEBUG)
    assert set(CANARIES) == set(personal.MARKERS)
    process = plant_archive(tmp_path, make_comment, make_submission)
    plant_table(tmp_path)
    plant_inbox(home)
    plant_stream(tmp_path, monkeypatch, make_comment, make_submission)
    plant_reddit(reddit, monkeypatch)

    adapters = open_adapters()
    lake, mart = adapters.lake(), adapters.mart()
    received, items = lake.read(BRONZE_ITEMS), lake.read(SILVER_ITEMS)
    assert set(items["platform"]) == {"reddit", "survey", "amazon"}
    assert set(received["capture_path"]) >= {"archive", "file", "listing", "stream"}
    for _, rows in received.group_by("platform", "capture_path"):
        seen = str(rows.rows()).lower().encode()
        assert [kind for kind, needle in NEEDLES.items() if needle not in seen] == []
    assert lake.read(SILVER_OPINIONS)["item_id"].n_unique() > 4 * len(TEXTS)
    assert set(lake.read(OPS_REJECTIONS)["reason"]) == {"not_utf8"}
    assert len(model.bodies) > 0

    day = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    export_days(lake, Export((home / "export").as_uri()), [day])
    published = dict(mart.read(Publication(1, has_links=True).selects()))
    places = {
        "requests": json.dumps(model.bodies).encode(),
        "published": str([frame.rows() for frame in published.values()]).encode(),
        "logs": caplog.text.encode() + process.stdout + process.stderr,
        **{
            str(path): content(path)
            for root in (home, tmp_path / "prefect")
            for path in root.rglob("*")
            if path.is_file() and (root != home or is_past_bronze(path, home))
        },
    }
    assert {"report.html", "market_opinion.duckdb", "state.sqlite"} <= {
        path.rpartition("/")[2] for path in places
    }
    found = {
        (kind, place)
        for place, held in places.items()
        for kind, needle in NEEDLES.items()
        if needle in held.lower()
    }
    assert found == set()
