"""Erasures end, whatever cuts them off, and their proof looks everywhere."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import snowflake.connector
from pydantic import SecretStr

from flows import stages
from flows.backfill import backfill
from flows.erase import erase
from flows.mart import mart
from market_opinion.__main__ import app
from market_opinion.core.errors import ErasureIncomplete
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.mart.columns import ITEM_COLUMNS
from market_opinion.serving.mart.lake_rows import SILVER
from market_opinion.serving.mart.postgres import PostgresMart
from market_opinion.serving.view_files import write_rows
from tests.conftest import everywhere, write_archive
from tests.postgres import Postgres, needs_postgres
from tests.warehouse import needs_server

NAME = "mad_hatter77"
TRACES = (b"mad_hatter77", b"timbuktu", b"zanzibar")


@pytest.fixture
def run(tmp_path, make_comment, make_submission, without_engine):
    """A run over a thread that a user began, with a comment of theirs and one that names them."""
    folder = write_archive(
        tmp_path / "archive",
        [
            make_comment("c1", "The Pixel 9 camera is a timbuktu marvel", author=NAME),
            make_comment("c2", "I agree with u/mad_hatter77, the Pixel 9 camera is great"),
            make_comment("c3", "Its battery is great though", "2026-03-01T12:10:00"),
        ],
        [make_submission("s1", "Zanzibar diary of a Pixel 9", author=NAME)],
    )

    def backfilled():
        return backfill.fn(source="archive", archive=str(folder), communities=["phones"])

    backfilled()
    return backfilled


@pytest.mark.parametrize(
    "stage",
    ["erase_answers", "erase_landed", "build_bronze", "judge_items", "load_mart", "end_erasure"],
)
def test_what_was_cut_off_is_finished_by_the_next_run_of_anything(run, home, monkeypatch, stage):
    """X12, and its to-do names nobody meanwhile."""
    with monkeypatch.context() as broken:
        broken.setattr(
            f"flows.stages.{stage}", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            erase.fn(author=SecretStr("Mad_Hatter77"))
    todo = json.dumps(open_adapters().state().notes("erasures")).encode()
    assert todo != b"{}"
    assert not any(trace in todo.lower() for trace in TRACES)
    hour = datetime(2026, 3, 1, tzinfo=UTC)
    backfill.fn(source="sample", start=hour, end=hour + timedelta(hours=1))
    assert everywhere(home, *TRACES) == []
    assert open_adapters().state().notes("erasures") == {}


def test_a_run_of_the_mart_leaves_what_was_cut_off_to_one_that_reaches_landing(
    run, home, monkeypatch
):
    """B53, X12: its role does not; what it loads meanwhile goes with the rest."""
    with monkeypatch.context() as broken:
        broken.setattr(
            "flows.stages.build_bronze", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            erase.fn(author=SecretStr("Mad_Hatter77"))
    todo = open_adapters().state().notes("erasures")
    mart.fn()
    assert open_adapters().state().notes("erasures") == todo != {}
    hour = datetime(2026, 3, 1, tzinfo=UTC)
    backfill.fn(source="sample", start=hour, end=hour + timedelta(hours=1))
    assert everywhere(home, *TRACES) == []
    assert open_adapters().state().notes("erasures") == {}


def test_a_key_made_elsewhere_stands_for_the_name(run, home, capsys):
    """So that no name stands in Prefect's database."""
    app(["author-key", "u/Mad_Hatter77"], exit_on_error=False, result_action="return_value")
    key = capsys.readouterr().out.strip()
    erase.fn(author_key=key)
    assert everywhere(home, *TRACES) == []


def test_files_that_people_exported_lose_the_rows(with_default_scorer, run, home):
    """M9: whatever their format; rows of others stay, and the proof says where it looked."""
    mart = open_adapters().mart()
    rows = mart.query("SELECT * FROM mart.top_evidence ORDER BY item_id")
    assert rows["item_id"].to_list() == ["c1", "c2", "c3"]
    (home / "for the board").mkdir()
    files = [home / "for the board" / f"quotes{end}" for end in (".csv", ".parquet", ".json")]
    rows = rows.with_columns(polarity=pl.lit(-0.5), evidence="=" + pl.col("evidence"))
    for path in (*files, home / "quotes.xlsx"):
        write_rows(rows, path)
    last = files[0].read_text().splitlines()[-1]
    (home / "notes.json").write_text("no rows at all")
    erase.fn(items=["c1"])
    assert everywhere(home / "for the board", b"timbuktu") == []
    for path, read in zip(files, (pl.read_csv, pl.read_parquet, pl.read_json), strict=True):
        assert read(path)["item_id"].to_list() == ["c2", "c3"]
    assert files[0].read_text().splitlines()[-1] == last
    assert not (home / "quotes.xlsx").exists()
    (proof,) = (home / "erasures").iterdir()
    places = json.loads(proof.read_text())["left_in"]
    assert {"landing", "orphan files", "mart", "report", "exports", "state"} <= set(places)
    assert set(places.values()) == {0}


def test_a_file_of_a_writer_that_was_cut_off_goes_too(run, home, monkeypatch):
    """A young one may be about to be committed: the erasure stays open until it is not."""
    (data,) = (home / "lake/bronze/items/data").rglob("*.parquet")
    stray = data.with_name("of-nobody.parquet")
    # Only the name stands in it, which nobody knows once bronze is without it.
    pl.read_parquet(data).filter(pl.col("item_id") == "c2").write_parquet(stray)
    erase.fn(author=SecretStr(NAME))
    assert stray.exists()
    (begun,) = open_adapters().state().notes("erasures").values()
    assert [len(paths) for paths in begun["strays"].values()] == [1]
    monkeypatch.setattr("flows.stages.erase_landed", _never)
    run()
    assert (stray.exists(), len(list((home / "erasures").iterdir()))) == (True, 1)
    os.utime(stray, (0, 0))
    run()
    assert not stray.exists()
    assert open_adapters().state().notes("erasures") == {}
    assert everywhere(home, *TRACES) == []
    proof = json.loads(max((home / "erasures").iterdir()).read_text())
    assert (set(proof["left_in"].values()), proof["user_count"]) == ({0}, 1)


def _never(*_):
    raise AssertionError


def test_a_stray_that_gets_its_manifest_after_all_loses_the_words(run, home):
    """M9: it is looked at again, and its hour built anew, before the erasure ends."""
    hour = home / "landing/reddit/phones/2026-03-01/100000"
    late = hour / "refresh-20260301T190000-002417"
    late.mkdir()
    shutil.copy(hour / "comments.jsonl", late)
    manifest = (hour / "manifest.json").read_bytes()
    erase.fn(author=SecretStr(NAME))
    assert open_adapters().state().notes("erasures") != {}
    (late / "manifest.json").write_bytes(manifest)
    run()
    assert everywhere(home, b"timbuktu") == []
    assert open_adapters().state().notes("erasures") == {}


def test_a_run_beside_an_erasure_leaves_it_to_the_one_that_is_at_it(run, home, monkeypatch):
    """X13: nothing is done twice, and what was begun has the same end."""
    landed, histories = [], []
    erase_landed, forget_history = stages.erase_landed, stages.forget_history

    def meanwhile(of):
        histories.append(of)
        if len(histories) == 1:
            run()
            assert len(open_adapters().state().notes("erasures")) == 1
        return forget_history(of)

    monkeypatch.setattr(stages, "erase_landed", lambda of: landed.append(of) or erase_landed(of))
    monkeypatch.setattr(stages, "forget_history", meanwhile)
    erase.fn(author=SecretStr(NAME))
    assert (len(landed), len(histories)) == (1, 1)
    assert open_adapters().state().notes("erasures") == {}
    assert everywhere(home, *TRACES) == []


def test_a_damaged_manifest_hides_nobody_and_costs_nobody_their_words(run, home):
    """M9, A10: the lines beside it are searched as all others are, and none is deleted."""
    hour = home / "landing/reddit/phones/2026-03-01/100000"
    lines = (hour / "comments.jsonl").read_bytes().splitlines()
    (hour / "manifest.json").write_bytes(b'{"platform": "red')
    for path in hour.iterdir():
        os.utime(path, (0, 0))
    erase.fn(author=SecretStr(NAME))
    assert everywhere(home, *TRACES) == []
    mine, theirs = map(json.loads, (hour / "comments.jsonl").read_bytes().splitlines())
    assert (mine["id"], mine["body"]) == ("c1", "[deleted]")
    named = json.loads(lines[1])["body"]
    assert theirs["body"] == named.replace("mad_hatter77", "erased_user")
    (proof,) = (home / "erasures").iterdir()
    assert json.loads(proof.read_text())["damaged_captures"] == ["reddit/phones/2026-03-01/100000"]
    assert open_adapters().state().notes("erasures") == {}


def test_a_landed_file_of_a_writer_that_was_cut_off_goes_too(run, home):
    """M9: nobody reads a file without a manifest; a young one may be about to get one."""
    (landed,) = (home / "landing/reddit/phones/2026-03-01/100000").glob("comments.jsonl")
    stray = landed.parent / "refresh-20260301T190000-002417" / landed.name
    stray.parent.mkdir()
    shutil.copy(landed, stray)
    erase.fn(author=SecretStr(NAME))
    assert everywhere(home, *TRACES) == [str(stray)]
    assert open_adapters().state().notes("erasures") != {}
    os.utime(stray, (0, 0))
    run()
    assert everywhere(home, *TRACES) == []
    assert open_adapters().state().notes("erasures") == {}


def test_a_proof_that_finds_something_is_no_proof(run, home, monkeypatch):
    """M9: the error names the place, and the to-do stays for the next run."""
    monkeypatch.setattr("flows.stages.erase_answers", lambda *_: {})
    monkeypatch.setattr("flows.stages.carry_for_all", lambda *_: None)
    with pytest.raises(
        ErasureIncomplete,
        match=r"bronze.items 4, silver.items 4, silver.threads 1, silver.mentions 2, silver.opinions 1, mart 2; proof",
    ):
        erase.fn(author=SecretStr(NAME))
    monkeypatch.undo()
    monkeypatch.setenv("MARKET_OPINION_HOME", str(home))
    (begun,) = open_adapters().state().notes("erasures").values()
    assert begun["author_keys"]


@pytest.fixture
def published(monkeypatch):
    """A PostgreSQL to publish to, whatever the number of authors."""
    monkeypatch.setenv("SCORER", "lexicon")
    monkeypatch.setenv("PUBLISH_MIN_AUTHORS", "1")
    with Postgres() as server:
        monkeypatch.setenv("POSTGRES_URI", server.uri)
        store = PostgresMart(SecretStr(server.uri))
        yield lambda: store.query("SELECT item_id, evidence FROM mart.top_evidence")


@needs_postgres
def test_a_quote_that_postgresql_still_shows_is_no_proof(published, run, monkeypatch):
    """M9: what is published has no ids of items; any run publishes anew, and the proof holds."""
    shown = published()
    assert set(shown["item_id"]) == {""}
    (quoted,) = [text for text in shown["evidence"] if "timbuktu" in text]
    with monkeypatch.context() as broken:
        broken.setattr("flows.stages.publish_views", lambda _: {})
        with pytest.raises(ErasureIncomplete, match=r"something in postgres 1; proof"):
            erase.fn(author=SecretStr(NAME))
    assert quoted in published()["evidence"].to_list()
    run()
    assert quoted not in published()["evidence"].to_list()
    assert open_adapters().state().notes("erasures") == {}


@pytest.fixture
def staged(connect, home, monkeypatch):
    """A Snowflake-speaking mart that reads the files of the export in place.

    A view over the files stands for an external table, which the server does not know.
    """
    open_connection = snowflake.connector.connect

    def without_refresh(**options):
        options["session_parameters"] |= {"nop_regexes": [r"^\s*ALTER\s+EXTERNAL\s+TABLE"]}
        return open_connection(**options)

    monkeypatch.setattr(snowflake.connector, "connect", without_refresh)
    monkeypatch.setenv("SNOWFLAKE_ACCESS", "external")
    monkeypatch.setenv("SCORER", "lexicon")
    with connect() as connection:
        cursor = connection.cursor()
        cursor.execute("USE SCHEMA lake")
        for name, table in SILVER.items():
            empty = table.empty().select(ITEM_COLUMNS if name == "items" else list(table.schema))
            day = home / "export" / name / "created_date=1970-01-01"
            day.mkdir(parents=True)
            empty.write_parquet(day / "none.parquet")
            files = f"read_parquet('{day.parent}/*/*.parquet')"
            cursor.execute(f"CREATE VIEW lake.{name} AS SELECT * FROM {files}")


@needs_server
def test_files_that_snowflake_still_reads_are_no_proof(staged, run, home, monkeypatch):
    """M9: the next run of anything stages and loads them anew, and the proof holds."""
    assert everywhere(home / "export", *TRACES) != []
    with monkeypatch.context() as broken:
        broken.setattr("tasks.load.export_days", lambda *_: None)
        with pytest.raises(ErasureIncomplete, match=r"mart 2, files for Snowflake \d+; proof"):
            erase.fn(author=SecretStr(NAME))
    assert everywhere(home / "export", *TRACES) != []
    run()
    assert everywhere(home / "export", *TRACES) == []
    staged_items = pl.read_parquet(home / "export/items/*/*.parquet")
    assert "c1" in staged_items["item_id"].to_list()  # without a word of it, as in the lake
    mentions = open_adapters().mart().query("SELECT item_id FROM mart.fact_brand_mentions")
    assert "c1" not in mentions["item_id"].to_list()
    assert open_adapters().state().notes("erasures") == {}
    proof = json.loads(max((home / "erasures").iterdir()).read_text())
    assert proof["left_in"]["files for Snowflake"] == 0
