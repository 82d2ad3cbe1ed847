"""The digest of a week: its sentences, its quotes, and both of its formats (M8, M14)."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from market_opinion.core.contracts import GOLD_BURSTS, GOLD_CHANGES, SILVER_ITEMS, SILVER_OPINIONS
from market_opinion.serving import digest

WEEK = date(2026, 3, 2)
AT = datetime(2026, 3, 3, 14, tzinfo=UTC)


def change(brand="Google", *, p_value=0.0001, **fields):
    """A row of gold.changes: praise of a battery rose, for opinion itself did."""
    counts = {
        name: 50 for name in GOLD_CHANGES.schema if name.partition("_before")[0].endswith("_count")
    }
    known = {
        "domain": "smartphones",
        "week_start": WEEK,
        "measure": "net_sentiment",
        "brand": brand,
        "aspect": "battery",
        "value": 0.35,
        "value_before": 0.14,
        "change": 0.21,
        "low": 0.08,
        "high": 0.34,
        "p_value": p_value,
        "freedom": 30.0,
        "is_too_few": False,
        "is_change": True,
        "cause": "opinion",
        "opinion_part": 0.18,
        "mix_part": 0.03,
        "mix_of": "community",
        "scorer_part": 0.0,
    }
    return dict.fromkeys(GOLD_CHANGES.schema) | counts | known | fields


def rows(*changes):
    return GOLD_CHANGES.check(pl.DataFrame(list(changes), schema=GOLD_CHANGES.schema))


def burst(**fields):
    known = {
        "domain": "smartphones",
        "full_date": WEEK,
        "brand": "Google",
        "kind": "arrivals",
        "starts_at": AT,
        "ends_at": AT,
        "comment_count": 60,
        "author_count": 12,
        "thread_count": 8,
        "day_comment_count": 84,
        "value": -0.2,
        "value_without": 0.4,
        "voice": 0.5,
    }
    return dict.fromkeys(GOLD_BURSTS.schema) | known | fields


def test_a_sentence_says_what_changed_by_how_much_and_why(phones):
    (sentence,) = digest.headlines(rows(change()), phones, WEEK)
    assert sentence == (
        "Net sentiment of Google on Battery life rose by 0.21 (0.08 to 0.34) to +0.35"
        " in the week of 2 March 2026: opinion itself changed."
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cause": "mix"}, "who spoke changed (other communities)"),
        ({"cause": "scorer"}, "the scorer changed, not what people said"),
        ({"cause": "unclear", "scorer_part": None}, "no item was judged by both of its versions"),
        ({"change": -0.21, "low": -0.34, "high": -0.08}, "fell by 0.21 (0.08 to 0.34)"),
        ({"measure": "share_of_voice", "aspect": None}, "Share of voice of Google rose by 0.21"),
    ],
)
def test_each_kind_of_change_has_its_words(phones, fields, words):
    assert words in digest.headlines(rows(change(**fields)), phones, WEEK)[0]


def test_three_sentences_are_enough(phones):
    """The surest come first, and the last says how many more there are."""
    brands = {"Apple": 0.003, "Google": 0.001, "Samsung": 0.002, "Sony": 0.004, "Nokia": 0.005}
    changes = rows(*(change(name, p_value=value) for name, value in brands.items()))
    sentences = digest.headlines(changes, phones, WEEK)
    assert [sentence.split()[3] for sentence in sentences] == ["Google", "Samsung", "Apple"]
    assert sentences[-1].endswith("Further changes: 2.")


def test_a_week_without_a_change_says_so(phones):
    """Or that too little was said, where that is so."""
    quiet = rows(change(is_change=False, cause=None))
    assert digest.headlines(quiet, phones, WEEK)[0].startswith("Nothing changed in the week of 2 M")
    few = rows(change(is_change=False, is_too_few=True, cause=None))
    assert digest.headlines(few, phones, WEEK)[0].startswith("Too little was said in the week of")


def said(count, **fields):
    """Opinions of the week by as many authors, and their items; later ones are surer."""
    place = {"platform": "reddit", "community": "phones", "kind": "comment", "window_start": AT}
    keys = [place | {"item_id": f"c{n}", "author_key": f"a{n}", "votes": n} for n in range(count)]
    items = [
        dict.fromkeys(SILVER_ITEMS.schema) | key | {"permalink": "https://p.test"} for key in keys
    ]
    opinions = [
        dict.fromkeys(SILVER_OPINIONS.schema)
        | {name: value for name, value in key.items() if name in SILVER_OPINIONS.schema}
        | {"product_id": "p", "aspect": "battery", "label": "positive", "confidence": n / 100}
        | {"evidence": f"lasts {n} days"}
        | fields
        for n, key in enumerate(keys)
    ]
    frame = pl.DataFrame(opinions, schema=SILVER_OPINIONS.schema)
    return frame.with_columns(brand=pl.lit("Google")), pl.DataFrame(
        items, schema=SILVER_ITEMS.schema
    )


def test_quotes_are_the_three_surest_that_go_the_way_of_the_change():
    opinions, items = said(6)
    found = digest.quotes(change(), opinions, items)
    assert found["evidence"].to_list() == ["lasts 5 days", "lasts 4 days", "lasts 3 days"]
    assert digest.quotes(change(change=-0.2), opinions, items).is_empty()
    assert digest.quotes(change("Apple"), opinions, items).is_empty()
    assert digest.quotes(change(aspect="camera"), opinions, items).is_empty()


def test_an_author_is_quoted_once_and_purged_words_are_not():
    opinions, items = said(6)
    assert digest.quotes(change(), opinions, items.with_columns(author_key=pl.lit("a"))).height == 1
    purged = opinions.with_columns(evidence=pl.lit(None, pl.String))
    assert digest.quotes(change(), purged, items).is_empty()


def test_what_people_wrote_is_markup_in_neither_format(phones):
    """Comments are untrusted."""
    attack = "<script>alert(1)</script> [free](http://evil.test) **now**\n# a title"
    opinions, items = said(1, evidence=attack)
    changes = rows(change())
    quoted = [digest.quotes(row, opinions, items) for row in digest.told(changes)]
    bursts = pl.DataFrame([burst()], schema=GOLD_BURSTS.schema)
    pages = digest.render(changes, bursts, quoted, phones, WEEK)
    assert "<script>" not in pages["html"] + pages["md"]
    assert "[free](" not in pages["md"]
    assert "**now**" not in pages["md"]
    assert "\n# a title" not in pages["md"]
    assert "&lt;script&gt;alert(1)" in pages["html"]


def test_bursts_stand_with_and_without(phones):
    """And parts of a change as well; a figure that is not known says so."""
    changes = rows(change(scorer_part=None, cause="unclear", change_without_bursts=0.02))
    bursts = pl.DataFrame([burst(), burst(value_without=None)], schema=GOLD_BURSTS.schema)
    for page in digest.render(changes, bursts, [said(0)[0]], phones, WEEK).values():
        assert "60 of 84 comments are a burst" in page
        assert "net sentiment -0.20 with it, +0.40 without" in page.replace("\\", "")
        assert "-0.20 with it, unknown without" in page.replace("\\", "")
        assert "scorer unknown, without bursts the change is +0.02" in page
