"""Promises of every source: the same cases for all, through the task by which every flow fetches."""

import csv
import json
import os
import re
import shutil
import sys
from collections import Counter, deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.refresh import refresh
from flows.sweep import sweep
from market_opinion.core.contracts import BRONZE_ITEMS, OPS_REJECTIONS, SILVER_ITEMS
from market_opinion.core.errors import CredentialsRefused, InvalidRequest, SettingsInvalid
from market_opinion.core.window import HOUR, Window
from market_opinion.ops import dictionary, doctor
from market_opinion.ops.adapters import open_adapters
from market_opinion.sources import catalogue, listing
from market_opinion.sources.quota import REFUSALS
from market_opinion.sources.reviews import Reviews
from market_opinion.storage.state import WindowState
from tasks.bronze import build_bronze
from tasks.fetch import fetch_windows
from tasks.record import record_windows
from tasks.request import check_backfill
from tasks.silver import clean_items
from tests.conftest import REPOSITORY, everywhere, write_archive
from tests.platform_servers import KEY, PLATFORMS, ItemFields, PlatformServer
from tests.reddit_server import FakeReddit, Post, RedditServer

T10 = datetime(2026, 3, 1, 10, tzinfo=UTC)
H10 = Window.hour(T10)
NOW = T10 + timedelta(hours=3)
COMMUNITIES = {
    "steam": "1245620",
    "facebook": "1001",
    "instagram": "2002",
    "linkedin": "3003",
    "hackernews": "hackernews",
}
pytestmark = pytest.mark.usefixtures("without_engine", "domains")

MAPPING = """
[files.survey]
platform = "survey"
kind = "review"
community = "phones"

[files.survey.fields]
item_id = "answer id"
created_at = "answered"
time = "iso"
author = "e-mail"
body = ["pros", "cons"]
rating = "score"
rating_range = [0, 10]
"""
QUERIES = """
[sources.x]
communities = ["phones"]
queries = { phones = "(iphone OR pixel) -is:retweet" }
"""


@pytest.fixture
def domains(tmp_path, monkeypatch):
    """The smartphones domain, told more places to read."""
    folder = tmp_path / "domains" / "smartphones"
    shutil.copytree(REPOSITORY / "domains" / "smartphones", folder)
    told = (folder / "domain.toml").read_text()
    (folder / "domain.toml").write_text(
        told.replace("[aspects.", QUERIES + MAPPING + "\n[aspects.", 1)
    )
    shutil.rmtree(folder / "sample")
    monkeypatch.setenv("DOMAINS_PATH", str(folder.parent))
    monkeypatch.setattr("time.sleep", lambda _: None)
    for source in ("HACKERNEWS", "STEAM", "X", "META", "LINKEDIN", "REDDIT"):
        monkeypatch.setenv(f"{source}_REQUESTS_PER_MINUTE", "1000000")
    return folder


def world(kinds: tuple[str, ...], ids: Callable[[str, int], str]) -> list[ItemFields]:
    """Items from half past eight to eleven, every ten minutes and in the very first and last second of the hour; old threads too."""
    moments = [T10 + timedelta(minutes=10 * n) for n in range(-9, 7)] + [
        T10 + timedelta(minutes=59, seconds=59)
    ]
    said = []
    thread = ItemFields(
        "submission",
        ids("submission", 900),
        (T10 - timedelta(days=3)).timestamp(),
        "An older thread",
        "brand",
    )
    if "submission" in kinds:
        said.append(thread)
    for n, moment in enumerate(moments):
        kind = kinds[n % len(kinds)]
        inside = (
            thread.id if kind == "comment" else COMMUNITIES["steam"] if kind == "review" else ""
        )
        text = f"The battery of my iPhone 15 lasted {n} days, {moment:%H} o'clock"
        said.append(
            ItemFields(
                kind,
                ids(kind, n),
                moment.timestamp(),
                text,
                f"person_{n % 3}",
                inside,
                "",
                1 + n % 5,
            )
        )
    return said


@dataclass
class Stage:
    """A source with what was said there, and how it is asked for it."""

    source: str
    said: list[ItemFields]
    community: str
    options: dict[str, Any] = field(default_factory=dict)
    platform: Any = None

    def job(self, window: Window = H10, now: datetime = NOW, **options: Any):
        options = {"archive": None, **self.options, **options}
        communities = options.pop("communities", [self.community])
        archive = options.pop("archive")
        return check_backfill.fn(
            "smartphones",
            self.source,
            archive,
            communities,
            window.start,
            window.end,
            now,
            **options,
        )

    def read(self, window: Window = H10, now: datetime = NOW, **options: Any):
        """Fetch, bronze and the ledger of the window."""
        if self.platform is not None:
            self.platform.clock = now.timestamp
        run, reading = self.job(window, now, **options)
        landed = fetch_windows.fn(run, reading, reading.communities, reading.window)
        for span in landed.slices:
            build_bronze.fn(run, span)
            clean_items.fn(run, span)
            record_windows.fn(run, reading, span)
        return reading

    def wanted(self, window: Window = H10) -> dict[str, float]:
        return {
            each.id: each.at for each in self.said if datetime.fromtimestamp(each.at, UTC) in window
        }

    @property
    def asked(self) -> int:
        return len(self.platform.requests) if self.platform is not None else 0


def number(_kind: str, n: int) -> str:
    return str(4_000 + n)


def name(kind: str, n: int) -> str:
    return f"{kind[0]}{n:03d}"


def urn(kind: str, n: int) -> str:
    post = "urn:li:share:4900"
    return (
        f"urn:li:share:{4000 + n}"
        if kind == "submission"
        else f"urn:li:comment:({post},{4000 + n})"
    )


IDS = {"hackernews": number, "steam": number, "x": number, "linkedin": urn}


def raw(each: ItemFields) -> dict[str, Any]:
    """As Reddit's archives have it."""
    base = {
        "id": each.id,
        "subreddit": "phones",
        "author": each.author,
        "created_utc": int(each.at),
        "score": 1,
    }
    if each.kind == "submission":
        return {**base, "title": each.text, "selftext": "", "num_comments": 1}
    return {
        **base,
        "body": each.text,
        "link_id": f"t3_{each.thread}",
        "parent_id": f"t3_{each.thread}",
    }


def on_archive(stack: ExitStack, folder: Path, _domain: Path) -> Stage:
    said = world(("submission", "comment"), name)
    parts = [
        [raw(each) for each in said if each.kind == kind] for kind in ("comment", "submission")
    ]
    return Stage("archive", said, "phones", {"archive": str(write_archive(folder, *parts))})


def on_sample(stack: ExitStack, folder: Path, domain: Path) -> Stage:
    stage = on_archive(stack, domain / "sample", domain)
    return Stage("sample", stage.said, "phones")


def on_reviews(stack: ExitStack, folder: Path, _domain: Path) -> Stage:
    said = world(("review",), name)
    folder.mkdir()
    lines = [
        {"rating": float(each.stars), "title": "", "text": each.text, "asin": each.id, "parent_asin": "B0CHX1W1XY", "user_id": each.author,
         "timestamp": int(each.at * 1000), "helpful_vote": 2}
        for each in said
    ]  # fmt: skip
    (folder / "Cell_Phones.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ids = [Reviews.line_formats["review"].key(line) for line in lines]
    said = [
        ItemFields(each.kind, key, each.at, each.text, each.author, stars=each.stars)
        for each, key in zip(said, ids, strict=True)
    ]
    return Stage("reviews", said, "cell_phones", {"archive": str(folder)})


def on_file(stack: ExitStack, folder: Path, _domain: Path) -> Stage:
    said = world(("review",), name)
    folder.mkdir()
    with (folder / "export.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["answer id", "answered", "e-mail", "pros", "cons", "score"])
        for each in said:
            writer.writerow(
                [
                    each.id,
                    datetime.fromtimestamp(each.at, UTC).isoformat(),
                    each.author,
                    each.text,
                    "",
                    (each.stars - 1) * 2.5,
                ]
            )
    return Stage("file", said, "phones", {"archive": str(folder), "mapping": "survey"})


def on_reddit(stack: ExitStack, _folder: Path, _domain: Path) -> Stage:
    said = world(("submission", "comment"), name)
    fake = FakeReddit()
    posts = [
        Post(each.kind, each.id, "phones", each.at, each.text, each.author, title=each.text if each.kind == "submission" else "",
             thread=f"t3_{each.thread}", parent=f"t3_{each.thread}")
        for each in said
    ]  # fmt: skip
    fake.add(posts)
    os.environ.update(stack.enter_context(RedditServer(fake)).environment())
    return Stage("reddit", said, "phones", platform=fake)


def on_platform(source: str) -> Callable[[ExitStack, Path, Path], Stage]:
    def build(stack: ExitStack, _folder: Path, _domain: Path) -> Stage:
        community = COMMUNITIES.get(source, "phones")
        said = world(catalogue.source_type(source).kinds, IDS.get(source, name))
        platform = PLATFORMS[source](
            community, said, key=None if source in {"hackernews", "steam"} else KEY
        )
        os.environ.update(platform.settings(stack.enter_context(PlatformServer(platform)).address))
        return Stage(source, said, community, platform=platform)

    return build


STAGES = {
    "archive": on_archive,
    "sample": on_sample,
    "reviews": on_reviews,
    "file": on_file,
    "reddit": on_reddit,
} | {source: on_platform(source) for source in PLATFORMS}
LIVE = [source for source in STAGES if catalogue.source_type(source).is_live]
SEARCHED = sorted(PLATFORMS)


@pytest.fixture
def stage(request, tmp_path, domains, monkeypatch):
    """The source that the test is for."""
    with ExitStack() as stack, monkeypatch.context() as environment:
        environment.setattr(os, "environ", os.environ.copy())
        known = dict(os.environ)
        built = STAGES[request.param](stack, tmp_path / "files", domains)
        for key in set(os.environ) - set(known):
            monkeypatch.setenv(key, os.environ[key])
        yield built


def every(sources):
    return pytest.mark.parametrize("stage", sources, indirect=True)


def bronze(**where: str) -> pl.DataFrame:
    return open_adapters().lake().read(BRONZE_ITEMS, where)


def entries(platform: str) -> dict[datetime, Any]:
    return {entry.window_start: entry for entry in open_adapters().state().windows(platform)}


def test_every_source_is_tested():
    """E04: a new one has to join."""
    assert sorted(STAGES) == catalogue.names()


@every(STAGES)
def test_a_window_takes_what_was_written_in_it_and_nothing_else(stage):
    """X5: by the item's own time, `[start, end)`; nothing twice, nothing lost, raw lines as many as rows."""
    reading = stage.read()
    found = bronze()
    assert (
        dict(found.select("item_id", pl.col("created_at").dt.timestamp("ms") / 1000).iter_rows())
        == stage.wanted()
    )
    assert set(found["platform"]) == {reading.platform}
    assert set(found["community"]) == {stage.community}
    captures = open_adapters().landing().captures(reading.platform, [stage.community], None)
    assert sum(capture.manifest.lines() for capture in captures) == found.height
    assert open_adapters().lake().read(OPS_REJECTIONS).height == 0


@every(STAGES)
def test_words_arrive_as_they_were_said_and_names_end_in_bronze(stage):
    """E16, E33: with one key for each person."""
    stage.read()
    rows, cleaned = bronze(), open_adapters().lake().read(SILVER_ITEMS)
    said = {each.id: each for each in stage.said}
    for row in rows.iter_rows(named=True):
        words = (
            f"{row['title'] or ''}\n{row['body'] or ''}"
            if row["kind"] != "comment"
            else row["body"]
        )
        assert said[row["item_id"]].text in words
        assert row["author"] == said[row["item_id"]].author
    assert cleaned["author_key"].n_unique() == rows["author"].n_unique() == 3
    assert not any("person_" in str(value) for row in cleaned.rows() for value in row)
    assert cleaned["text"].str.contains("The battery of my iPhone 15", literal=True).all()


@every(STAGES)
def test_an_hour_that_was_read_to_its_beginning_is_certified_and_not_read_again(stage):
    """The reason why it stopped is one that certifies; the second run asks nothing."""
    reading = stage.read()
    entry = entries(reading.platform)[T10]
    assert entry.state is WindowState.CERTIFIED, entry.detail
    assert entry.stop_reason in {"passed_window_start", "exhausted"}
    asked = stage.asked
    stage.read(now=NOW + timedelta(minutes=10))
    assert stage.asked == asked


@every(STAGES)
def test_hours_one_by_one_and_together_give_the_same_rows(stage):
    """X10."""
    together = Window(T10 - 2 * HOUR, T10 + 2 * HOUR)
    stage.read(together)
    found = bronze().select("item_id", "created_at", "body", "title", "author").sort("item_id")
    assert set(found["item_id"]) == set(stage.wanted(together))
    for hour in together.hours():
        if stage.wanted(hour) or stage.source in LIVE:
            stage.read(hour)
    assert bronze().select(found.columns).sort("item_id").equals(found)


@every(LIVE)
def test_an_hour_that_is_not_over_long_enough_is_not_certified(stage):
    """Items that come a little later would be missed."""
    reading = stage.read(now=T10 + timedelta(minutes=65))
    assert entries(reading.platform)[T10].state is WindowState.INCOMPLETE
    stage.read()
    assert entries(reading.platform)[T10].state is WindowState.CERTIFIED
    assert set(bronze()["item_id"]) == set(stage.wanted())


@every(SEARCHED)
def test_a_refused_request_waits_as_long_as_it_is_told(stage, monkeypatch):
    """429 with Retry-After, or X's own header; it is remembered for the alert (A39)."""
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    reset = str(int(NOW.timestamp()) + 7)
    stage.platform.faults = deque(
        [(429, {"retry-after": "7", "x-rate-limit-reset": reset}, {}), (503, {}, {})]
    )
    reading = stage.read()
    assert set(bronze()["item_id"]) == set(stage.wanted())
    assert any(7 <= wait <= 8 for wait in waits)
    assert len(open_adapters().state().notes(REFUSALS)) == 1
    assert entries(reading.platform)[T10].state is WindowState.CERTIFIED


@every(SEARCHED)
@pytest.mark.parametrize(
    "fault",
    [
        (500, {}, {}),
        (200, {}, b"<html>not what was asked for"),
        (429, {"x-rate-limit-reset": "9999999999"}, {}),
    ],
)
def test_a_platform_that_is_down_leaves_the_hour_open_and_says_why(stage, fault):
    """The run goes on, and the next one repairs it; half an answer is none."""
    stage.platform.faults = deque([fault] * 30)
    reading = stage.read()
    entry = entries(reading.platform)[T10]
    assert (entry.state, bronze().height) == (WindowState.INCOMPLETE, 0)
    assert entry.detail
    stage.platform.faults.clear()
    stage.read(now=NOW + timedelta(minutes=5))
    assert entries(reading.platform)[T10].state is WindowState.CERTIFIED
    assert set(bronze()["item_id"]) == set(stage.wanted())


@every(["steam", "facebook", "instagram", "linkedin"])
def test_what_is_not_there_stops_no_other(stage):
    """A misspelt community holds itself up, and no one else."""
    reading = stage.read(communities=[stage.community, "4040"])
    states = {
        entry.community: entry.state for entry in open_adapters().state().windows(reading.platform)
    }
    assert states == {stage.community: WindowState.CERTIFIED, "4040": WindowState.INCOMPLETE}


@every(["x", "facebook", "instagram", "linkedin"])
def test_a_key_that_is_refused_or_missing_is_named_and_not_shown(stage, monkeypatch):
    """The run ends there: another attempt would not help."""
    variable = next(key for key in stage.platform.settings("") if key.endswith("TOKEN"))
    stage.platform.key = "another"
    with pytest.raises(CredentialsRefused) as raised:
        stage.read()
    assert KEY not in str(raised.value)
    monkeypatch.delenv(variable)
    with pytest.raises(SettingsInvalid, match=variable):
        stage.job()


@every(["x"])
def test_what_x_no_longer_shows_is_beyond_recovery_and_says_so(stage):
    """Recent search reaches back seven days."""
    reading = stage.read(now=T10 + timedelta(days=7, minutes=90))
    assert entries(reading.platform)[T10].state is WindowState.UNRECOVERABLE
    assert "seven days" in entries(reading.platform)[T10].detail


@every(["x"])
def test_a_community_of_x_needs_its_query(stage):
    """The message says where."""
    with pytest.raises(InvalidRequest, match=r"sources\.x\.queries"):
        stage.read(communities=["cars"])


@every(["instagram", "linkedin"])
def test_answers_below_old_comments_are_found(stage):
    """Those that come with their comment, and those that are a page of their own."""
    old = next(each for each in stage.said if each.kind == "comment" and each.at < T10.timestamp())
    ids = IDS.get(stage.source, name)
    replies = [
        ItemFields(
            "comment",
            ids("comment", 600 + n),
            T10.timestamp() + n,
            f"Answer {n}",
            "person_9",
            old.thread,
            old.id,
        )
        for n in range(5)
    ]
    stage.said += replies
    stage.read()
    assert {each.id for each in replies} <= set(bronze()["item_id"])
    assert set(
        bronze().filter(pl.col("item_id").is_in([each.id for each in replies]))["parent_id"]
    ) == {old.id}


@every(["steam", "reviews", "file"])
def test_stars_become_ratings_from_one_to_five(stage):
    """X15: thumbs are five and one; other scales are brought to it."""
    stage.read()
    ratings = dict(bronze().select("item_id", "rating").iter_rows())
    thumbs = {True: 5.0, False: 1.0}
    wanted = {
        each.id: thumbs[each.stars > 3] if stage.source == "steam" else float(each.stars)
        for each in stage.said
    }
    assert ratings == {key: wanted[key] for key in ratings}


AGAIN = ["facebook", "hackernews", "instagram", "linkedin", "x"]


def look(stage: Stage, hours: float, flow=refresh) -> Counter[str]:
    """A second look so many hours after ten o'clock; what it counted."""
    now = T10 + timedelta(hours=hours, minutes=5)
    stage.platform.clock = now.timestamp
    return flow.fn(source=stage.source, communities=[stage.community], now=now).counts


@every(AGAIN)
def test_a_second_look_finds_what_was_edited_and_what_is_gone(stage, home):
    """X13: X names what is gone; elsewhere it has to be absent twice, and until then it is kept."""
    stage.read()
    inside = [each for each in stage.said if each.id in stage.wanted()]
    gone, edited = inside[1], inside[2]
    stage.platform.said.remove(gone)
    stage.platform.said[stage.platform.said.index(edited)] = replace(
        edited, text="The camera is awful, I take it all back"
    )
    assert look(stage, 4)["missing_item_count"] == (0 if stage.source == "x" else 1)
    found = {
        row["item_id"]: f"{row['title']} {row['body']}" for row in bronze().iter_rows(named=True)
    }
    assert found.keys() == {each.id for each in inside}
    assert "awful" in found[edited.id]
    assert (gone.text in found[gone.id]) is (stage.source != "x")
    requests = stage.asked
    look(stage, 4.4)
    assert stage.asked == requests
    assert look(stage, 8)["erased_item_count"] == (0 if stage.source == "x" else 1)
    assert everywhere(home, gone.text.encode()) == []
    assert bronze().filter(item_id=gone.id)["body"].to_list() == ["[deleted]"]
    assert bronze().height == len(inside)
    assert look(stage, 100, sweep)["looked_up_item_count"] == len(inside) - 1


@every(["facebook", "instagram", "linkedin"])
def test_a_token_that_sees_nothing_any_more_takes_nothing_out(stage):
    """Whoever lost a right sees none of it, and nobody deleted it."""
    stage.read()
    stage.platform.community, stage.platform.said = "another", []
    for hours in (4, 8):
        assert look(stage, hours)["erased_item_count"] == 0
    assert "[deleted]" not in bronze()["body"].to_list()


@every(["hackernews"])
def test_what_only_a_search_forgot_stays(stage):
    """It is there when it is asked for by itself."""
    stage.read()
    stage.platform.forgotten = set(list(stage.wanted())[:3])
    for hours in (4, 8):
        assert look(stage, hours)["missing_item_count"] == 0
    assert "[deleted]" not in bronze()["body"].to_list()


@every(["x"])
def test_an_edited_post_of_x_takes_the_place_of_the_first(stage, home):
    """It has another id, and another time, which may be of the next hour."""
    stage.read()
    old = next(each for each in reversed(stage.said) if each.id in stage.wanted())
    new = replace(old, id="9999", at=old.at + 600, text="On second thought the camera is awful")
    stage.platform.said[stage.platform.said.index(old)] = new
    stage.platform.edited = {old.id: new.id}
    look(stage, 4)
    assert everywhere(home, old.text.encode()) == []
    assert bronze().filter(item_id=new.id).select("body", "window_start").row(0) == (
        new.text,
        T10 + HOUR,
    )


@every(["x"])
def test_known_posts_of_x_are_asked_for_by_the_hundred(stage):
    """A hundred is the most that X takes in one request."""
    stage.platform.page = 100
    stage.said += [
        ItemFields("submission", str(7000 + n), T10.timestamp() + n, f"Post {n}", "person_1")
        for n in range(120)
    ]
    stage.read()
    asked = stage.asked
    assert look(stage, 4)["looked_up_item_count"] == len(stage.wanted()) > 100
    assert stage.asked - asked == 2


@every(["steam", "sample", "file"])
def test_who_cannot_be_asked_again_is_not(stage):
    """The message names those that can."""
    with pytest.raises(
        InvalidRequest, match="facebook, hackernews, instagram, linkedin, reddit, x"
    ):
        refresh.fn(source=stage.source, now=NOW)


@every(LIVE)
def test_a_live_source_has_no_everything(stage):
    """It needs a span."""
    with pytest.raises(InvalidRequest, match="needs --start and --end"):
        check_backfill.fn("smartphones", stage.source, None, [stage.community], None, None, NOW)


def test_a_name_that_is_none_is_answered_with_those_there_are():
    """Before anything runs."""
    with pytest.raises(InvalidRequest, match="archive, facebook, file"):
        check_backfill.fn("smartphones", "myspace", None, None, None, None, NOW)


NOTES = [
    {
        "id": "a",
        "at": 1772359260,
        "desk": "desk",
        "text": "The iPhone 15 camera is great, Ann says",
    },
    {"id": "b", "at": 1772362860, "desk": "desk", "text": "An hour later"},
]


@pytest.fixture
def notes_package(tmp_path, monkeypatch):
    """A distribution with the source that docs/sources.md shows, and notes for it to read."""
    documented = (REPOSITORY / "docs" / "sources.md").read_text()
    module = re.search(r"^```python\n(.*?)^```$", documented, re.MULTILINE | re.DOTALL)[1]
    site = tmp_path / "site"
    (site / "notes-1.dist-info").mkdir(parents=True)
    (site / "notes_source.py").write_text(module)
    (site / "notes-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: notes\nVersion: 1\n"
    )
    (site / "notes-1.dist-info" / "entry_points.txt").write_text(
        "[market_opinion.sources]\nnotes = notes_source:Notes\n"
    )
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(note) + "\n" for note in NOTES))
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    monkeypatch.setenv("NOTES_URL", (tmp_path / "notes.jsonl").as_uri())
    monkeypatch.setenv("NOTES_TOKEN", KEY)
    catalogue.forget()
    yield module
    monkeypatch.undo()
    sys.modules.pop("notes_source", None)
    catalogue.forget()


def test_a_source_of_another_package_is_read_and_cleaned(notes_package):
    """D14, S16: by its own format, with its own address; the same stages and the same certificate."""
    reading = Stage("notes", [], "desk").read()
    assert bronze().select("platform", "item_id", "body").rows() == [
        ("notes", "a", "The iPhone 15 camera is great, Ann says")
    ]
    assert open_adapters().lake().read(SILVER_ITEMS)["permalink"].to_list() == [
        "https://notes.example/a"
    ]
    assert entries(reading.platform)[T10].state is WindowState.CERTIFIED
    (capture,) = open_adapters().landing().captures("notes", ["desk"], H10)
    assert capture.manifest.format_reference == "notes"
    assert len(notes_package.splitlines()) < 100


def test_a_source_of_another_package_has_settings_and_secrets(notes_package, monkeypatch):
    """They are named where those of our own are, and a secret is never shown."""
    assert catalogue.secret_variables()["NOTES_TOKEN"] == "Token that reads the notes."
    assert '"notes-token": "Token that reads the notes."' in listing.terraform_secrets()
    assert "\n# NOTES_TOKEN=\n" in listing.example_settings()
    assert "\nNOTES_URL=file:///notes.jsonl\n" in listing.example_settings()
    lines = {finding.part: (finding.state, finding.text) for finding in doctor.examine()}
    assert lines["notes"] == ("ok", "NOTES_TOKEN is set")
    monkeypatch.delenv("NOTES_TOKEN")
    lines = {finding.part: (finding.state, finding.text) for finding in doctor.examine()}
    assert lines["notes"] == ("off", "NOTES_TOKEN is not set: a token of your server")
    with pytest.raises(SettingsInvalid, match="NOTES_TOKEN"):
        Stage("notes", [], "desk").job()


def test_a_source_of_another_package_is_documented(notes_package):
    """In the table of sources and in the dictionary."""
    row = "| `notes` | notes that people leave | a token of your server |"
    assert row in listing.readme_table()
    assert "| `notes` | review | `https://notes.example/{item_id}` |" in dictionary.render()


def test_a_source_that_cannot_be_imported_is_named(notes_package, tmp_path):
    """Its own line of doctor says so, and no other source suffers."""
    (tmp_path / "site" / "notes_source.py").write_text("import nothing_that_exists")
    sys.modules.pop("notes_source", None)
    lines = {finding.part: (finding.state, finding.text) for finding in doctor.examine()}
    assert lines["notes"][0] == "bad"
    assert "source notes cannot be imported" in lines["notes"][1]
    assert lines["steam"] == ("ok", "needs no key")
