"""Complaints by aspect in the report, and what the report says of the bundled sample."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from market_opinion.serving import charts
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.serving.report import figures
from market_opinion.serving.report.complaints import complaints
from tests.market_opinion.serving.test_estimates_view import loaded  # noqa: F401, a fixture
from tests.market_opinion.serving.test_report import render, store  # noqa: F401, a fixture

TOO_FEW = 4


@pytest.fixture
def facts(loaded, tmp_path, phones):  # noqa: F811, the fixture
    """The report's rows of four hundred comments on three phones, and the mart they are of."""
    *_, load, silver = loaded
    mart = DuckDBMart(tmp_path / "random.duckdb")
    mart.load(load, lambda: silver)
    return figures.collect(mart.read, phones.name), mart


def test_complaints_of_one_brand_are_those_of_the_view(facts, phones):
    """M7: share and interval to nine digits, and every count."""
    found, mart = facts
    expected = mart.query(
        "SELECT e.brand, e.aspect, e.value, e.low, e.high, SUM(d.negative_count) AS complaints,"
        "       SUM(d.opinion_count) AS opinions"
        " FROM mart.estimates AS e"
        " JOIN mart.daily_aspect AS d ON d.brand = e.brand AND d.aspect = e.aspect"
        " WHERE e.measure = 'complaint' AND e.part = 'aspect' AND NOT e.is_too_few"
        " GROUP BY ALL HAVING SUM(d.negative_count) > 0 ORDER BY ALL"
    ).rows()
    shown = []
    for (brand,), rows in found.opinions.group_by("brand"):
        for row in complaints(rows, phones)["rows"]:
            counts = (row["complaint_count"], row["opinion_count"])
            shown.append((brand, row["aspect"], row["value"], row["low"], row["high"], *counts))
            assert row["brands"] == [(brand, row["complaint_count"])]
    assert len(expected) >= TOO_FEW
    for ours, theirs in zip(sorted(shown), expected, strict=True):
        assert ours[:2] + ours[5:] == theirs[:2] + theirs[5:]
        assert ours[2:5] == pytest.approx(theirs[2:5], abs=1e-9)


def test_complaints_of_all_brands_add_up(facts, phones):
    """To those of mart.daily_aspect; the most come first, and the page shows count and interval."""
    found, mart = facts
    by_view = dict(
        mart.query(
            "SELECT aspect, CAST(SUM(negative_count) AS BIGINT) FROM mart.daily_aspect GROUP BY 1"
        ).rows()
    )
    table = complaints(found.opinions, phones)
    counts = [row["complaint_count"] for row in table["rows"]]
    assert {row["aspect"]: row["complaint_count"] for row in table["rows"]} == by_view
    assert counts == sorted(counts, reverse=True)
    assert sum(count for _, count in table["rows"][0]["brands"]) == counts[0]
    page = render(mart, phones)
    first = table["rows"][0]
    cell = f"{first['value']:.0%} <small>{first['low']:.0%} to {first['high']:.0%}</small>"
    assert f"<tr><td>{first['title']}</td><td>{cell}</td>" in page
    assert f">{counts[0]} <small>of {first['opinion_count']}</small>" in page


def test_an_aspect_of_which_too_little_is_said_is_counted_alone(facts, phones):
    """Rather than shown with an interval that says nothing."""
    found, _ = facts
    few = found.opinions.filter(label="negative").head(TOO_FEW)
    table = complaints(few, phones)
    assert (table["rows"], table["left_out_count"]) == ([], few["aspect"].n_unique())


def test_products_have_a_course_where_there_is_enough(facts, phones):
    """Three steps with enough judged mentions; a row for a brand without a model has none."""
    found, _ = facts
    at = found.mentions["mentioned_at"].min()
    row = found.mentions.head(1).with_columns(label=pl.lit("positive"))
    days = [
        row.with_columns(mentioned_at=pl.lit(at + timedelta(days=day)))
        for day in range(3)
        for _ in range(charts.CELL_MIN_OPINIONS)
    ]
    enough = pl.concat(days)
    names = [("Pixel 9", "phone", 15), ("Pixel 8", "phone", 14), ("Google", "brand", 15)]
    rows = pl.concat(
        enough.head(count).with_columns(product=pl.lit(name), category=pl.lit(category))
        for name, category, count in names
    )
    of_products = charts.by_scorer(figures.product_trend(rows), found.scorer_days)
    assert charts.brands_over_time(of_products, most=4, least=3) == ["Pixel 9"]
    assert charts.brands_over_time(of_products, most=4) == ["Pixel 9", "Pixel 8"]


def test_the_report_says_whether_it_counts_the_sample(store, load, silver, phones):  # noqa: F811
    """While there is nothing else it warns; beside real items it says that they are left out."""
    name = pl.lit("sample").alias("platform")
    sample = replace(
        silver, **{table: rows.with_columns(name) for table, rows in vars(silver).items()}
    )
    hours = replace(load, windows=load.windows.with_columns(name))
    store.load(hours, lambda: sample)
    warned = render(store, phones)
    assert "No real person said them" in warned
    assert "in this home as well" not in warned
    both = pl.concat([hours.windows, load.windows])
    everything = replace(
        silver,
        **{table: pl.concat([rows, vars(sample)[table]]) for table, rows in vars(silver).items()},
    )
    store.load(replace(load, windows=both), lambda: everything)
    page = render(store, phones)
    assert "No real person said them" not in page
    assert "no figure on smartphones counts its items" in page
    assert "<b>2</b><small>by 1 authors" in page
