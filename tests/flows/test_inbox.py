"""The inbox: every file is read once, and what became of it is said."""

import gzip
import itertools
import json
import os
import shutil
from datetime import timedelta

import boto3
import polars as pl
import pytest
from pydantic import SecretStr

import flows.backfill
import flows.inbox
from flows.erase import erase
from flows.inbox import inbox
from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_ITEMS
from market_opinion.core.settings import load_settings
from market_opinion.ops.adapters import open_adapters
from market_opinion.sources.inbox_files import Inbox, Queue
from tests.cloud import needs_aws
from tests.conftest import NOW, REPOSITORY, assert_same, epoch
from tests.tasks.test_sources import MAPPING

SHARED = REPOSITORY.parent / "shared" / "data" / "amazon" / "cell_phones_5000.csv"
pytestmark = pytest.mark.usefixtures("without_engine")


@pytest.fixture
def box(home, monkeypatch):
    """An inbox whose files are still at once."""
    monkeypatch.setenv("INBOX_SETTLE_SECONDS", "0")
    load_settings()
    return home / "inbox"


def review(n, **fields):
    base = {
        "rating": 4.0,
        "title": "Fine",
        "text": f"The battery of my iPhone 15 is great {n}",
        "asin": f"B{n:03d}",
        "user_id": f"U{n}",
    }
    return {**base, "timestamp": (epoch("2026-03-01T10:00:00") + 60 * n) * 1000, **fields}


def put(box, name, *lines, pack=bytes):
    path = box / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        pack(
            b"".join(
                line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
                for line in lines
            )
        )
    )
    return path


def outcomes():
    return {each.path: each for each in open_adapters().inbox().outcomes()}


def bronze():
    return open_adapters().lake().read(BRONZE_ITEMS)


def test_a_file_is_read_once_and_twice_nothing(box, tables):
    """Its lines reach the mart, each of them accounted for."""
    put(box, "reviews/Cell_Phones.jsonl", *(review(n) for n in range(20)), b"cut o\n")
    summary = inbox.fn()
    outcome = outcomes()["reviews/Cell_Phones.jsonl"]
    assert (outcome.state, outcome.counts) == (
        "partly",
        {"landed_line_count": 21, "refused_line_count": 1},
    )
    assert "ops.rejections" in outcome.detail
    assert "Cell_Phones.jsonl: partly, 21 lines" in summary.notes[1]
    before = tables()
    assert before["mart.fact_brand_mentions"].height == 20
    agreed = "amazon: the tone of 20 judged mentions agrees with the stars in 100.0%"
    assert inbox.fn().notes == (f"the inbox is {box.as_uri()}", "nothing new was there", agreed)
    assert_same(before, tables())


def test_flattening_and_cleaning_have_metrics_of_their_own(box, home):
    """C09: two tasks; and what came of a platform that is not Reddit goes by its own name."""
    put(box, "reviews/Cell_Phones.jsonl", *(review(n) for n in range(20)), b"cut o\n")
    inbox.fn()
    metrics = [json.loads(line) for line in (home / "metrics.jsonl").read_text().splitlines()]
    stages = {
        (m["dimensions"]["Stage"], m["name"]): m["value"]
        for m in metrics
        if "Stage" in m["dimensions"]
    }
    assert (stages["flatten", "StageRowsIn"], stages["flatten", "StageRowsOut"]) == (21, 20)
    assert (stages["clean", "StageRowsIn"], stages["clean", "StageRowsOut"]) == (20, 20)
    assert stages["flatten", "StageSeconds"] > 0
    (new,) = (m for m in metrics if m["name"] == "NewReviews")
    assert (new["value"], new["dimensions"]["Platform"], new["dimensions"]["Community"]) == (
        20,
        "amazon",
        "cell_phones",
    )


def test_the_same_content_comes_twice_and_is_one(box):
    """Under another name, or the same file touched."""
    first = put(box, "reviews/a.jsonl", review(1))
    inbox.fn()
    put(box, "reviews/b.jsonl", review(1))
    os.utime(first, (1, 1))
    inbox.fn()
    assert {path: each.state for path, each in outcomes().items()} == {
        "reviews/a.jsonl": "processed",
        "reviews/b.jsonl": "duplicate",
    }
    assert "same content as reviews/a.jsonl" in outcomes()["reviews/b.jsonl"].detail
    assert bronze().height == 1


def test_an_item_in_two_categories_is_one(box):
    """It stays where it was met first, whichever way it comes again."""
    put(box, "reviews/phones.jsonl", review(1))
    inbox.fn()
    put(box, "reviews/gifts.jsonl", review(1), review(2))
    inbox.fn()
    assert sorted(bronze()["community"]) == ["gifts", "phones"]
    assert (
        open_adapters().mart().query("SELECT COUNT(*) AS n FROM mart.fact_brand_mentions").item()
        == 2
    )


def test_a_file_that_changed_is_read_again(box):
    """What it holds now is what counts; what it held before stays, since it was said."""
    put(box, "reviews/a.jsonl", review(1))
    inbox.fn()
    put(box, "reviews/a.jsonl", review(1, text="The battery of my iPhone 15 is bad"), review(2))
    inbox.fn()
    assert bronze().sort("item_id").height == 2
    assert [each.state for each in open_adapters().inbox().outcomes()] == [
        "processed",
        "processed",
    ]


def test_what_is_still_written_is_waited_for(box, monkeypatch):
    """By its name, or since it keeps changing; then it is read whole."""
    monkeypatch.setenv("INBOX_SETTLE_SECONDS", "3600")
    put(box, "reviews/later.jsonl.part", review(9))
    put(box, "reviews/.hidden.jsonl", review(9))
    path = put(box, "reviews/growing.jsonl", review(0))
    looks = itertools.count(1)

    def write_on(_seconds):
        assert outcomes() == {}
        with path.open("ab") as file:
            file.write(json.dumps(review(look := next(looks))).encode() + b"\n")
        if look == 3:
            os.utime(path, (1, 1))

    monkeypatch.setattr("time.sleep", write_on)
    inbox.fn()
    assert bronze().height == 4
    assert list(outcomes()) == ["reviews/growing.jsonl"]


BROKEN = {
    "reviews/cut.jsonl.gz": (
        lambda raw: gzip.compress(raw)[:-40],
        "partly",
        "ends in the middle",
    ),
    "reviews/columns.csv": (
        lambda _: b"a,b\n1,2\n",
        "refused",
        "no column unixReviewTime|timestamp, reviewerID|user_id, asin; its first row has 2 values",
    ),
    "reviews/notes.txt": (bytes, "refused", "expected files ending in"),
    "reviews/noise.jsonl": (lambda _: b"\xff\xfe\n" * 9, "refused", "not one line has a readable"),
    "letters/x.jsonl": (lambda raw: raw + b"x", "refused", "has the folders archive, reviews"),
    "loose.jsonl": (lambda raw: raw + b"y", "refused", "has the folders archive, reviews"),
    "archive/x.jsonl": (lambda raw: raw + b"z", "refused", "RC* or RS*"),
    "reviews/empty.jsonl": (lambda _: b"", "refused", "nothing that can be read"),
}


def test_a_broken_file_stops_no_other_and_says_what_is_wrong(box):
    """Its readable lines are there."""
    lines = b"".join(
        json.dumps(review(n, text=f"{n * 7919} words of the iPhone 15")).encode() + b"\n"
        for n in range(3000)
    )
    for name, (content, _, _) in BROKEN.items():
        put(box, name, content(lines))
    put(box, "reviews/z_good.jsonl", review(7000))
    said, found = inbox.fn().notes, outcomes()
    for name, (_, state, words) in BROKEN.items():
        assert any(note.startswith(f"{name}: {state}") for note in said)
        assert (found[name].state, words in found[name].detail) == (state, True), found[name]
    assert found["reviews/z_good.jsonl"].state == "processed"
    assert set(bronze()["community"]) == {"cut", "z_good"}


def test_a_run_that_dies_before_it_recorded_is_repaired(box, monkeypatch, tables):
    """After the landing, and after the mart: the next run finishes, and nothing is there twice."""
    put(box, "reviews/a.jsonl", *(review(n) for n in range(20)))
    for stage in ("flows.inbox.carry", "flows.inbox.record_arrivals"):
        with monkeypatch.context() as dying:
            dying.setattr(stage, _die)
            with pytest.raises(KeyboardInterrupt):
                inbox.fn()
        assert outcomes() == {}
    inbox.fn()
    assert (outcomes()["reviews/a.jsonl"].state, bronze().height) == ("processed", 20)
    assert tables()["mart.fact_brand_mentions"].height == 20


def test_what_was_landed_of_a_file_that_is_gone_is_not_why_its_twin_is_left_out(box, monkeypatch):
    """The run died before the tables had it, and somebody moved the file meanwhile."""
    first = put(box, "reviews/a.jsonl", review(1))
    with monkeypatch.context() as dying:
        dying.setattr("flows.inbox.carry", _die)
        with pytest.raises(KeyboardInterrupt):
            inbox.fn()
    first.rename(box / "reviews" / "moved.jsonl")
    inbox.fn(now=NOW + timedelta(minutes=1))
    assert (outcomes()["reviews/moved.jsonl"].state, bronze().height) == ("processed", 1)


def test_a_reviewer_is_forgotten_as_anyone_is(box, home, tables):
    """E35: the review stays one row of the same id, without words or name; nobody else's changes."""
    put(box, "reviews/Cell_Phones.jsonl", *(review(n, user_id=f"REVIEWER{n}") for n in range(5)))
    inbox.fn()
    before = bronze().drop("landing_uri").sort("created_at")
    erase.fn(platform="amazon", author=SecretStr("reviewer3"))
    after = bronze().drop("landing_uri").sort("created_at")
    assert after["item_id"].to_list() == before["item_id"].to_list()
    assert after["body"].to_list()[3] == "[deleted]"
    assert after.filter(pl.col("body") != "[deleted]").equals(
        before.filter(pl.col("author") != "REVIEWER3")
    )
    assert tables()["mart.fact_brand_mentions"].height == 4
    left = [
        path
        for path in (home / "landing").rglob("*")
        if path.is_file() and b"REVIEWER3" in path.read_bytes()
    ]
    assert left == []


def test_a_folder_names_the_domain_and_the_mapping(box, tmp_path, monkeypatch):
    """So that one inbox serves all of them; each file has the lines of its own platform."""
    shutil.copytree(REPOSITORY / "domains", tmp_path / "domains")
    told = tmp_path / "domains" / "hotels" / "domain.toml"
    told.write_text(told.read_text().replace("[aspects.", MAPPING + "\n[aspects.", 1))
    monkeypatch.setenv("DOMAINS_PATH", str(tmp_path / "domains"))
    rows = b"answer id,answered,e-mail,pros,cons,score\n1,2026-03-01 10:05,a@b.cd,The staff of the Hampton Inn was lovely,,9\n"
    put(box, "hotels/survey/march.csv", rows)
    inbox.fn()
    row = bronze().row(0, named=True)
    assert (row["platform"], row["rating"], outcomes()["hotels/survey/march.csv"].state) == (
        "survey",
        4.6,
        "processed",
    )
    assert open_adapters().mart().query(
        "SELECT domain, platform FROM mart.fact_brand_mentions"
    ).rows() == [("hotels", "survey")]


@pytest.fixture
def survey(box, tmp_path, monkeypatch):
    """Puts answers into the inbox, and says how they are read."""
    shutil.copytree(REPOSITORY / "domains" / "smartphones", tmp_path / "domains" / "smartphones")
    told = tmp_path / "domains" / "smartphones" / "domain.toml"
    without = told.read_text()
    monkeypatch.setenv("DOMAINS_PATH", str(tmp_path / "domains"))
    rows = "answer id,answered,begun,e-mail,pros,cons,score\n" + "".join(
        f"{n},2026-03-01 {10 + n}:05,2026-02-27 {10 + n}:05,a@b.cd,The iPhone 15 battery is great,The iPhone 15 camera is bad,9\n"
        for n in range(3)
    )
    put(box, "survey/march.csv", rows.encode())

    def map_by(old="", new=""):
        told.write_text(without.replace("[aspects.", MAPPING.replace(old, new) + "\n[aspects.", 1))

    map_by()
    return map_by


WRONG = {
    "words": ('body = ["pros", "cons"]', 'body = "cons"'),
    "time": ('created_at = "answered"', 'created_at = "begun"'),
    "community": ('community = "phones"', 'community = "strangers"'),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_mapping_that_was_corrected_reads_its_files_anew(
    survey, wrong, tables, monkeypatch, tmp_path
):
    """What the wrong one made of them is gone, wherever it had put it; and the wrong one may come back."""

    def rows(home):
        """By an inbox that was read by the right mapping only."""
        monkeypatch.setenv("MARKET_OPINION_HOME", str(home))
        inbox.fn()
        return {
            name: frame.drop("landing_uri", strict=False)
            for name, frame in tables().items()
            if name != "mart.dim_date"
        }

    shutil.copytree(
        tmp_path / "home" / "inbox", tmp_path / "other" / "inbox", copy_function=shutil.copy2
    )
    monkeypatch.setenv("AUTHOR_PEPPER", "the same for both")
    expected = rows(tmp_path / "other")
    for mapping in (wrong, (), *((wrong, ()) if wrong == WRONG["time"] else ())):
        survey(*mapping)
        found = rows(tmp_path / "home")
        assert found["bronze.items"].equals(expected["bronze.items"]) == (mapping == ())
    ledger = "mart.fact_window", "mart.dim_community", "ops.rejections"
    assert_same({name: frame for name, frame in expected.items() if name not in ledger}, found)
    assert inbox.fn().notes[1] == "nothing new was there"


def test_a_file_that_its_mapping_refused_is_read_once_that_was_corrected(survey):
    """Nobody has to touch the file."""
    survey('created_at = "answered"', 'created_at = "when"')
    inbox.fn()
    assert "no column when; its first row has 7 values" in outcomes()["survey/march.csv"].detail
    survey()
    inbox.fn()
    assert ({each.state for each in open_adapters().inbox().outcomes()}, bronze().height) == (
        {"processed"},
        3,
    )


def test_a_correction_that_was_cut_off_is_finished_by_the_next_run(survey, monkeypatch):
    """Wherever it was: between the old lines and the new ones, and before the tables followed."""
    survey(*WRONG["time"])
    inbox.fn()
    survey()
    for place in (
        "market_opinion.storage.landing.zone.Landing.put_survey",
        "market_opinion.storage.landing.zone.Landing.withdraw",
        "flows.inbox.carry",
    ):
        with monkeypatch.context() as dying:
            dying.setattr(place, _die)
            with pytest.raises(KeyboardInterrupt):
                inbox.fn()
    inbox.fn()
    assert [f"{at:%m-%d %H}" for at in sorted(bronze()["created_at"])] == [
        "03-01 10",
        "03-01 11",
        "03-01 12",
    ]


def test_a_backfill_by_a_corrected_mapping_replaces_what_the_wrong_one_made(survey, box):
    """The same without an inbox."""
    backfill = {"source": "file", "mapping": "survey", "archive": str(box / "survey")}
    survey(*WRONG["words"])
    flows.backfill.backfill.fn(**backfill)
    survey()
    flows.backfill.backfill.fn(**backfill)
    assert bronze()["body"].str.contains("battery").all()
    assert bronze().height == 3


def test_a_file_in_the_wrong_folder_may_be_moved(survey, box):
    """The same content is something else by another route."""
    put(box, "reviews/march.csv", (box / "survey" / "march.csv").read_bytes())
    (box / "survey" / "march.csv").unlink()
    inbox.fn()
    assert outcomes()["reviews/march.csv"].state == "refused"
    (box / "reviews" / "march.csv").rename(box / "survey" / "march.csv")
    inbox.fn()
    assert outcomes()["survey/march.csv"].state == "processed"


def test_many_files_go_through_the_stages_together(box, monkeypatch):
    """As many as one look takes; of many only what is wrong is told, and each is recorded."""
    monkeypatch.setattr("market_opinion.ops.arrivals._FILES_A_LOOK", 20)
    for n in range(30):
        put(box, f"reviews/2026/part[{n}] of *.jsonl", review(n))
    put(box, "reviews/2025/part[0] of *.jsonl", review(0))
    put(box, "reviews/2027/part[0] of *.jsonl", b"nothing\n")
    loads = []
    carry = flows.inbox.carry
    monkeypatch.setattr("flows.inbox.carry", lambda *args: loads.append(args) or carry(*args))
    monkeypatch.setattr("market_opinion.ops.arrivals._FILES_SHOWN_MAX", 10)
    notes = inbox.fn().notes
    assert (len(loads), bronze().height) == (2, 30)
    assert (
        notes[1]
        == "20 files: 19 processed, 1 duplicate; each of them by `python -m market_opinion inbox`"
    )
    assert notes[2].startswith("12 files: 11 processed, 1 refused;")
    assert notes[3].startswith("reviews/2027/part[0] of *.jsonl: refused: ")
    assert len(outcomes()) == 32


def test_a_file_that_cannot_be_read_now_waits_and_stops_no_other(box, monkeypatch):
    """It may be gone before it is opened, or a store may not answer."""
    monkeypatch.setattr("market_opinion.ops.arrivals._FILES_A_LOOK", 1)
    put(box, "reviews/a.jsonl", review(1))
    put(box, "reviews/b.jsonl", review(2))
    sha256 = Inbox.sha256

    def refuse(own, arrival):
        if arrival.path.endswith("a.jsonl"):
            message = "not yours"
            raise PermissionError(message)
        return sha256(own, arrival)

    with monkeypatch.context() as failing:
        failing.setattr(Inbox, "sha256", refuse)
        assert "reviews/a.jsonl: waiting: it could not be read now: not yours" in inbox.fn().notes
    assert list(outcomes()) == ["reviews/b.jsonl"]
    inbox.fn()
    assert outcomes()["reviews/a.jsonl"].state == "processed"


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared reviews")
def test_shared_reviews_are_all_accounted_for(box):
    """C01: the classic columns as CSV; copies in letters and digits are marked."""
    lines = SHARED.read_text(encoding="utf-8").splitlines(keepends=True)[:100]
    put(box, "reviews/some.csv", *(line.encode() for line in lines))
    inbox.fn()
    rows, outcome = bronze(), outcomes()["reviews/some.csv"]
    assert outcome.counts["landed_line_count"] == rows.height + outcome.counts["refused_line_count"]
    assert rows["rating"].is_between(1, 5).all()
    assert rows["thread_id"].str.len_chars().eq(10).all()
    assert (
        open_adapters().lake().read(SILVER_ITEMS).filter(pl.col("author_key").is_null()).height == 0
    )


@needs_aws
def test_on_s3_a_message_wakes_the_watching_flow(on_aws, monkeypatch, box):
    """C03: the queue says that something came, the inbox says what."""
    monkeypatch.setenv("INBOX_URI", f"s3://{on_aws[0]}/inbox")
    assert open_adapters().inbox().files() == {}
    boto3.client("s3").put_object(
        Bucket=on_aws[0], Key="inbox/reviews/a[1].jsonl", Body=json.dumps(review(1)).encode()
    )
    url = boto3.client("sqs").create_queue(QueueName=f"inbox-{on_aws[0]}")["QueueUrl"]
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    queue = Queue(url)
    assert queue.wait(5)
    assert not queue.wait(1)
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    monkeypatch.setenv("INBOX_QUEUE_URL", url)
    inbox.fn()
    assert not queue.wait(1)
    assert (bronze().height, outcomes()["reviews/a[1].jsonl"].state) == (1, "processed")


def _die(*_args, **_options):
    raise KeyboardInterrupt


@pytest.mark.parametrize(("most", "carried"), [(1, [12]), (0, [1, 1])])
def test_hours_near_each_other_are_carried_as_one_where_little_lies_between(
    box, monkeypatch, most, carried
):
    """What was there already is not carried again for nothing."""
    put(box, "reviews/between/phones.jsonl", review(300))
    inbox.fn()
    monkeypatch.setattr("market_opinion.ops.arrivals._GAP_MAX_LINES", most)
    for n in (0, 660):
        put(box, f"reviews/{n}/phones.jsonl", review(n))
    spans = []
    carry = flows.inbox.carry
    monkeypatch.setattr(
        "flows.inbox.carry",
        lambda run, reading, slices, tally: (
            spans.extend(slices) or carry(run, reading, slices, tally)
        ),
    )
    inbox.fn()
    assert [span.window.hour_count for span in spans] == carried
    assert bronze().height == 3
