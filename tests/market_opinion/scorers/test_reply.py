"""Replies as servers give them: what is right is kept, and what is wrong is named by its place."""

import json
import time

import pytest

from market_opinion.scorers.llm.prompt import load_prompt
from market_opinion.scorers.llm.reply import ReplyInvalid
from tests.conftest import REPOSITORY

PIXEL = "google-pixel-9"
COUNT = 4


@pytest.fixture(scope="module")
def prompt():
    from market_opinion.domain.definition import load_domain

    return load_prompt(load_domain("smartphones", REPOSITORY / "domains"), REPOSITORY / "domains")


def mention(**changes):
    return {
        "product_id": PIXEL,
        "aspect": "battery",
        "label": "positive",
        "score": 0.5,
        "evidence": "lasts long",
        **changes,
    }


def items(**changes):
    return [{"id": f"c{n}", "mentions": [mention(**changes)]} for n in range(1, COUNT + 1)]


def text(value=None, **changes):
    return json.dumps({"items": items(**changes)} if value is None else value)


def edited(place, **changes):
    """Return a good reply with the one mention of a place changed."""
    found = items()
    found[place]["mentions"][0] |= changes
    return {"items": found}


WRAPPED = {
    "plain": text(),
    "thought": f"<think>The first {{one}} is [nice].</think>\n{text()}",
    "thought with a draft": f"<think>{text(label='negative', score=-1)}</think>{text()}",
    "thought without its beginning": f"So: {{c1: good}}\n</think>{text()}",
    "sentences": f"Certainly [1]! Here {{it}} is:\n\n{text()}\n\nShall I go on?",
    "fence": f"```json\n{text()}\n```",
    "fence after a word": f"Done.\n```\n{text()}\n```\nDone.",
    "list alone": text(items()),
    "one item a line": "\n".join(json.dumps(item) for item in items()),
    "another name of the list": text({"comments": items()}),
    "one more wrapping": text({"result": {"items": items()}}),
    "object by id": text({item["id"]: item["mentions"] for item in items()}),
    "id of the reply": text({"id": "reply-7", "items": items()}),
    "labels in capitals": text(label="POSITIVE"),
    "aspects in capitals": text(aspect="Battery "),
    "names of fields in capitals": text().replace('"label"', '"Label"').replace('"id"', '"ID"'),
    "name of the product": text(product_id="Google Pixel 9"),
    "product as it was shown": text(product_id=f"{PIXEL}: Google Pixel 9"),
    "number as text": text(score="0.5"),
    "ids as numbers": text([{**item, "id": n} for n, item in enumerate(items(), start=1)]),
    "ids as other texts": text([{**i, "id": f"C0{n}"} for n, i in enumerate(items(), start=1)]),
    "extra fields": text({"note": "hi", "items": [{**item, "sure": True} for item in items()]}),
    "mention without a list": text([{**item, "mentions": mention()} for item in items()]),
    "same id twice": text([{"id": "c1", "mentions": []}, *items()]),
    "spaced": text().replace(":", " :\n"),
    "commas to spare": json.dumps({"items": items()}, indent=1).replace(
        '"lasts long"', '"lasts long",'
    ),
    "single quotes": text().replace('"', "'"),
    "words of Python": repr({"items": items(evidence="doesn't last", sure=True, why=None)}),
    "curly quotes": text().replace('"', "\u201c"),
    "quotes as entities": text().replace('"', "&quot;"),
    "comments": json.dumps({"items": items()}, indent=1).replace(
        '"lasts long"', '"lasts long" // quoted'
    ),
    "line breaks in texts": text().replace("lasts long", "lasts\nlong"),
    "an escape that is none": text().replace("lasts long", "doesn\\'t last"),
    "a number with a plus": text().replace("0.5", "+.5"),
    "a decimal comma": text(score="0,5"),
    "JSON within a text": text({"answer": text()}),
    "JSON as a text": text(text()),
    "ids with a word": text([{**i, "id": f"comment_{n}"} for n, i in enumerate(items(), start=1)]),
    "another name of the id": text().replace('"id"', '"comment_id"'),
    "another name of the mentions": text().replace('"mentions"', '"opinions"'),
    "object by id of objects": text({i["id"]: {"mentions": i["mentions"]} for i in items()}),
    "mentions with ids": text([{"id": i["id"], **mention()} for i in items()]),
}


@pytest.mark.parametrize("reply", WRAPPED.values(), ids=WRAPPED)
def test_everything_right_is_kept_whatever_stands_around_it(prompt, reply):
    """D11."""
    found = prompt.parse(reply, COUNT)
    assert ([*found.mentions], found.faults) == ([0, 1, 2, 3], {})
    said = {
        (m.product_id, m.aspect, m.label, m.score) for all_ in found.mentions.values() for m in all_
    }
    assert said == {(PIXEL, "battery", "positive", 0.5)}


FAULTY = {
    "unknown aspect": edited(2, aspect="smell"),
    "unknown label": edited(2, label="great"),
    "score out of range": edited(2, score=7),
    "score that is no number": edited(2, score="high"),
    "score that is not finite": edited(2, score=float("nan")),
    "no evidence": edited(2, evidence=None),
    "mentions that are no list": {"items": [*items()[:2], {"id": "c3", "mentions": "none"}, items()[3]]},
    "no mentions": {"items": [*items()[:2], {"id": "c3"}, items()[3]]},
    "mentions of another form": {"items": [*items()[:2], {"id": "c3", "mentions": ["x"]}, items()[3]]},
}  # fmt: skip


@pytest.mark.parametrize("reply", FAULTY.values(), ids=FAULTY)
def test_a_bad_mention_costs_its_item_alone(prompt, reply):
    found = prompt.parse(json.dumps(reply), COUNT)
    assert ([*found.mentions], [*found.faults]) == ([0, 1, 3], [2])
    assert "high" not in found.faults[2]


def test_a_reply_that_was_cut_keeps_its_whole_items(prompt):
    """The item it ends in is as if it had not been said."""
    found = prompt.parse(text()[:-60], COUNT)
    assert ([*found.mentions], found.faults) == ([0, 1, 2], {})


def test_one_broken_item_leaves_the_others(prompt):
    """A quote that is not escaped, in the second."""
    found = prompt.parse(text().replace("lasts long", 'lasts "so" long', 2).replace('"so" long', "long", 1), COUNT)  # fmt: skip
    assert [*found.mentions] == [0, 2, 3]


@pytest.mark.parametrize("name", ["x2", "c9", "2nd", "", None, True, 2.5, "c-one", {}])
def test_an_id_nobody_asked_for_is_left_out(prompt, name):
    reply = [items()[0], {"id": name, "mentions": []}]
    assert [*prompt.parse(json.dumps(reply), COUNT).mentions] == [0]


def test_numbers_from_zero_are_no_ids(prompt):
    """They would give each text its neighbour's answer."""
    shifted = [{**item, "id": n} for n, item in enumerate(items())]
    assert prompt.parse(json.dumps(shifted), COUNT).mentions == {}


@pytest.mark.parametrize("reply", ["", "[]", "I cannot.", '{"items": 3}', "{c1: good}", "null", '{"a": {"b": {"c": {"d": [{"id": "c1"}]}}}}'])  # fmt: skip
def test_a_reply_without_items_is_none(prompt, reply):
    with pytest.raises(ReplyInvalid, match="no JSON with items"):
        prompt.parse(reply, 1)


@pytest.mark.parametrize("reply", ["{" * 200_000, '{"a":' * 50_000, "[" * 200_000, "[1,{" * 50_000])
def test_a_reply_of_braces_takes_no_time(prompt, reply):
    began = time.perf_counter()
    with pytest.raises(ReplyInvalid):
        prompt.parse(reply, 1)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ([{"product_id": "Google Pixel 9", "words": "my pixel"}], [(PIXEL, "my pixel")]),
        ([{"productId": PIXEL}], [(PIXEL, "")]),
        (["the Google Pixel 9"], [(PIXEL, "")]),
        ([{"product_id": "Zune", "words": "zune"}, 7], [("Zune", "zune")]),
        ([], []),
    ],
)
def test_what_is_meant_is_read_in_any_spelling(prompt, said, meant):
    """A name of the catalogue becomes its id; what names nothing stays for the checks to drop."""
    reply = prompt.parse(text([{"id": "c1", "meant": said, "mentions": []}]), 1)
    assert [(each.product_id, each.words) for each in reply.meant[0]] == meant


def test_an_item_that_does_not_say_what_is_meant_is_good_all_the_same(prompt):
    """Its rules stand; see `meant`."""
    reply = prompt.parse(text([{"id": "c1", "mentions": [mention()]}]), 1)
    assert (len(reply.mentions[0]), reply.meant, reply.faults) == (1, {}, {})


def test_a_neutral_fact_is_no_opinion(prompt):
    """It is not asked for, and no fault of the item: the rest of it counts."""
    said = [mention(label="Neutral", score=0), mention(aspect="camera")]
    reply = prompt.parse(text([{"id": "c1", "meant": [], "mentions": said}]), 1)
    assert ([each.aspect for each in reply.mentions[0]], reply.faults) == (["camera"], {})
