"""Charts, as the specification that a browser draws."""

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
