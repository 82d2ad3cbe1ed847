"""The home in Python."""

from datetime import date

import polars as pl
import pytest

import market_opinion
from market_opinion.core.errors import InvalidRequest, MartRefused
from market_opinion.serving.home import open_home
from market_opinion.serving.mart import duckdb as duckdb_mart
from market_opinion.serving.mart.duckdb import DuckDBMart


@pytest.fixture
def opened(tmp_path, load, silver):
    """A home whose mart holds one comment on two phones."""
    DuckDBMart(tmp_path / "mart.duckdb").load(load, lambda: silver)
    return open_home(tmp_path)


def test_the_package_offers_it_without_importing_it():
    """A lazy name of the package, and no other."""
    assert market_opinion.open_home is open_home
    with pytest.raises(AttributeError, match="opinion"):
        _ = market_opinion.opinion


def test_share_of_voice_is_one_of_all_brands(opened):
    """Asking for one brand does not change its share."""
    week = date(2026, 2, 23)
    assert opened.share_of_voice(brand="google").rows() == [(week, "Google", 1, 0.5)]
    assert opened.share_of_voice(by=None)["voice_share"].to_list() == [0.5, 0.5]
    assert opened.share_of_voice(by="month", each="product", product="iPhone 15").rows() == [
        (date(2026, 3, 1), "Apple", "iPhone 15", 1, 0.5)
    ]


def test_net_sentiment_is_praise_minus_complaint(opened):
    """Among judged mentions."""
    assert opened.net_sentiment().select("brand", "net_sentiment").rows() == [
        ("Apple", -1.0),
        ("Google", 1.0),
    ]


def test_net_sentiment_of_nothing_judged_is_no_figure(tmp_path, load, silver):
    """Rather than 0."""
    nobody = type(silver)(silver.items, silver.mentions, silver.opinions.clear())
    DuckDBMart(tmp_path / "mart.duckdb").load(load, lambda: nobody)
    assert open_home(tmp_path).net_sentiment()["net_sentiment"].to_list() == [None, None]


def test_aspects_count_opinions(opened):
    """A row a brand and aspect."""
    found = opened.aspects(brand="Google", aspect=["battery", "camera"])
    assert found.select("brand", "aspect", "opinion_count", "net_sentiment").rows() == [
        ("Google", "battery", 1, 1.0),
        ("Google", "camera", 1, -1.0),
    ]


def test_quotes_have_their_words(opened):
    """By label, the surest first."""
    assert opened.quotes(label="negative", brand="Apple")["evidence"].to_list() == ["words"]
    assert opened.quotes(limit=2).height == 2


def test_days_bound_every_question(opened):
    """As dates or as text."""
    assert opened.net_sentiment(since="2026-03-02").is_empty()
    assert opened.aspects(until=date(2026, 2, 28)).is_empty()
    with pytest.raises(InvalidRequest, match="March is no day: write 2026-03-01"):
        opened.quotes(since="March")


def test_a_filter_that_has_no_meaning_is_refused(opened):
    """A mention has no aspect."""
    with pytest.raises(InvalidRequest, match="this question cannot be filtered by aspect"):
        opened.net_sentiment(aspect="battery")


def test_a_query_takes_parameters(opened):
    """And gives a frame."""
    frame = opened.query("SELECT brand FROM mart.daily_brand WHERE brand = $b", {"b": "Apple"})
    assert frame.equals(pl.DataFrame({"brand": ["Apple"]}))


WRITES = [
    "DELETE FROM mart.dim_date",
    "COPY mart.dim_date TO 'x.csv'",
    "SELECT 1; DROP TABLE mart.dim_date",
    "/* SELECT */ DROP TABLE mart.dim_date",
    "ATTACH 'x.db'",
    "SELECT e'it\\'s'; COPY (SELECT 1) TO 'x.csv' --'",
    "SELECT $$'$$; COPY (SELECT 1) TO 'x.csv' --'",
    "/* /* */ SELECT 1 */ COPY (SELECT 1) TO 'x.csv'",
    "WITH x AS (SELECT 1) INSERT INTO mart.dim_date FROM mart.dim_date",
    "EXPLAIN ANALYZE SELECT 1",
    "PRAGMA database_size",
    "SET enable_external_access = true",
    "INSTALL httpfs",
    "CALL enable_logging()",
    "",
]


def test_a_query_only_reads(opened, tmp_path, monkeypatch):
    """One statement, which changes nothing, whatever stands in its texts and comments."""
    monkeypatch.chdir(tmp_path)
    for sql in WRITES:
        with pytest.raises(InvalidRequest, match="a query is one SELECT"):
            opened.query(sql)
    assert [path.name for path in tmp_path.iterdir()] == ["mart.duckdb"]


ELSEWHERE = [
    "read_csv('{}/keys.csv')",
    "'{}/keys.csv'",
    "read_text('{}/keys.csv')",
    "read_blob('{}/keys.csv')",
    "sniff_csv('{}/keys.csv')",
    "glob('{}/*')",
    "query('SELECT * FROM read_text(''{}/keys.csv'')')",
    "read_csv('http://127.0.0.1:1/keys.csv')",
    "sqlite_scan('{}/state.sqlite', 'state')",
    "duckdb_extensions()",
    "frame",
]


def test_a_query_reads_the_mart_and_no_other_file(opened, tmp_path):
    """Neither the pepper beside it, nor a file of the machine, an address or Python's variables."""
    frame = pl.DataFrame({"key": ["canary"]})
    frame.write_csv(tmp_path / "keys.csv")
    for source in ELSEWHERE:
        with pytest.raises(MartRefused) as refused:
            opened.query(f"SELECT * FROM {source.format(tmp_path)}")
        assert "canary" not in str(refused.value)


def test_secrets_of_the_machine_are_not_of_the_mart(opened, tmp_path, monkeypatch):
    """Neither do settings of the session change."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".duckdb" / "stored_secrets").mkdir(parents=True)
    assert opened.query("SELECT * FROM duckdb_secrets()").is_empty()
    shut = "SELECT current_setting('enable_external_access') OR NOT current_setting('{}') AS a"
    assert not opened.query(shut.format("lock_configuration")).item()


def test_a_question_without_end_is_ended(opened, monkeypatch):
    """By time, and by the size of its answer."""
    endless = "FROM range(1000000000) AS a, range(1000000) AS b"
    monkeypatch.setattr(duckdb_mart, "ANSWER_SECONDS", 0.2)
    with pytest.raises(MartRefused, match=r"within 0.2 seconds"):
        opened.query(f"SELECT COUNT(*) {endless} WHERE hash(a.range + b.range) = 1")
    monkeypatch.setattr(duckdb_mart, "ANSWER_SECONDS", 60)
    monkeypatch.setattr(duckdb_mart, "ANSWER_BYTES", 1_000_000)
    with pytest.raises(MartRefused, match="larger than 1,000,000 bytes"):
        opened.query(f"SELECT a.range AS x, b.range AS y {endless}")


HOSTILE = [
    "Google' OR '1'='1",
    "%",
    "_",
    "x'; DROP TABLE mart.dim_date; --",
    "$brand_0",
    "\x00",
    "\\",
]


def test_a_filter_is_a_value_and_never_sql(opened, tmp_path):
    """Whatever signs are in it."""
    for name in HOSTILE:
        assert opened.net_sentiment(brand=name).is_empty()
        assert opened.aspects(aspect=[name, "battery"])["aspect"].to_list() == ["battery"]
        assert opened.quotes(platform=name, community=name).is_empty()
        with pytest.raises(InvalidRequest, match="is no day"):
            opened.quotes(since=name)
        with pytest.raises(InvalidRequest, match="there is no view"):
            opened.view(name)
        assert open_home(tmp_path, domain=name).net_sentiment().is_empty()


READS = [
    "SELECT ';' AS a; ",
    "-- a note; with a mark\nSELECT 1 AS a",
    "(SELECT 1 AS a)",
    "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
    "SELECT 'it''s; one' AS a",
    "SELECT $$ ; $$ AS a",
    "SELECT '\\' AS a -- ; '",
]


def test_marks_in_texts_and_notes_are_no_second_statement(opened):
    """Nor is the last one."""
    for sql in READS:
        assert opened.query(sql).columns == ["a"]


def test_a_statement_that_is_wrong_says_what(opened):
    """In the engine's words."""
    with pytest.raises(MartRefused, match=r"nope"):
        opened.query("SELECT * FROM mart.nope")


def test_an_empty_mart_says_what_fills_it(tmp_path):
    """Before any load."""
    with pytest.raises(MartRefused, match="run `market-opinion backfill` first"):
        open_home(tmp_path).share_of_voice()


def test_several_domains_ask_for_one(tmp_path, load, silver):
    """Unless the home was opened with it."""
    store = DuckDBMart(tmp_path / "mart.duckdb")
    store.load(load, lambda: silver)
    home = open_home(tmp_path, domain="cars")
    assert home.net_sentiment().is_empty()
    assert open_home(tmp_path).domain == "smartphones"
