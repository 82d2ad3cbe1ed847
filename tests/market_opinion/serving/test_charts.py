"""Charts, as the specification that a browser draws."""

from datetime import date, datetime, timedelta

import polars as pl

from market_opinion.serving import charts


def test_each_cell_of_a_comparison_shows_how_many_opinions_are_behind_it():
    """A mean of five opinions looks like a mean of five thousand unless the number is beside it."""
    cells = pl.DataFrame(
        {
            "brand": ["Apple", "Google"],
            "aspect": ["battery", "battery"],
            "aspect_title": ["Battery", "Battery"],
            "opinion_count": [1200, 7],
            "net_sentiment": [0.5, -0.25],
        }
    )
    drawn = charts.aspect_heat(cells).to_dict()
    texts = [
        layer["encoding"]["text"] for layer in drawn["layer"] if layer["mark"]["type"] == "text"
    ]
    assert [(each["field"], each.get("format")) for each in texts] == [
        ("shown", None),
        ("opinion_count", ","),
    ]
    (rows,) = drawn["datasets"].values()
    assert [(row["brand"], row["shown"], row["opinion_count"]) for row in rows] == [
        ("Apple", "+0.50", 1200),
        ("Google", "−0.25", 7),
    ]


def test_no_line_joins_the_figures_of_two_scorers():
    """X11: a week in which the scorer changed is two figures, each of its own days and line."""
    start = datetime(2026, 3, 2)
    tones = pl.DataFrame(
        [("Apple", start + timedelta(days=n), 10, -1.0 if n < 38 else 1.0) for n in range(70)],
        schema=["brand", "at", "mention_count", "net_sentiment"],
        orient="row",
    )
    days = pl.DataFrame(
        [
            (date(2026, 3, 2) + timedelta(days=n), scorer, "v1", count)
            for n in range(70)
            for scorer, count in (("lexicon", 9), ("local", 1 if n < 38 else 90))
        ],
        schema=["full_date", "scorer", "model", "opinion_count"],
        orient="row",
    )
    chart = charts.brand_over_time(charts.by_scorer(tones, days), "Apple").to_dict()
    points = [row for rows in chart["datasets"].values() for row in rows if "scorer" in row]
    judged = [row for row in points if row["net_sentiment"] is not None]
    assert {(row["scorer"], row["net_sentiment"]) for row in judged} == {
        ("lexicon (v1)", -1.0),
        ("local (v1)", 1.0),
    }
    assert len(judged) == 70 // 7 + 1
    line = next(layer for layer in chart["layer"] if layer["mark"]["type"] == "line")
    assert line["encoding"]["color"]["scale"]["domain"] == ["lexicon (v1)", "local (v1)"]
    assert line["encoding"]["color"]["legend"]["title"] == "judged by"
