"""E25: two products side by side on every aspect."""

import polars as pl

from market_opinion.serving.dashboard.product_page import by_aspect


def test_two_products_stand_side_by_side():
    """With the number of opinions; a dash for few of them, and for none."""
    rows = [
        ("A", "Camera", 0.7, 0.2, 10),
        ("A", "Battery", 0.25, 0.5, 6),
        ("B", "Camera", 0.5, 0.501, 4),
    ]
    names = ("product", "aspect_title", "positive_share", "negative_share", "opinion_count")
    card = pl.DataFrame(rows, names, orient="row")
    assert by_aspect(card, ["A", "B"]).rows() == [
        ("Camera", "+0.50 (10)", "– (4)"),
        ("Battery", "−0.25 (6)", "–"),
    ]


def test_one_name_in_two_versions_of_the_catalogue_is_one_row():
    """Shares weigh by their opinions."""
    rows = [("A", "Camera", 0.5, 0.0, 10), ("A", "Camera", 0.0, 0.5, 30)]
    names = ("product", "aspect_title", "positive_share", "negative_share", "opinion_count")
    card = pl.DataFrame(rows, names, orient="row")
    assert by_aspect(card, ["A"]).rows() == [("Camera", "−0.25 (40)")]
