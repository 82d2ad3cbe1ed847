"""Bronze: every landed line becomes a row, a duplicate or a rejection."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from market_opinion.core.contracts import BRONZE_ITEMS, OPS_REJECTIONS
from market_opinion.sources import catalogue
from market_opinion.stages import bronze
from market_opinion.storage.json_line import refused_line, unmarked
from market_opinion.storage.landing.manifest import Content, Manifest
from market_opinion.storage.landing.origin import StopReason
from tests.conftest import NOW, epoch

T10 = datetime(2026, 3, 1, 10, tzinfo=UTC)


def content(
    lines,
    *,
    kind="comment",
    retrieved_at=NOW,
    uri="reddit/phones/2026-03-01/100000/comments.jsonl",
    reference="reddit",
):
    hour = {
        "window_start": T10,
        "window_end": T10 + timedelta(hours=1),
        "retrieved_at": retrieved_at,
        "landed_at": NOW,
    }
    manifest = Manifest(
        "reddit",
        "phones",
        **hour,
        origin="a-1",
        capture_path="archive",
        stop_reason=StopReason.EXHAUSTED,
        stop_detail="",
        files=[],
        format_reference=reference,
    )
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    payload = b"".join(line + b"\n" for line in raw)
    return Content(uri, kind, manifest, len(raw), payload, catalogue.line_formats)


def test_a_comment_becomes_a_row_that_leads_back_to_its_line(make_comment):
    """E14: lineage: file, line and hash."""
    rows, rejections, _ = bronze.parse([content([make_comment("a"), make_comment("b", score=-3)])])
    row = BRONZE_ITEMS.check(bronze.newest(rows)).to_dicts()[1]
    expected = {
        "item_id": "b",
        "thread_id": "s1",
        "parent_id": "s1",
        "votes": -3,
        "landing_line": 2,
        "author": "quiet_otter",
    }
    assert expected.items() <= row.items()
    assert row["created_at"] == T10 + timedelta(minutes=15)
    assert rejections.height == 0


def test_a_submission_begins_its_own_thread(make_submission):
    """Title and text are kept apart."""
    rows, _, _ = bronze.parse(
        [
            content(
                [make_submission(at="2026-03-01T10:05:00", selftext="long text")], kind="submission"
            )
        ]
    )
    row = bronze.newest(rows).to_dicts()[0]
    assert (row["thread_id"], row["title"], row["body"], row["reply_count"]) == (
        "s1",
        "Pixel 9 after a month",
        "long text",
        3,
    )


def test_the_version_retrieved_last_wins_and_the_first_sight_is_kept(make_comment):
    """A20, E13: an item fetched twice keeps the later votes."""
    later = content([make_comment(score=9)], retrieved_at=NOW + timedelta(hours=6), uri="b")
    rows, _, _ = bronze.parse([later, content([make_comment(score=5)], uri="a")])
    assert bronze.newest(rows).select("votes", "first_seen_at", "retrieved_at").rows() == [
        (9, NOW, NOW + timedelta(hours=6))
    ]


def test_of_versions_retrieved_at_once_the_later_line_wins(make_comment):
    """A20: a file that holds an item twice, in an hour that was landed in parts of some MB."""
    folder = "reddit/phones/2026-03-01/100000"
    votes = {"comments-0010": 7, "comments": 1, "comments-0002": 5, "comments-0001": 3}
    parts = [
        content(
            [make_comment(score=n - 1), make_comment(score=n)], uri=f"{folder}/{name}.jsonl.zst"
        )
        for name, n in votes.items()
    ]
    rows, _, _ = bronze.parse(parts)
    assert bronze.newest(rows)["votes"].to_list() == [7]
    rows, _, _ = bronze.parse(parts[1:])
    assert bronze.newest(rows)["votes"].to_list() == [5]
    rows, _, _ = bronze.parse([parts[1], parts[3]])
    assert bronze.newest(rows)["votes"].to_list() == [3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": "x", "created_utc": 17', "not_json"),
        (b'{"id": "x", "created_utc": 1772359200, "body": "raw \x00 byte"}', "not_json"),
        (b"\xff\xfe{}", "not_utf8"),
        (b"[1, 2, 3]", "wrong_type"),
        (b'{"id": ["x"], "created_utc": 1772359200}', "missing_field"),
        (b'{"id": "x", "created_utc": [1772359200]}', "time_unreadable"),
        (b'{"id": "x", "created_utc": 1772359200, "all": ' + b"[" * 5000 + b"]" * 5000 + b"}", "too_deep"),
        (b"[" * 1200, "not_json"),
        (refused_line("too_large", "2,000,000 bytes, at most 1,048,576 are read"), "too_large"),
        (b'{"created_utc": 1772359200}', "missing_field"),
        (b'{"id": "x"}', "missing_field"),
        (b'{"id": "", "created_utc": 1772359200}', "missing_field"),
        (b'{"id": "x", "created_utc": 0}', "time_out_of_range"),
        (b'{"id": "x", "created_utc": 4102444800}', "time_out_of_range"),
        (b'{"id": "x", "created_utc": 1e300}', "time_out_of_range"),
        (b'{"id": "x", "created_utc": "soon"}', "time_unreadable"),
        (b'{"id": "x", "created_utc": 10000000000000000000000000000}', "time_out_of_range"),
        (b'{"id": "x", "created_utc": 1772370000}', "outside_window"),
        (json.dumps({"id": "x", "created_utc": 1772359200, "body": "a" * 5_000_000}).encode(), "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value[:40]),
)  # fmt: skip
def test_a_bad_line_is_kept_aside_with_its_reason_and_the_good_ones_are_there(
    make_comment, line, reason
):
    """Bad input never stops the good, and the rejection does not repeat it."""
    rows, rejections, _ = bronze.parse([content([make_comment("a"), line, make_comment("b")])])
    assert rows["item_id"].to_list() == ["a", "b"]
    assert OPS_REJECTIONS.check(rejections).select("reason", "landing_line").rows() == [(reason, 2)]
    assert "raw" not in rejections["detail"][0]


@pytest.mark.parametrize("told", [1772359200, "1772359200", 1e300])
def test_a_number_where_a_written_time_is_meant_is_of_no_known_form(told):
    """E12: it is not out of range."""
    form = {"comment": {"item_id": ["id"], "created_at": "at", "time": "iso"}}
    _, rejections, _ = bronze.parse([content([{"id": "x", "at": told}], reference=form)])
    assert rejections["reason"].to_list() == ["time_unreadable"]


@pytest.mark.parametrize(
    ("odd", "read"),
    [
        ({"score": "many"}, {"votes": None}),
        ({"score": "7"}, {"votes": 7}),
        ({"score": 7.0}, {"votes": 7}),
        ({"score": 1.5}, {"votes": None}),
        ({"score": 10**400}, {"votes": None}),
        ({"author": {"name": "quiet_otter", "id": "t2_x"}}, {"author": "quiet_otter"}),
        ({"author": ["quiet_otter"]}, {"author": None}),
        ({"parent_id": 12345}, {"parent_id": "9ix"}),
        ({"id": 113}, {"item_id": "35"}),
        ({"body": "half a pair \ud83d"}, {"body": "half a pair \ufffd"}),
        ({"gilded": 10**400}, {}),
        ({"all_awardings": [[["x"]]]}, {}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_odd_field_costs_the_field_and_never_the_words(make_comment, odd, read):
    """E12: whatever stands in it, read or not; the column is named, never the value."""
    line = {**make_comment("b"), **odd}
    rows, rejections, fields = bronze.parse([content([make_comment("a"), line])])
    row = rows.filter(pl.col("landing_line") == 2).to_dicts()[0]
    assert rejections.height == 0
    assert read.items() <= row.items()
    assert row["body"] == read.get("body", line["body"])
    lost = [name for name, value in read.items() if value is None]
    assert fields.select("stage", "reason", "detail").rows() == [
        ("fields", "unreadable_field", name) for name in lost
    ]


@pytest.mark.parametrize("number", ["1e309", "-1e400", "9" * 400, "[1e309]", "NaN"], ids=str)
def test_a_number_that_one_decoder_refuses_stops_no_hour(make_comment, number):
    """E12: nobody reads the field."""
    line = json.dumps(make_comment("b"))[:-1] + f', "gilded": {number}}}'
    rows, rejections, _ = bronze.parse([content([make_comment("a"), line.encode()])])
    assert (rows["item_id"].to_list(), rejections.height) == (["a", "b"], 0)


def test_a_column_that_nobody_can_read_is_told(make_comment):
    """E12: by its name, once."""
    odd = [make_comment(name, score="many") for name in "ab"]
    rows, _, fields = bronze.parse([content(odd)])
    assert bronze.unreadable_columns(rows, fields) == ["votes: none of 2 values could be read"]
    rows, _, fields = bronze.parse([content([*odd, make_comment("c")])])
    assert bronze.unreadable_columns(rows, fields) == ["votes: 2 of 3 values could not be read"]


def test_a_byte_order_mark_costs_no_item(make_comment):
    """E12: of lines that were landed with it; the hash is that of the line without."""
    line = json.dumps(make_comment("a")).encode()
    plain, marked = (
        bronze.parse([content([each])]).rows for each in (line, b"\xef\xbb\xbf" + line)
    )
    assert marked["payload_sha256"].to_list() == plain["payload_sha256"].to_list()


def test_times_of_old_dumps_are_read(make_comment):
    """They are written as text."""
    rows, _, _ = bronze.parse(
        [content([make_comment(created_utc=str(epoch("2026-03-01T10:15:00")))])]
    )
    assert rows["created_at"].to_list() == [T10 + timedelta(minutes=15)]


def test_an_escaped_nul_and_a_long_text_are_no_reason_to_refuse():
    """What is valid JSON below the limit is kept as it came."""
    line = {"id": "x", "created_utc": 1772359200, "body": "a\x00b" + "c" * 900_000}
    rows, rejections, _ = bronze.parse([content([line])])
    assert (rows["body"].to_list(), rejections.height) == ([line["body"]], 0)


lines = st.lists(
    st.one_of(
        st.builds(
            lambda n, score: {"id": f"i{n}", "created_utc": 1772359200 + n, "score": score},
            st.integers(0, 8),
            st.integers(),
        ),
        st.binary(max_size=40).filter(lambda raw: b"\n" not in raw and b"\r" not in raw and raw),
        st.builds(
            lambda value: {"id": "x", "created_utc": 1772359200, "body": value},
            st.one_of(st.none(), st.text(), st.integers()),
        ),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(lines)
@example([b"\x1f\x8b"])
@example([b"x^"])
@example([b"\x28\xb5\x2f\xfd"])
def test_lines_in_are_rows_and_duplicates_and_rejections_out(some):
    """Always, whatever the lines are."""
    some = [
        line
        for line in some
        if not (isinstance(line, dict) and abs(line.get("score") or 0) > 2**62)
    ]
    rows, rejections, _ = bronze.parse([content(some), content(some, uri="again")])
    items = bronze.newest(rows)
    assert rows.height + rejections.height == 2 * len(some)
    assert items.height == rows["item_id"].n_unique()
    BRONZE_ITEMS.check(items)
    OPS_REJECTIONS.check(rejections)


GOOD = {"id": "x", "created_utc": 1772359200, "author": "otter", "body": "words"}
names = st.sampled_from([*GOOD, "score", "link_id", "other", "user"])
repeated = st.lists(
    st.tuples(
        names,
        st.one_of(
            st.sampled_from([*GOOD.values(), "t3_s1", None, 7]),
            st.dictionaries(names, st.sampled_from(["otter", "body"]), max_size=2),
        ),
        st.booleans(),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=50)
@given(repeated, st.booleans())
@example([("author", "hare", False)], False)
@example([("author", "hare", True)], False)
@example([("created_utc", 1772359201, False)], True)
def test_of_a_name_that_stands_twice_the_last_value_counts(more, beside_an_odd_line):
    """A10: whatever decoder reads the line, wherever the name stands and however it is written."""
    pairs = [*((name, value, False) for name, value in GOOD.items()), *more]
    written = ", ".join(
        f"{_spelled(name) if is_escaped else json.dumps(name)}: {json.dumps(value)}"
        for name, value, is_escaped in pairs
    )
    others = [b'{"id": "y"}'] if beside_an_odd_line else []
    twice, once = (
        bronze.parse([content([line, *others])])
        for line in (f"{{{written}}}".encode(), {name: value for name, value, _ in pairs})
    )
    assert twice.rows.drop("payload_sha256").equals(once.rows.drop("payload_sha256"))
    for mine, theirs in ((twice.rejections, once.rejections), (twice.fields, once.fields)):
        assert mine.select("reason", "detail").equals(theirs.select("reason", "detail"))


def _spelled(name):
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in name) + '"'


def test_a_mark_of_refusal_that_somebody_sent_costs_no_words(make_comment):
    """A10: ours stands in front; theirs anywhere else is a name as any other."""
    sent = {"id": "y", "created_utc": 1772359200, "body": "words", "(refused)": "too_large"}
    forged = unmarked(
        json.dumps({"(refused)": "too_large", **sent}, separators=(",", ":")).encode()
    )
    rows, rejections, _ = bronze.parse([content([forged, {**sent, "id": "z"}])])
    assert (rows["item_id"].to_list(), rejections.height) == (["y", "z"], 0)


def test_nothing_landed_is_nothing():
    """An empty hour has the same columns."""
    rows, rejections, _ = bronze.parse([])
    assert bronze.newest(rows).schema == pl.Schema(BRONZE_ITEMS.schema)
    assert rejections.height == 0
