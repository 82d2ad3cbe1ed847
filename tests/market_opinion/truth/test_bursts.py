"""Bursts of a brand's day: found, named, and figures with and without them (M14)."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from market_opinion.truth.bursts import Days, copies, find_bursts

DAY = date(2026, 3, 2)
DAYS = Days(DAY, DAY)
BRANDS = {"pixel": "Google", "iphone": "Apple"}
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


class Talk:
    """Comments; `calm` days before make a brand's habit and the known authors."""

    def __init__(self):
        self.rows = []

    def add(self, *, author, at=MIDNIGHT, thread=None, text="", label="positive", product="pixel"):
        number = len(self.rows)
        self.rows.append(
            {
                "platform": "reddit",
                "kind": "comment",
                "item_id": f"c{number}",
                "window_start": at.replace(minute=0),
                "created_at": at,
                "thread_id": f"s{number}" if thread is None else thread,
                "author_key": author,
                "text": text,
                "product_id": product,
                "label": label,
            }
        )

    def calm(self, days=28, *, a_day=24):
        """Comments of forty people, two hours apart, up to the day."""
        for day in range(days):
            for n in range(a_day):
                at = MIDNIGHT + timedelta(days=-day, hours=n % 24)
                self.add(author=f"known{(7 * day + n) % 40}", at=at)

    def bursts(self):
        frame = pl.DataFrame(self.rows)
        return find_bursts(frame.drop("product_id", "label"), frame, frame, BRANDS, DAYS)


@pytest.fixture
def talk():
    return Talk()


def brigade(talk, *, authors=12, comments=60):
    for n in range(comments):
        at = MIDNIGHT + timedelta(hours=14, minutes=2 * n)
        talk.add(author=f"strange{n % authors}", at=at, thread=f"t{n % 8}", label="negative")


def test_an_ordinary_day_has_none(talk):
    talk.calm(29)
    rows, flagged = talk.bursts()
    assert (rows.height, flagged.height) == (0, 0)


def test_a_brigade_is_named_and_the_figure_stands_with_and_without(talk):
    """Sixty complaints of twelve people in two hours, once a thread each; all others praise."""
    talk.calm()
    brigade(talk)
    rows, flagged = talk.bursts()
    row = rows.filter(kind="arrivals").to_dicts()[0]
    assert (row["brand"], row["full_date"], row["day_comment_count"]) == ("Google", DAY, 84)
    assert (row["comment_count"], row["author_count"], row["thread_count"]) == (60, 12, 8)
    assert row["starts_at"] == MIDNIGHT + timedelta(hours=14)
    assert row["ends_at"] == MIDNIGHT + timedelta(hours=16)
    assert row["value"] == 0
    assert row["value_without"] == 1
    assert flagged["item_id"].n_unique() == 60


def test_many_new_authors_at_once_are_named(talk):
    """Nobody of them is loud."""
    talk.calm()
    brigade(talk, authors=60)
    assert talk.bursts()[0].filter(kind="arrivals")["author_count"].to_list() == [60]


def test_without_a_week_before_nobody_is_new(talk):
    talk.calm(5)
    brigade(talk, authors=60)
    assert talk.bursts()[0].filter(kind="arrivals").height == 0


def test_copies_of_several_authors_are_named_and_the_first_is_none(talk):
    """Near copies as well; what one author repeats within an hour is not a burst of several."""
    talk.calm()
    for n in range(5):
        text = f"The new camera of this phone is a real disappointment for everyone here {n}"
        talk.add(author=f"a{n}", at=MIDNIGHT + timedelta(hours=n), text=text, label="negative")
        talk.add(author="same", at=MIDNIGHT, text="buy it now at my shop, it is the best deal ever")
    (row,) = talk.bursts()[0].filter(kind="copies").to_dicts()
    assert (row["comment_count"], row["author_count"]) == (4, 4)
    assert row["value_without"] > row["value"]


def test_a_thread_that_makes_the_figure_is_named(talk):
    talk.calm()
    for n in range(30):
        at = MIDNIGHT + timedelta(minutes=45 * n)
        talk.add(author=f"known{n}", at=at, thread="big", label="negative")
    (row,) = talk.bursts()[0].filter(kind="thread").to_dicts()
    assert (row["comment_count"], row["thread_count"], row["value_without"]) == (30, 1, 1)


def test_a_handful_of_authors_who_make_the_figure_are_named(talk):
    talk.calm()
    for n in range(40):
        at = MIDNIGHT + timedelta(minutes=30 * n)
        talk.add(author=f"loud{n % 4}", at=at, label="negative")
    (row,) = talk.bursts()[0].filter(kind="authors").to_dicts()
    assert (row["comment_count"], row["author_count"]) == (40, 4)


def test_a_burst_on_one_brand_is_none_on_another(talk):
    """Its share of voice is shown with and without."""
    talk.calm(29)
    for n in range(24):
        talk.add(author=f"known{n}", at=MIDNIGHT + timedelta(hours=n), product="iphone")
    brigade(talk)
    (row,) = talk.bursts()[0].filter(kind="arrivals").to_dicts()
    assert row["brand"] == "Google"
    assert row["voice"] == pytest.approx(84 / 108)
    assert row["voice_without"] == pytest.approx(0.5)


def test_a_day_of_nothing_but_a_burst_has_no_figure_without_it(talk):
    for n in range(30):
        talk.add(author=f"a{n}", at=MIDNIGHT + timedelta(minutes=40 * n), thread="one")
    (row,) = talk.bursts()[0].to_dicts()
    assert (row["kind"], row["value_without"], row["voice_without"]) == ("thread", None, None)


def test_copies_are_texts_that_share_most_runs_of_words():
    """Case and punctuation do not count; short texts, and common phrases alone, are no copies."""
    text = "I have been using this phone for two weeks and the battery dies by noon every day"
    rows = [
        text,
        text.upper() + "!!!",
        text.replace("noon", "lunch"),
        "I have been using this phone for two years and love it to bits, no complaints at all",
        "So good, so good",
        "So good, so good",
        "So good, so good",
    ]
    texts = pl.DataFrame({"row": range(len(rows)), "text": rows})
    assert copies(texts).rows() == [(0, 0), (1, 0), (2, 0)]


def test_copies_of_a_hundred_texts_are_one_group():
    text = "This brand pays people to write that its camera is better than all of the others"
    texts = pl.DataFrame({"row": range(100), "text": [f"{text} {n}" for n in range(100)]})
    assert copies(texts)["group"].to_list() == [0] * 100
