"""The home in Python."""

from datetime import date

import polars as pl
import pytest

import market_opinion
from market_opinion.core.errors import InvalidRequest, MartRefused
from market_opinion.serving.home import open_home
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


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM mart.dim_date",
        "COPY mart.dim_date TO 'x.csv'",
        "SELECT 1; DROP TABLE mart.dim_date",
        "/* SELECT */ DROP TABLE mart.dim_date",
        "ATTACH 'x.db'",
        "",
    ],
)
def test_a_query_only_reads(opened, sql):
    """One statement, which changes nothing."""
    with pytest.raises(InvalidRequest, match="a query is one SELECT"):
        opened.query(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ';' AS a; ",
        "-- a note; with a mark\nSELECT 1 AS a",
        "(SELECT 1 AS a)",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
        "SELECT 'it''s; one' AS a",
    ],
)
def test_marks_in_texts_and_notes_are_no_second_statement(opened, sql):
    """Nor is the last one."""
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
