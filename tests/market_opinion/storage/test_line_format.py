"""Line formats: the same paths place a line, type it and take it apart, whatever stands in it."""

import json
from datetime import UTC, datetime

import msgspec
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from market_opinion.core.errors import LandingCorrupt
from market_opinion.sources import catalogue
from market_opinion.sources.reviews import Reviews
from market_opinion.storage.format_reference import line_format_of
from market_opinion.storage.json_paths import read, write
from market_opinion.storage.line_format import LineFormat


def typed(line_format, *lines, kind="review"):
    frame = pl.DataFrame({"payload": [json.dumps(line) for line in lines]})
    decoded = frame.select(line=pl.col("payload").str.json_decode(line_format.dtype))
    return decoded.select(**line_format.columns(pl.col("line"), kind))


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("epoch", 1772359200), ("epoch", "1772359200"), ("epoch", 1772359200.0), ("epoch", 1772359200000), ("iso", "2026-03-01T10:00:00Z"),
        ("iso", "2026-03-01T10:00:00+0000"), ("iso", "2026-03-01T12:00:00+02:00"), ("iso", "2026-03-01T10:00:00.000Z"),
        ("iso", "2026-03-01 10:00:00"), ("iso", "2026-03-01 10:00"), ("%d.%m.%Y %H:%M", "01.03.2026 10:00"), ("%m/%d/%y %H:%M", "03/01/26 10:00"),
        ("%Y%m%d%H", 2026030110), ("%Y%m%d%H", 2026030110.0),
    ],
)  # fmt: skip
def test_a_time_is_the_same_where_a_line_is_filed_and_where_it_is_typed(time, told):
    """In UTC where no zone is told."""
    line_format, line = (
        LineFormat(item_id="id", created_at="at", time=time, is_lenient=True),
        {"id": "x", "at": told},
    )
    moment = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert line_format.place(json.dumps(line).encode()).seconds == moment.timestamp()
    assert typed(line_format, line)["created_at"].to_list() == [moment]


@settings(deadline=None)
@example(20260301)
@example(-62_135_596_801)  # the second before the year 1
@example(253_402_300_800)  # the one after the year 9999, in milliseconds a time of 1978
@given(
    st.one_of(
        st.none(),
        st.text(max_size=20),
        st.integers(-(10**15), 10**15),
        st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_whatever_stands_for_a_time_both_agree_or_one_refuses(told):
    """A line that is filed under an hour is typed with a time of that hour, or refused."""
    for time in ("epoch", "iso"):
        line_format, line = (
            LineFormat(item_id="id", created_at="at", time=time, is_lenient=True),
            {"id": "x", "at": told},
        )
        place = line_format.place(json.dumps(line).encode())
        try:
            msgspec.json.decode(json.dumps(line), type=line_format.line_type)
        except msgspec.ValidationError:
            continue
        (created,) = typed(line_format, line)["created_at"].to_list()
        if place is not None and created is not None:
            assert abs(created.timestamp() - place.seconds) < 0.001


def test_paths_lead_into_objects_and_past_what_is_not_there():
    r"""`a|b` is the first of two, `\.` a dot in a name."""
    line_format = LineFormat(
        item_id="data.id",
        created_at="t|meta.t",
        author="by.name",
        body=("pros", "cons"),
        title=r"a\.b",
        is_lenient=True,
    )
    lines = [
        {
            "data": {"id": "1"},
            "t": 5,
            "by": {"name": "x"},
            "pros": "good",
            "cons": "bad",
            "a.b": "head",
        },
        {"data": {"id": 2}, "meta": {"t": 6}, "cons": "worse"},
    ]
    found = typed(line_format, *lines)
    assert found["item_id"].to_list() == ["1", "2"]
    assert found["created_at"].dt.timestamp("ms").to_list() == [5000, 6000]
    assert found.select("author", "title", "body").rows() == [
        ("x", "head", "good\nbad"),
        (None, None, "worse"),
    ]


def test_an_id_of_several_fields_is_their_hash_by_whoever_reads_it():
    """An item without one of them has no id."""
    line_format = Reviews.line_formats["review"]
    lines = [
        {"reviewerID": "A", "asin": "B", "unixReviewTime": 1358035200},
        {"user_id": "A", "asin": "B", "timestamp": 1358035200},
        {"user_id": "A", "asin": "B", "timestamp": 1358035200.0},
        {"asin": "B"},
    ]
    assert typed(line_format, *lines)["item_id"].to_list() == [
        *[line_format.key(lines[0])] * 3,
        None,
    ]
    assert list(map(line_format.key, lines)) == [*[line_format.key(lines[0])] * 3, ""]
    assert typed(line_format, {"item_id_was": "kept", "timestamp": 5})["item_id"].to_list() == [
        "kept"
    ]


@pytest.mark.parametrize(
    ("fields", "told", "rating"),
    [
        ({"rating": "r"}, "4.0", 4.0), ({"rating": "r"}, 4, 4.0), ({"rating": "r"}, "many", None), ({"rating": "r", "rating_range": (0, 10)}, 5, 3.0),
        ({"is_recommended": "r"}, "Yes", 5.0), ({"is_recommended": "r"}, "no", 1.0), ({"is_recommended": "r"}, "perhaps", None),
    ],
)  # fmt: skip
def test_ratings_are_brought_to_five_stars(fields, told, rating):
    """Whatever the scale."""
    line_format = LineFormat(item_id="id", created_at="at", is_lenient=True, **fields)
    assert typed(line_format, {"id": "x", "at": 5, "r": told})["rating"].to_list() == [rating]


def test_what_is_written_at_a_path_is_read_there():
    """At the alternative that is there, else at the first."""
    fields = {"b": {"c": 1}}
    write(fields, "a|b.c", 2)
    write(fields, "x.y|z", 3)
    assert (read(fields, "a|b.c"), fields) == (2, {"b": {"c": 2}, "x": {"y": 3}})


def test_a_line_format_that_cannot_be_used_is_refused():
    """Misspelt fields, a scale upside down, a format that is none; and a manifest of a platform nobody knows."""
    for wrong in ({"bdy": "x"}, {"rating_range": (5, 1)}, {"time": "yesterday"}, {"item_id": ()}):
        with pytest.raises(ValidationError):
            LineFormat.model_validate({"item_id": "id", "created_at": "at", **wrong})
    with pytest.raises(LandingCorrupt, match="older than the one that landed them"):
        line_format_of("myspace", "comment", catalogue.line_formats)


@pytest.mark.parametrize("number", [1.0, 1e22, 1e23, 0.1, 1e-7, -0.0, -5, 2**63, 123.25])
def test_a_number_in_a_hashed_id_is_the_same_by_whoever_reads_it(number):
    """G15: an erasure finds the line of an item by its key."""
    line_format = LineFormat(item_id=("id", "by"), created_at="at", is_lenient=True)
    line = {"id": number, "by": "x", "at": 5}
    assert typed(line_format, line)["item_id"].to_list() == [line_format.key(line)]


@pytest.mark.parametrize("told", ["nan", "None", " NULL ", "n/a", ""])
def test_a_text_that_stands_for_no_value_is_no_id(told):
    """A10: all items that lack an id would be one."""
    line_format = LineFormat(item_id="id", created_at="at", thread_id="of", is_lenient=True)
    line = {"id": told, "of": told, "at": 5}
    assert typed(line_format, line).select("item_id", "thread_id").row(0) == (None, None)
    assert line_format.key(line) == ""


def test_a_community_may_be_named_by_a_number():
    """A10: as in a CSV file, where it is a text."""
    line_format = LineFormat(item_id="id", created_at="at", community="app", is_lenient=True)
    lines = [{"id": "a", "at": 5, "app": app} for app in (570, "570", 570.0)]
    places = [line_format.place(json.dumps(line).encode()) for line in lines]
    assert [place.community for place in places] == ["570"] * 3


@pytest.mark.parametrize(
    ("told", "votes"), [("1,234", 1234), ("1.234", None), (1.5, None), (7.0, 7), ("7.0", 7)]
)
def test_a_count_is_whole_or_unreadable(told, votes):
    """A10: none is cut to a wrong one."""
    line_format = LineFormat(item_id="id", created_at="at", votes="v", is_lenient=True)
    assert typed(line_format, {"id": "a", "at": 5, "v": told})["votes"].to_list() == [votes]
