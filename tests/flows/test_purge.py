"""X13: where only what was derived may be kept, words go and nothing else does."""

import os
import shutil
import time
from datetime import timedelta

import polars as pl
import pytest
from pydantic import SecretStr

from flows import stages
from flows.backfill import backfill
from flows.erase import erase
from flows.purge import purge
from flows.sweep import sweep
from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_EXTRACTIONS,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import Slice, Window
from market_opinion.ops.adapters import open_adapters
from market_opinion.storage.landing.redaction import purge_lines
from tasks.opinions import judge_items
from tasks.request import check_purge
from tests.conftest import write_archive
from tests.flows.test_live import H10, SUBMISSION, T10, at, comment, entry, everywhere, run_hourly
from tests.llm_server import ModelServer
from tests.market_opinion.stages.test_bronze import content

pytestmark = pytest.mark.usefixtures("without_engine")
LATER = H10 + timedelta(hours=26)


@pytest.fixture(autouse=True)
def _rules(monkeypatch):
    """What a purge removes and keeps does not depend on who judged."""


@pytest.fixture
def derived(monkeypatch):
    monkeypatch.setenv("RETENTION", "derived_only")


def lake_rows(table):
    frame = open_adapters().lake().read(table)
    return frame.sort(list(table.key))


def counted():
    return (
        open_adapters()
        .mart()
        .query(
            "SELECT brand, mention_count, positive_count, negative_count, mean_polarity FROM mart.daily_brand ORDER BY brand"
        )
    )


def two_comments(reddit):
    reddit.add(
        [
            SUBMISSION,
            comment(
                "c1", T10 + 70, body="The Pixel 9 zanzibar camera is great", author="mad_hatter77"
            ),
            comment(
                "c2", T10 + 80, body="The Pixel 9 timbuktu battery is awful", author="quiet_otter"
            ),
        ]
    )
    run_hourly(reddit, H10 + timedelta(minutes=80))


def judge_into(score_set):
    run, _ = check_purge.fn("smartphones", "reddit", LATER)
    judge_items.fn(run, Slice("reddit", ("phones",), Window.hour(H10)), "lexicon", score_set)


def label_everything():
    """Somebody reads all comments, and quotes the words."""
    lake = open_adapters().lake()
    said = '[{"product_id":"google-pixel-9","aspect":"camera","label":"positive","evidence":"%s"}]'
    rows = [
        dict.fromkeys(SILVER_LABELS.schema)
        | {name: item[name] for name in SILVER_LABELS.schema if name in item}
        | {
            "domain": "smartphones",
            "labeller": "ann",
            "labelled_at": H10,
            "drawn_at": H10,
            "stratum": "none",
            "inclusion_probability": 0.5,
            "mentions": "[]",
            "opinions": said % item["text"],
        }
        for item in lake_rows(SILVER_ITEMS).filter(kind="comment").iter_rows(named=True)
    ]
    frame = pl.DataFrame(rows, schema=SILVER_LABELS.schema)
    lake.overwrite(SILVER_LABELS, frame, {"domain": "smartphones"}, None, run={"run-id": "r"})


def test_labels_lose_their_words_and_stay(reddit, home, derived):
    """A purged label still says what its reader saw, but quotes nothing."""
    two_comments(reddit)
    label_everything()
    assert everywhere(home, b"zanzibar") != []
    purge.fn(now=LATER)
    assert everywhere(home, b"zanzibar", b"timbuktu") == []
    labels = lake_rows(SILVER_LABELS)
    assert labels["item_id"].to_list() == ["c1", "c2"]
    assert all('"camera"' in said and '"evidence":""' in said for said in labels["opinions"])


def test_labels_of_an_erased_item_go(reddit, home):
    """Those of other items stay."""
    two_comments(reddit)
    label_everything()
    erase.fn(items=["c1"], now=LATER)
    assert lake_rows(SILVER_LABELS)["item_id"].to_list() == ["c2"]
    assert everywhere(home, b"zanzibar") == []


def test_words_go_and_what_was_derived_stays(reddit, home, derived):
    """Before their time nothing happens; after it every figure is what it was and no word is left."""
    two_comments(reddit)
    purge.fn(now=H10 + timedelta(hours=20))
    assert everywhere(home, b"zanzibar") != []
    before = {
        table.name: lake_rows(table) for table in (SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS)
    }
    views, ledger = counted(), entry()
    summary = purge.fn(now=LATER)
    assert summary.counts["purged_line_count"] == 3
    assert ("purged", "3 lines keep no word") in summary.rows()
    assert (
        everywhere(home, b"zanzibar", b"timbuktu", b"mad_hatter77", b"Pixel 9 after a month") == []
    )
    after = {
        table.name: lake_rows(table) for table in (SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS)
    }
    for name, gone in (
        ("silver.items", ["text", "context_title"]),
        ("silver.mentions", []),
        ("silver.opinions", ["evidence"]),
    ):
        assert after[name].drop(gone).equals(before[name].drop(gone))
    assert after["silver.opinions"]["evidence"].null_count() == after["silver.opinions"].height == 2
    assert after["silver.items"]["text"].unique().to_list() == [""]
    assert counted().equals(views)
    assert entry() == ledger


def test_a_second_purge_and_another_source_change_nothing_of_it(
    reddit, home, derived, tmp_path, make_comment
):
    """A rebuilt hour keeps what was derived; what came since is judged, and purged in its turn."""
    two_comments(reddit)
    purge.fn(now=LATER)
    before = {
        table.name: lake_rows(table)
        for table in (BRONZE_ITEMS, SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS)
    }
    assert "purged_line_count" not in purge.fn(now=LATER).counts
    assert all(
        lake_rows(table).equals(before[table.name])
        for table in (BRONZE_ITEMS, SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS)
    )
    body = "The Pixel 9 screen of vladivostok is bright and great"
    archive = write_archive(tmp_path / "archive", [make_comment("c9", body, "2026-03-02T10:30:00")])
    backfill.fn(source="archive", archive=str(archive), communities=["phones"])
    assert lake_rows(SILVER_OPINIONS).height == 3
    kept = lake_rows(SILVER_OPINIONS).filter(pl.col("item_id").is_in(["c1", "c2"]))
    assert kept.equals(before["silver.opinions"])
    purge.fn(now=LATER + timedelta(hours=1))
    assert everywhere(home, b"vladivostok") == []
    assert lake_rows(SILVER_OPINIONS).height == 3


@pytest.mark.parametrize(
    "stage",
    ["purge_words", "build_bronze", "clean_items", "load_mart", "forget_history", "end_purge"],
)
def test_a_purge_that_was_cut_off_is_finished_by_the_next_run_of_anything(
    reddit, home, derived, monkeypatch, stage
):
    """X13: wherever it ended; the run that finishes it reads another source."""
    two_comments(reddit)
    with monkeypatch.context() as broken:
        broken.setattr(
            f"flows.stages.{stage}", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            purge.fn(now=LATER)
    views = counted()
    assert open_adapters().state().notes("erasures") != {}
    backfill.fn(source="sample", start=H10, end=H10 + timedelta(hours=1))
    assert everywhere(home, b"zanzibar", b"timbuktu", b"mad_hatter77") == []
    assert open_adapters().state().notes("erasures") == {}
    assert (counted().equals(views), lake_rows(SILVER_OPINIONS).height) == (True, 2)


@pytest.fixture
def cut_off(reddit, derived, monkeypatch):
    """A purge of two hours, each a slice of its own, that was cut off in the first."""
    two_comments(reddit)
    later = comment("c3", T10 + 3700, body="The Pixel 9 samarkand screen is great")
    reddit.add([later])
    run_hourly(reddit, H10 + timedelta(minutes=140))
    monkeypatch.setenv("SPAN_MAX_ITEMS", "1")
    with monkeypatch.context() as broken:
        broken.setattr(
            "flows.stages.build_bronze", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            purge.fn(now=LATER)


def run_anything():
    backfill.fn(source="sample", start=H10, end=H10 + timedelta(hours=1))


def test_all_slices_of_a_purge_are_finished_by_the_next_run_of_anything(cut_off, home):
    """X13: also those that it had not come to, which are judged before they lose their words."""
    (begun,) = open_adapters().state().notes("erasures").values()
    assert (len(begun["slices"]), len(begun["waiting"])) == (1, 1)
    run_anything()
    assert everywhere(home, b"zanzibar", b"timbuktu", b"samarkand", b"mad_hatter77") == []
    assert (open_adapters().state().notes("erasures"), lake_rows(SILVER_OPINIONS).height) == ({}, 3)


def test_words_that_are_to_stay_by_now_wait_no_more(cut_off, home, monkeypatch):
    """A slice that has lost some of its words loses all; the others keep theirs."""
    monkeypatch.setenv("RETENTION", "full")
    run_anything()
    assert everywhere(home, b"zanzibar", b"timbuktu") == []
    assert everywhere(home, b"samarkand") != []
    assert open_adapters().state().notes("erasures") == {}


def test_a_run_beside_a_purge_leaves_it_to_the_one_that_is_at_it(
    reddit, home, derived, monkeypatch
):
    """X13: no slice loses its words twice."""
    two_comments(reddit)
    slices, purge_words = [], stages.purge_words

    def meanwhile(run, span):
        slices.append(span)
        run_anything()
        assert len(open_adapters().state().notes("erasures")) == 1
        return purge_words(run, span)

    monkeypatch.setattr(stages, "purge_words", meanwhile)
    purge.fn(now=LATER)
    assert len(slices) == 1
    assert everywhere(home, b"zanzibar", b"timbuktu", b"mad_hatter77") == []
    assert open_adapters().state().notes("erasures") == {}


def test_a_purge_waits_for_a_file_of_a_writer_that_was_cut_off(reddit, home, derived, monkeypatch):
    """X13: a young one may be about to be committed, so the to-do stays until it is gone."""
    two_comments(reddit)
    (data,) = (home / "lake/silver/items/data").rglob("*.parquet")
    stray = data.with_name("of-nobody.parquet")
    shutil.copy(data, stray)
    purge.fn(now=LATER)
    assert (stray.exists(), len(open_adapters().state().notes("erasures"))) == (True, 1)
    monkeypatch.setattr(stages, "purge_words", lambda *_: (_ for _ in ()).throw(AssertionError))
    run_anything()
    assert (stray.exists(), len(open_adapters().state().notes("erasures"))) == (True, 1)
    an_hour_ago = time.time() - 3600
    os.utime(stray, (an_hour_ago, an_hour_ago))
    run_anything()
    assert everywhere(home, b"zanzibar", b"timbuktu", b"mad_hatter77") == []
    assert open_adapters().state().notes("erasures") == {}


def test_what_is_deleted_after_its_purge_goes_altogether(reddit, derived):
    """X13: the numbers too."""
    two_comments(reddit)
    purge.fn(now=LATER)
    reddit.posts["t1_c1"].deleted = T10 + 90 * 3600
    sweep.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=100)))
    assert lake_rows(SILVER_OPINIONS)["item_id"].to_list() == ["c2"]
    assert lake_rows(SILVER_MENTIONS).filter(item_id="c1").is_empty()


def test_an_author_is_found_by_the_key_after_the_purge(reddit, home, derived):
    """X12: the name is gone, the request still works."""
    two_comments(reddit)
    purge.fn(now=LATER)
    erase.fn(author=SecretStr("Mad_Hatter77"), now=LATER)
    assert lake_rows(SILVER_OPINIONS)["item_id"].to_list() == ["c2"]
    items = lake_rows(SILVER_ITEMS).filter(item_id="c1")
    assert items.select("author_key", "unusable_reason").row(0) == (None, "deleted")


def test_an_author_who_left_takes_the_key_along(reddit, derived):
    """X13: whose account is gone has no trace of an id left."""
    two_comments(reddit)
    purge.fn(now=LATER)
    reddit.posts["t1_c1"].author = "[deleted]"
    sweep.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=100)))
    rows = lake_rows(SILVER_ITEMS).filter(kind="comment")
    assert rows.select("item_id", pl.col("author_key").is_null()).rows() == [
        ("c1", True),
        ("c2", False),
    ]
    assert lake_rows(SILVER_OPINIONS).height == 2


def test_purged_items_keep_their_opinions_in_every_new_set(reddit, derived):
    """A10: promoting a set that could not judge them again loses nothing."""
    two_comments(reddit)
    purge.fn(now=LATER)
    before = lake_rows(SILVER_OPINIONS)
    judge_into("other")
    other = lake_rows(SILVER_OPINIONS).filter(score_set="other")
    assert other.drop("score_set").equals(before.drop("score_set"))


def test_a_second_set_loses_its_words_too(reddit, home, derived):
    """Evidence stands in every score set; an erasure and a purge reach all of them."""
    two_comments(reddit)
    judge_into("other")
    erase.fn(items=["c1"], now=H10 + timedelta(hours=5))
    assert everywhere(home, b"zanzibar") == []
    purge.fn(now=LATER)
    assert everywhere(home, b"timbuktu") == []
    assert lake_rows(SILVER_OPINIONS)["item_id"].to_list() == ["c2", "c2"]


def test_words_that_no_budget_was_left_to_judge_are_kept_and_said(
    reddit, home, derived, monkeypatch
):
    """Nothing is lost for want of money; once there is some, the words go."""
    with ModelServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LLM_BUDGET_USD", "0")
        two_comments(reddit)
        assert lake_rows(SILVER_OPINIONS).is_empty()
        purge.fn(now=LATER)
        assert everywhere(home, b"zanzibar") != []
        monkeypatch.setenv("LLM_BUDGET_USD", "5")
        purge.fn(now=LATER)
    assert everywhere(home, b"zanzibar", b"timbuktu") == []
    assert lake_rows(SILVER_OPINIONS).height
    assert lake_rows(SILVER_EXTRACTIONS).is_empty()


def test_words_that_are_meant_to_stay_are_refused(reddit):
    two_comments(reddit)
    with pytest.raises(InvalidRequest, match="RETENTION is full"):
        purge.fn(now=LATER)


def test_lines_keep_their_number_and_their_counts():
    """Whatever stands in them; twice is once."""
    received = [
        b'{"id":"a","body":"words","author":"me","score":3,"x":"y"}',
        b'{"id":"b","body":"[removed]","author":null}',
        b"broken words",
    ]
    purged, touched = purge_lines(content(received))
    assert (purged.count(b"\n"), touched) == (3, ["a"])
    assert b"words" not in purged
    assert b'"score":3' in purged
    assert purge_lines(content(purged.splitlines())) == (purged, [])
