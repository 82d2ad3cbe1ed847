"""Erasure requests and purges: who is meant, which hours hold it, and what is left."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from market_opinion.core.contracts import BRONZE_ITEMS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import HOUR, Slice, Window
from market_opinion.stages import erasure
from market_opinion.storage.landing.redaction import GONE, PURGED, Erasure

H0 = datetime(2026, 3, 1, tzinfo=UTC)
NONE = pl.Series([], dtype=pl.String)


def rows(*items):
    columns = {name: BRONZE_ITEMS.schema[name] for name in items[0]}
    return pl.DataFrame(list(items), schema=columns)


ITEMS = rows(
    {"item_id": "s1", "kind": "submission", "author": "Mad_Hatter"},
    {"item_id": "c1", "kind": "comment", "author": "otter"},
    {"item_id": "c2", "kind": "comment", "author": None},
)


@pytest.mark.parametrize("author", ["Mad_Hatter", "u/mad_hatter", "/u/MAD_HATTER"])
def test_a_user_is_meant_however_the_name_is_written(author):
    """With each of their items, and the titles of their threads."""
    user = erasure.user_name(author)
    meant = erasure.find_erasure("reddit", ITEMS, items=(), user=user, purged_items=NONE)
    assert meant == Erasure(frozenset({"s1"}), frozenset({"s1"}), users=frozenset({"mad_hatter"}))


def test_purged_items_of_a_user_are_meant_too():
    """Their rows hold no name any more."""
    meant = erasure.find_erasure(
        "reddit", ITEMS, items=(), user="mad_hatter", purged_items=pl.Series(["c2"])
    )
    assert meant.item_ids == {"s1", "c2"}


def test_items_are_meant_without_their_authors():
    meant = erasure.find_erasure("reddit", ITEMS, items=["c1"], user="", purged_items=NONE)
    assert meant == Erasure(frozenset({"c1"}))


def test_items_that_are_not_kept_are_named():
    with pytest.raises(InvalidRequest, match="no items t1_c1, x of reddit are kept"):
        erasure.find_erasure(
            "reddit", ITEMS, items=["x", "t1_c1", "c1"], user="", purged_items=NONE
        )


def test_titles_of_threads_reach_half_a_year():
    """Comments repeat them; single comments stand where they were written."""
    near = Window(H0, H0 + HOUR)
    assert erasure.reach(Erasure(frozenset({"c1"})), near) == near
    assert erasure.reach(Erasure(thread_ids=frozenset({"s1"})), near).end == near.end + timedelta(
        days=180
    )
    assert erasure.reach(Erasure(thread_ids=frozenset({"s1"})), None) is None


def test_hours_and_items_of_an_erasure():
    """A thread's comments lose their answers, since their title goes; only the item itself loses its opinions."""
    where = {"community": "phones", "window_start": H0, "author": "otter"}
    bronze = rows(
        {**where, "item_id": "s1", "thread_id": "s1", "author": "mad_hatter"},
        {**where, "item_id": "c1", "thread_id": "s1", "window_start": H0 + HOUR},
        {**where, "item_id": "c9", "thread_id": "s9", "window_start": H0 + 2 * HOUR},
    )
    meant = Erasure(frozenset({"s1"}), frozenset({"s1"}))
    assert erasure.hours_to_clean(bronze, meant) == {("phones", H0), ("phones", H0 + HOUR)}
    assert sorted(erasure.items_with_answers(bronze, meant)) == ["c1", "s1"]
    assert erasure.items_without_opinions(bronze, meant) == ["s1"]
    of_user = Erasure(users=frozenset({"otter"}))
    assert erasure.items_without_opinions(bronze, of_user) == ["c1", "c9"]


def test_hours_expire_while_they_hold_words_or_names():
    """X13: deleted and purged texts are no words, and their authors no names."""
    texts = [("words", None), (PURGED, PURGED), (GONE, GONE), (None, None), (PURGED, "otter"), ("[removed]", "hare"), (GONE, None)]  # fmt: skip
    bronze = rows(
        *(
            {"window_start": H0 + n * HOUR, "body": body, "author": author}
            for n, (body, author) in enumerate(texts)
        )
    )
    whole = Slice("reddit", ("phones",), Window(H0, H0 + 9 * HOUR))
    slices = erasure.expired_slices(whole, bronze, max_items=100)
    assert [hour.start.hour for span in slices for hour in span.window.hours()] == [0, 3, 4, 5]


@pytest.mark.parametrize(
    "author", ["", "u/", "/u/", "[deleted]", "[Removed]", "u/[deleted]", PURGED]
)
def test_nobody_is_meant_by_a_name_that_is_of_many(author):
    """E16: what platforms show for all who are gone is no user, and neither is nothing."""
    with pytest.raises(InvalidRequest, match="no single user has this name"):
        erasure.user_name(author)
