"""Erasure: what has to go goes, every line stays in its place, and nothing else changes."""

import json

import pytest

from market_opinion.sources.reviews import Reviews
from market_opinion.storage.json_line import REFUSED_MARK, unmarked
from market_opinion.storage.landing.redaction import Erasure, erase_lines, purge_lines
from tests.market_opinion.stages.test_bronze import content

MINE = {
    "id": "c1",
    "created_utc": 1,
    "author": "Mad_Hatter",
    "body": "my words",
    "permalink": "/x",
    "link_id": "t3_s1",
    "score": 3,
}
OTHER = {
    "id": "c2",
    "created_utc": 2,
    "author": "otter",
    "body": "their words",
    "link_id": "t3_s1",
    "link_title": "A title",
}


def erased(*lines, kind="comment", reference="reddit", **what):
    out, touched = erase_lines(content(lines, kind=kind, reference=reference), Erasure(**what))
    return [
        json.loads(line) if line.startswith(b"{") else line for line in out.split(b"\n")[:-1]
    ], touched


def test_an_item_keeps_its_place_and_nothing_of_its_author():
    lines, touched = erased(MINE, OTHER, item_ids=frozenset({"c1"}))
    assert lines == [
        {
            "id": "c1",
            "created_utc": 1,
            "link_id": "t3_s1",
            "author": "[deleted]",
            "body": "[deleted]",
        },
        OTHER,
    ]
    assert touched == ["c1"]


def test_a_second_time_changes_nothing():
    once, _ = erased(MINE, OTHER, item_ids=frozenset({"c1"}))
    assert erased(*once, item_ids=frozenset({"c1"})) == (once, [])


def test_a_lost_account_leaves_its_words():
    lines, _ = erased(MINE, authorless_ids=frozenset({"c1"}))
    assert lines == [{**MINE, "author": "[deleted]"}]


def test_a_title_goes_from_the_comments_that_repeat_it():
    lines, touched = erased(OTHER, thread_ids=frozenset({"s1"}))
    assert (lines[0]["link_title"], lines[0]["body"], touched) == (None, "their words", ["c2"])


@pytest.mark.parametrize(
    ("text", "user", "left"),
    [
        ("thanks u/mad_hatter!", "mad_hatter", "thanks u/erased_user!"),
        ("see /user/Mad_Hatter/", "mad_hatter", "see /user/erased_user/"),
        ("signed, mad_hatter", "mad_hatter", "signed, erased_user"),
        ("an apple a day, u/apple", "apple", "an apple a day, u/erased_user"),
        ("u/apples are others", "apple", "u/apples are others"),
    ],
)
def test_a_user_goes_from_the_words_of_others(text, user, left):
    """A name that is also a word goes only where it is written as a name."""
    lines, _ = erased({**OTHER, "body": text}, users=frozenset({user}))
    assert lines[0]["body"] == left


def test_a_line_that_cannot_be_read_goes_when_it_names_the_user():
    """And stays when it does not; there are as many lines as before."""
    lines, _ = erased(
        b'{"author": "mad_hatter", "body": "cut o', b"noise", MINE, users=frozenset({"mad_hatter"})
    )
    assert lines[0] == {"erased": True}
    assert lines[1] == b"noise"
    assert lines[2]["author"] == "[deleted]"


def test_an_item_whose_id_is_made_of_its_author_keeps_the_id():
    """A review has no other; the line that is left leads to the same row."""
    review = {
        "reviewerID": "A1",
        "asin": "B0",
        "unixReviewTime": 1358035200,
        "reviewText": "fine",
        "category": "Phones",
        "overall": 5.0,
    }
    line_format = Reviews.line_formats["review"]
    ((line,), (item_id,)) = erased(
        review, kind="review", reference="amazon", users=frozenset({"a1"})
    )
    assert (item_id, line_format.key(line)) == (line_format.key(review), line_format.key(review))
    assert line["reviewerID"] == line["reviewText"] == "[deleted]"
    ((again,), touched) = erased(line, kind="review", reference="amazon", users=frozenset({"a1"}))
    assert (again, touched) == (line, [])


def test_names_go_from_what_lies_deeper():
    """Whatever the form of the platform."""
    post = {
        "id": "1",
        "actor": "urn:li:person:a",
        "object": "urn:li:share:9",
        "message": {"text": "as @mad_hatter says"},
    }
    lines, _ = erased(post, reference="linkedin", users=frozenset({"mad_hatter"}))
    assert lines[0]["message"] == {"text": "as @erased_user says"}


TWICE = (
    b'{"id":"a","created_utc":1,"author":"first_name1","body":"hidden words",'
    b'"author":"last_name2","body":"shown words"}'
)


@pytest.mark.parametrize("user", ["first_name1", "last_name2"])
def test_a_line_with_two_authors_is_of_either(user):
    """M9: no word of it stays, whichever of them asks."""
    out, touched = erase_lines(content([TWICE, OTHER]), Erasure(users=frozenset({user})))
    assert (touched, json.loads(out.split(b"\n")[1])) == (["a"], OTHER)
    assert not any(word in out for word in (b"first_name1", b"last_name2", b"hidden", b"shown"))
    assert erase_lines(content(out.split(b"\n")[:-1]), Erasure(users=frozenset({user})))[1] == []


def test_a_value_that_nobody_reads_hides_nothing():
    """M9, X13: an earlier value of a name goes with the rest, and by itself where it is meant."""
    purged, _ = purge_lines(content([TWICE]))
    assert b"words" not in purged
    hidden = b'{"id":"a","created_utc":1,"body":"as u/otter_9 says","author":"hare","body":"mine"}'
    assert erase_lines(content([hidden]), Erasure(users=frozenset({"hares"})))[0] == hidden + b"\n"
    out, _ = erase_lines(content([hidden]), Erasure(users=frozenset({"otter_9"})))
    assert json.loads(out) == {"id": "a", "created_utc": 1, "author": "hare", "body": "mine"}
    of_old = b'{"id":"b1","id":"b2","created_utc":1,"author":"hare","body":"words"}'
    for item_id in ("b1", "b2"):
        out, touched = erase_lines(content([of_old]), Erasure(item_ids=frozenset({item_id})))
        assert (b"words" in out, touched) == (False, ["b2"])


def test_an_erasure_forges_no_mark_of_refusal():
    """A10: it writes lines anew, and no line that somebody sent begins as one of ours."""
    line = json.dumps({"(refused)": "too_large", **OTHER, "body": "thanks u/mad_hatter"})
    out, _ = erase_lines(
        content([unmarked(line.encode())]), Erasure(users=frozenset({"mad_hatter"}))
    )
    assert json.loads(out)["body"] == "thanks u/erased_user"
    assert not out.startswith(REFUSED_MARK)
