"""Labels in the lake: drawn, written to a file, read back by somebody, and made figures of."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from market_opinion.__main__ import app
from market_opinion.core.contracts import (
    DRAW,
    GOLD_ESTIMATES,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import Window
from market_opinion.ops import labelling
from market_opinion.ops.adapters import open_adapters
from tests.market_opinion.stages.test_bronze import T10

PIXEL = "google-pixel-9"
NOW = datetime(2026, 3, 5, tzinfo=UTC)
COUNT = 60
RUN = {"run-id": "r"}
HOUR = Window.hour(T10)


def rows(table, numbers, **fields):
    key = {
        "platform": "reddit",
        "community": "gadgets",
        "kind": "comment",
        "created_at": T10,
        "window_start": T10.replace(minute=0),
    }
    known = dict.fromkeys(table.schema) | key | fields
    return pl.DataFrame(
        [known | {"item_id": f"c{n}", "thread_id": f"s{n % 20}"} for n in numbers],
        schema=table.schema,
    )


@pytest.fixture
def stores():
    """A lake with sixty comments, half of them with an opinion on one phone."""
    lake, place = open_adapters().lake(), {"platform": "reddit"}
    items = rows(
        SILVER_ITEMS,
        range(COUNT),
        text="The Pixel 9 battery dies by lunch",
        context_title="A title",
        parent_id="c0",
        language="und",
        permalink="u",
        is_usable=True,
    )
    domain = {"domain": "smartphones", "product_id": PIXEL, "domain_version": "v"}
    mentions = rows(
        SILVER_MENTIONS,
        range(0, COUNT, 2),
        **domain,
        aliases="a",
        mention_count=1,
        reason="named",
        confidence=0.9,
    )
    opinions = rows(
        SILVER_OPINIONS,
        range(0, COUNT, 2),
        **domain,
        aspect="battery",
        score_set="live",
        polarity=0.5,
        label="positive",
        evidence="dies by lunch",
        evidence_start=20,
        evidence_end=33,
        scorer="lexicon",
        model="m",
    )
    for table, frame in (
        (SILVER_ITEMS, items),
        (SILVER_MENTIONS, mentions),
        (SILVER_OPINIONS, opinions),
    ):
        lake.overwrite(table, frame, place, HOUR, run=RUN)
    return open_adapters()


def labels(stores):
    return stores.lake().read(SILVER_LABELS)


def draw(stores, phones, count=30, now=NOW):
    return labelling.draw_labels(stores, phones, count, seed=1, now=now)


def label_all(path, label="negative"):
    """Label every item of an exported file, as its reader does."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["mentions"] = [{"product_id": PIXEL}]
        line["opinions"] = [
            {
                "product_id": PIXEL,
                "aspect": "battery",
                "label": label,
                "evidence": "dies by lunch",
            }
        ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def read_back(stores, phones, path, labeller="ann", now=NOW):
    return labelling.import_labels(stores, phones, path, labeller=labeller, now=now)


def test_a_draw_is_kept_with_its_probabilities(stores, phones):
    """Drawn items lie in the table before anybody reads them."""
    counts = draw(stores, phones)
    kept = labels(stores)
    assert set(kept["labeller"]) == {DRAW}
    assert kept.height == counts["drawn_count"].sum() >= 30
    assert kept["inclusion_probability"].is_between(0, 1, closed="right").all()


def test_a_draw_goes_on_later(stores, phones):
    """More items come to those that were drawn, which stay."""
    draw(stores, phones)
    first = set(labels(stores)["item_id"])
    counts = draw(stores, phones, 10, now=NOW + timedelta(days=1))
    assert first < set(labels(stores)["item_id"])
    assert counts["new_count"].sum() == labels(stores).height - len(first)


def test_drawn_items_go_to_a_file_and_come_back_read(stores, phones, tmp_path):
    """The file has text, title and what is answered; each line is a label of its reader."""
    draw(stores, phones)
    path = tmp_path / "drawn.jsonl"
    count = labelling.export_labels(stores, phones, path, unread=True)
    first = json.loads(path.read_text().splitlines()[0])
    assert (first["thread"], first["parent"]) == ("A title", first["text"])
    assert "mentions" not in first
    label_all(path)
    assert read_back(stores, phones, path) == count
    assert labels(stores).filter(labeller="ann").height == count
    assert labelling.export_labels(stores, phones, path, unread=True) == 0


def test_lines_that_nobody_has_read_are_no_labels(stores, phones, tmp_path):
    """A file that comes back as it went adds nothing, nor does the same reading twice."""
    draw(stores, phones)
    path = tmp_path / "drawn.jsonl"
    count = labelling.export_labels(stores, phones, path, unread=True)
    assert read_back(stores, phones, path) == 0
    label_all(path)
    later = NOW + timedelta(days=1)
    again = [read_back(stores, phones, path, now=now) for now in (NOW, later)]
    assert again == [count, 0]


def test_a_second_labeller_and_a_second_thought_are_kept(stores, phones, tmp_path):
    """Each labeller has a row an item and time; the last reading is the one that is exported."""
    draw(stores, phones)
    path = tmp_path / "drawn.jsonl"
    count = labelling.export_labels(stores, phones, path, unread=True)
    for label, labeller, day in (("negative", "ann", 0), ("positive", "ann", 1), ("mixed", "b", 2)):
        label_all(path, label)
        read_back(stores, phones, path, labeller, NOW + timedelta(days=day))
    assert labels(stores).filter(pl.col("labeller") != DRAW).height == 3 * count
    out = tmp_path / "read.jsonl"
    assert labelling.export_labels(stores, phones, out, unread=False) == count
    said = {json.loads(line)["opinions"][0]["label"] for line in out.read_text().splitlines()}
    assert said == {"mixed"}


def test_an_item_that_was_not_drawn_is_refused(stores, phones, tmp_path):
    """Its probability is not known, so it cannot count."""
    path = tmp_path / "own.jsonl"
    line = {"item_id": "c1", "community": "gadgets", "text": "x", "mentions": [], "opinions": []}
    path.write_text(json.dumps(line))
    with pytest.raises(InvalidRequest, match="c1: 1 items were not drawn"):
        read_back(stores, phones, path)
    assert labels(stores).is_empty()


@pytest.fixture
def gold(tmp_path, stores):
    """A gold set of two items, of a stratum of 2,003; one of them is kept."""
    folder = tmp_path / "gold"
    folder.mkdir()
    known = {
        "community": "gadgets",
        "stratum": "own",
        "text": "The Pixel 9 battery dies by lunch",
        "mentions": [{"product_id": PIXEL}],
        "opinions": [],
    }
    lines = [known | {"item_id": item_id} for item_id in ("c4", "gone")]
    (folder / "smartphones_own.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    return folder


def test_a_gold_set_comes_in_with_the_sizes_of_its_strata(stores, phones, gold):
    """Two labelled items of 2,003 have that probability, also where one of them is not kept."""
    found = labelling.import_gold(stores, phones, gold, labeller="reader", now=NOW)
    assert found == (1, 1)
    kept = labels(stores).sort("labeller")
    assert kept.select("item_id", "labeller", "inclusion_probability").rows() == [
        ("c4", "draw", 2 / 2003),
        ("c4", "reader", 2 / 2003),
    ]


def test_labels_correct_the_figures(stores, phones, tmp_path):
    """The scorer praises what its readers blame; figures of both lie in gold.estimates."""
    draw(stores, phones, COUNT)
    path = tmp_path / "drawn.jsonl"
    labelling.export_labels(stores, phones, path, unread=True)
    label_all(path)
    read_back(stores, phones, path)
    labelling.make_estimates(stores, phones)
    rows = stores.lake().read(GOLD_ESTIMATES, {"domain": "smartphones"})
    brand = rows.filter(measure="net_sentiment", part="brand").sort("method")
    assert brand.select("brand", "method", "value").rows() == [
        ("Google", "labels", -1),
        ("Google", "sampling", 1),
    ]


def test_estimates_made_twice_are_the_same_rows(stores, phones):
    """Nothing is committed where nothing has changed."""
    labelling.make_estimates(stores, phones)
    before = stores.lake().snapshot_id(GOLD_ESTIMATES)
    labelling.make_estimates(stores, phones)
    assert stores.lake().snapshot_id(GOLD_ESTIMATES) == before


def test_commands_draw_export_and_estimate(stores, tmp_path, capsys):
    """The command line says what it did."""
    path = tmp_path / "drawn.jsonl"
    for words in (["labels", "draw", "20"], ["labels", "export", str(path), "--unread"]):
        app(words, result_action="return_value")
    label_all(path)
    app(["labels", "import", str(path), "--labeller", "ann"], result_action="return_value")
    app(["estimates"], result_action="return_value")
    out = capsys.readouterr().out
    assert "drawn in all" in out
    assert "items labelled" in out
    assert "net_sentiment" in out
    assert "corrected by" in out


@pytest.mark.parametrize("labeller", ["Ann Smith", "ann@example.com", "draw"])
def test_a_labeller_is_a_pseudonym(labeller, tmp_path):
    """A name, an address and the word for draws are refused."""
    with pytest.raises(InvalidRequest, match="pseudonym"):
        app(
            ["labels", "import", str(tmp_path), "--labeller", labeller],
            result_action="return_value",
        )


def test_nothing_to_draw_from_is_said(phones):
    """An empty home asks for a backfill."""
    with pytest.raises(InvalidRequest, match="back-fill first"):
        draw(open_adapters(), phones)
