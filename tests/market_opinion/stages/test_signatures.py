"""Names of a thread's accounts: they go from its texts, in any case, and words stay."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from market_opinion.stages.personal import MARKERS
from market_opinion.stages.signatures import unsigned, without_names

T10 = datetime(2026, 3, 1, 10, tzinfo=UTC)
TITLES = pl.DataFrame({"thread_id": ["s1"], "thread_author": ["Odd_Walnut_708"]})


def masked(*rows):
    """Return the texts of rows (thread_id, hours after ten, author, text) without names."""
    frame = pl.DataFrame(
        [(thread, T10 + timedelta(hours=hours), *rest) for thread, hours, *rest in rows],
        schema=["thread_id", "window_start", "author", "text"],
        orient="row",
    ).with_columns(marks=pl.lit(""))
    return without_names(frame, TITLES)


@pytest.mark.parametrize(
    ("author", "text", "expected"),
    [
        ("tin_lantern", "as TIN_LANTERN said", "as [user] said"),
        ("SlowComet705", "slowcomet705's case", "[user]'s case"),
        ("quiet-otter-7", "thanks Quiet-Otter-7!", "thanks [user]!"),
        ("iphone15", "the iphone15 is fine", "the iphone15 is fine"),
        ("galaxy-s24", "my galaxy-s24 died", "my galaxy-s24 died"),
        ("4k60", "video in 4k60", "video in 4k60"),
        ("battery", "the battery is bad", "the battery is bad"),
        ("wi-fi", "wi-fi drops", "wi-fi drops"),
    ],
)
def test_the_name_of_another_account_goes_unless_it_may_be_a_product(author, text, expected):
    """The other wrote in the same thread and hour."""
    rows = masked(("s2", 0, author, "hello"), ("s2", 0, "nobody", text))
    assert ["hello", expected] == rows["text"].to_list()


def test_ones_own_name_goes_even_where_it_looks_like_a_product():
    """People sign; and a longer word may begin with the name."""
    rows = masked(("s2", 0, "pixel-9", "written by Pixel-9"), ("s2", 0, "mila_7", "by mila_7er"))
    assert rows["text"].to_list() == ["written by [user]", "by [user]er"]


def test_another_thread_and_another_hour_do_not_count():
    """Else an hour would depend on whether others are at hand; but who began the thread does."""
    text = "as tin_lantern and odd_walnut_708 said"
    rows = masked(
        ("s1", 0, "tin_lantern", ""),
        ("s2", 0, "a", text),
        ("s1", 1, "b", text),
        ("s1", 0, "c", text),
    )
    assert [
        "",
        text,
        "as tin_lantern and [user] said",
        "as [user] and [user] said",
    ] == rows["text"].to_list()
    assert ["", "", MARKERS["author"], 2 * MARKERS["author"]] == rows["marks"].to_list()


def test_titles_lose_their_authors_name():
    """Null stays null, and so does a title whose author is unknown."""
    titles = pl.Series(["odd_walnut's guide", None, "a guide"])
    authors = pl.Series(["Odd_Walnut", "odd_walnut", None])
    assert unsigned(titles, authors).to_list() == ["[user]'s guide", None, "a guide"]
