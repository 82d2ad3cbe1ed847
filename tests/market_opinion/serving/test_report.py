"""The report: one page that needs nothing from outside, whatever the mart holds."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest
import vl_convert

from market_opinion.core.contracts import GOLD_CHANGES, GOLD_ESTIMATES
from market_opinion.serving import charts, mart, report
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.serving.report import figures
from tests.conftest import NOW
from tests.market_opinion.serving.test_digest import change


@pytest.fixture
def store(tmp_path):
    """An empty mart."""
    return DuckDBMart(tmp_path / "mart.duckdb")


def render(store, domain, **facts):
    """The page with these facts of the lake, and none of the others."""
    none = {"rejections": report.REJECTIONS.empty(), "answers": answers(0), "accuracies": {}}
    return report.render(store.read, domain, now=NOW, **(none | facts))


def answers(count, usd=0.001):
    """Return rows of a model's answers."""
    row = {"model": "m", "status": "ok", "input_tokens": 1500.0, "output_tokens": 100.0, "usd": usd}
    return pl.DataFrame(
        [row] * count, schema={name: report.ANSWERS.schema[name] for name in report.ANSWER_COLUMNS}
    )


def test_what_a_model_cost_is_said(store, load, silver, phones):
    """In all and a thousand questions; a price nobody knows is not zero."""
    store.load(load, lambda: silver)
    page = render(store, phones, answers=answers(40))
    assert (
        "m answered 40 questions with 60,000 tokens in and 4,000 out, for 0.04 USD, 1.000 a thousand; 0 were given up"
        in page
    )
    unknown = pl.concat([answers(1), answers(1, None)])
    page = render(store, phones, answers=unknown)
    assert "at an unknown cost" in page


def test_the_page_begins_with_what_changed(store, load, silver, phones):
    """Before every figure; where no week was compared it says how."""
    store.load(load, lambda: silver)
    assert "No week was compared" in render(store, phones).partition('<div class="tiles">')[0]
    page = render(store, phones, changes=pl.DataFrame([change()], schema=GOLD_CHANGES.schema))
    head = page.partition('<div class="tiles">')[0]
    assert "Net sentiment of Google on Battery life rose by 0.21" in head


def test_a_page_loads_nothing_from_outside(store, load, silver, phones):
    """No script, style, font or picture has an address."""
    store.load(load, lambda: silver)
    page = render(store, phones).replace(vl_convert.javascript_bundle(), "")
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", page)
    assert "@import" not in page
    assert '"$schema"' in page


def test_charts_are_such_as_vega_lite_knows(store, load, silver, phones):
    """Altair holds them against the schema, which drawing a report leaves out."""
    store.load(load, lambda: silver)
    facts = figures.collect(store.read, phones.name)
    facts = replace(facts, mentions=pl.concat([facts.mentions] * charts.CELL_MIN_OPINIONS))
    drawn = report.draw(facts)
    assert list(drawn) == ["share-of-voice", "trend-0", "trend-1", "coverage"]
    for chart in drawn.values():
        chart.to_dict(validate=True)


@pytest.mark.parametrize(
    ("days", "ticks"),
    [
        (1, ["09:00", "12:00", "15:00", "18:00", "21:00", "28 Feb", "03:00", "06:00"]),
        (3, ["28 Feb", "1 Mar", "2 Mar"]),
    ],
)
def test_ticks_are_whole_hours_and_days(days, ticks):
    """In UTC, by a clock of 24 hours, and each of them once."""
    first = datetime(2026, 2, 27, 7)
    hours = pl.datetime_range(first, first + timedelta(days=days), "1h", eager=True)
    windows = hours.alias("window_start").to_frame()
    windows = windows.with_columns(
        platform=pl.lit("reddit"),
        community=pl.lit("phones"),
        state=pl.lit("CERTIFIED"),
        item_count=1,
    )
    svg = vl_convert.vegalite_to_svg(charts.coverage(windows).to_dict())
    assert re.findall(r">(\d\d:\d\d|\d+ [A-Z][a-z]+|\d{4})<", svg) == ticks


def test_without_an_opinion_no_trend_is_drawn(store, load, silver, phones):
    """Nor an empty chart that grows without end."""
    store.load(load, lambda: replace(silver, opinions=silver.opinions.clear()))
    page = render(store, phones)
    assert "Too few mentions were judged for a trend." in page
    assert list(report.draw(figures.collect(store.read, phones.name))) == [
        "share-of-voice",
        "coverage",
    ]


def test_the_head_says_what_was_read_and_when():
    """Not only when the page was drawn."""
    rows = pl.DataFrame(
        [("reddit", name, datetime(2024, 10, 31), datetime(2025, 3, 31)) for name in "ab"],
        ["platform", "community", "first_date", "last_date"],
        orient="row",
    )
    assert figures.sources(rows) == "reddit: a, b · 31 October 2024 to 31 March 2025"
    many = pl.concat([rows.with_columns(community=pl.lit(str(n))) for n in range(9)])
    assert figures.sources(many.unique("community")).startswith("reddit: 9 places · ")


def test_a_cell_leads_to_its_words(phones):
    """The surest of its product and aspect, each sentence once; an empty cell has none."""
    words = pl.DataFrame(
        [
            ("p", "battery", "lasts two days", 1),
            ("p", "battery", "lasts two days", 2),
            ("p", "battery", "dead by noon", 3),
            ("p", "camera", "blurred", 1),
            ("q", "battery", "bad", 1),
        ],
        ["product_id", "aspect", "evidence", "of_product"],
        orient="row",
    )
    heat = figures.heat(CARD, estimates(cell("battery"), cell("camera")), phones)
    battery, camera = figures.with_words(heat, words)["rows"][0]["cells"]
    assert [each["evidence"] for each in battery["words"]] == ["lasts two days", "dead by noon"]
    assert (battery["aspect"], len(camera["words"])) == ("Battery life", 1)


def test_opinions_without_a_model_are_counted():
    """They are in no row of the products."""
    card = CARD.vstack(
        CARD.with_columns(category=pl.lit("brand"), opinion_count=pl.lit(27, pl.Int64))
    )
    assert figures.unnamed_share(card) == 0.75
    assert figures.unnamed_share(card.clear()) is None


def test_an_empty_mart_says_what_to_do(store, load, silver, phones):
    """Not an empty chart."""
    store.load(load, lambda: mart.Silver(*(frame.clear() for frame in vars(silver).values())))
    page = render(store, phones)
    assert "Nothing to show yet" in page
    assert "vegaEmbed" not in page


def test_what_people_wrote_is_never_markup(store, load, silver, phones):
    """Comments are untrusted."""
    attack = "great Pixel 9 battery <script>alert(1)</script> really"
    opinions = silver.opinions.with_columns(
        evidence=pl.lit(attack), evidence_end=pl.lit(len(attack), pl.Int64)
    )
    store.load(load, lambda: replace(silver, opinions=opinions))
    page = render(store, phones)
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def estimate(brand="B", *, value=0.5, width=0.2, **fields):
    """A row of mart.estimates: of sampling, with enough behind it unless told otherwise."""
    known = dict.fromkeys(GOLD_ESTIMATES.schema) | {
        "measure": "net_sentiment",
        "part": "brand",
        "brand": brand,
        "value": value,
        "low": value - width,
        "high": value + width,
        "comment_count": 40,
        "thread_count": 20,
        "label_count": 0,
        "method": "sampling",
        "is_too_few": False,
    }
    return known | fields


def estimates(*rows):
    return pl.DataFrame(rows, schema=GOLD_ESTIMATES.schema)


CARD = pl.DataFrame(
    [{"product_id": "p", "product": "P", "brand": "B", "category": "flagship", "opinion_count": 9}]
)


def cell(aspect, **fields):
    return estimate(part="product_aspect", product_id="p", aspect=aspect, **fields)


def test_cells_of_too_few_opinions_stay_empty(phones):
    """Four voices, of which some are heard wrongly, are not a tone."""
    rows = estimates(cell("battery"), cell("camera", is_too_few=True))
    heat = figures.heat(CARD, rows, phones)
    assert heat["aspects"] == ["Battery life"]
    assert heat["rows"][0]["cells"][0]["strength"] == 50


def test_cells_say_whether_their_interval_crosses_zero(phones):
    """Only those that leave out zero get the full colour."""
    rows = estimates(cell("battery", width=0.2), cell("camera", width=0.6, comment_count=30))
    heat = figures.heat(CARD, rows, phones)
    assert [each["is_sure"] for each in heat["rows"][0]["cells"]] == [True, False]


def test_a_product_of_which_nothing_can_be_said_is_counted(phones):
    """Its row would be empty."""
    heat = figures.heat(CARD, estimates(cell("camera", is_too_few=True)), phones)
    assert (heat["rows"], heat["left_out_count"]) == ([], 1)


def test_brands_take_the_rows_where_no_product_has_enough(phones):
    """So that a small home says something; with enough of one product they are left out."""
    of_brand = estimate(part="aspect", aspect="battery")
    heat = figures.heat(CARD, estimates(of_brand, cell("camera", is_too_few=True)), phones)
    assert (heat["title"], heat["rows"][0]["product"]) == ("Brands by aspect", "B")
    heat = figures.heat(CARD, estimates(of_brand, cell("camera")), phones)
    assert (heat["title"], heat["aspects"]) == ("Products by aspect", ["Camera"])


def test_brands_stand_by_labels_where_these_say_enough():
    """Else by sampling, with a star, or among those of which there is too few."""
    labelled = {"method": "labels", "label_count": 200}
    found = figures.standing(
        estimates(
            estimate("Apple", value=0.4),
            estimate("Apple", value=-0.2, **labelled),
            estimate("Google", value=0.1, comment_count=30),
            estimate("Google", value=0.0, comment_count=30, is_too_few=True, **labelled),
            estimate("Nokia", comment_count=3, is_too_few=True),
        )
    )
    assert found["brands"].select("brand", "value").rows() == [("Apple", -0.2), ("Google *", 0.1)]
    assert (found["too_few"], found["label_count"]) == (["Nokia"], 200)


def test_a_page_says_what_its_intervals_hold(store, load, silver, phones):
    """With two comments it names the brands of which nothing can be said."""
    store.load(load, lambda: silver)
    page = render(store, phones)
    assert "how often the scorer errs is not in it" in page
    assert "Too few to say: Apple, Google." in page


def test_brands_have_bars_with_whiskers():
    """A bar is pale where its interval crosses zero."""
    rows = estimates(
        estimate("Apple", value=0.4),
        estimate("Google", value=-0.4),
        estimate("Nokia", value=0.1),
    )
    spec = charts.standing(rows).to_dict(validate=True)
    drawn = next(data for data in spec["datasets"].values() if "direction" in data[0])
    assert [row["direction"] for row in drawn] == ["praise", "complaint", "unsure"]


def test_quotes_are_one_a_product_and_no_questions(phones):
    """The loudest words first, of those that say one thing."""
    base = {"label": "positive", "votes": 1, "polarity": 0.5, "item_id": "a", "aspect": "overall"}
    base |= {"reason": "named", "mention_confidence": 0.6, "confidence": 0.6, "product_count": 1}
    camera = {"aspect": "camera", "item_id": "e", "polarity": 0.99}
    evidence = pl.DataFrame(
        [
            base | {"product_id": "p", "evidence": "it is a very good phone"},
            base
            | {
                "product_id": "p",
                "evidence": "it is the best phone ever",
                "polarity": 0.9,
                "item_id": "b",
            },
            base | {"product_id": "q", "evidence": "is this a good phone then?", "item_id": "c"},
            base | {"product_id": "r", "evidence": "too short", "item_id": "d"},
            base | camera | {"product_id": "s", "evidence": "a great battery beside this camera"},
            base | camera | {"product_id": "s", "evidence": "it is the best of the three"},
            base | camera | {"product_id": "s", "evidence": "camera good, zoom very bad though"},
            base | camera | {"product_id": "s", "evidence": "the Pixel 9 has a great camera"},
            base | camera | {"product_id": "s", "evidence": "the best camera one of all years"},
            base
            | camera
            | {"product_id": "s", "evidence": "such a great camera on it", "product_count": 2},
        ]
    )
    assert [q["item_id"] for q in figures.quotes(evidence, "positive", phones)] == ["b"]


def test_the_time_axis_suits_the_span():
    """Steps from days to months; ticks on whole hours, days and months, never twice the same."""
    from market_opinion.serving.charts import _step, _time_axis

    first = datetime(2024, 1, 1)
    expected = {
        2: ("1d", "day", 1),
        20: ("1d", "day", 7),
        200: ("1w", "month", 2),
        900: ("1mo", "month", 6),
    }
    for days, (step, interval, every) in expected.items():
        span = pl.Series((first, first + timedelta(days=days)))
        assert _step(span) == step
        axis = _time_axis(span, ticks=6).to_dict()
        assert axis["tickCount"] == {"interval": interval, "step": every}


def test_comments_in_languages_not_judged_are_counted(store, load, silver, phones):
    """A language without data is never dropped in silence."""
    store.load(load, lambda: silver)
    counts = {"ita": 3, "nld": 40, "eng": 900, "deu": 57}
    languages = pl.DataFrame(list(counts.items()), ["language", "comment_count"], orient="row")
    page = render(store, phones, languages=languages)
    assert "Opinions are looked for in English, German, French, Portuguese, Spanish" in page
    assert "4.3% of the usable comments of the last 30 days are in languages not judged" in page
    assert "Dutch 40, Italian 3." in page
