"""M7: the page of labels in a real browser, by keyboard alone."""

from datetime import UTC, datetime

import polars as pl
import pytest
from playwright.sync_api import expect

from market_opinion.core.contracts import DRAW, SILVER_ITEMS, SILVER_LABELS
from market_opinion.core.window import Window
from market_opinion.domain.labels import LabelledItem, LabelledMention, LabelledOpinion
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.dashboard.label_page import aspect_keys
from market_opinion.truth.label_files import mentions_of, opinions_of
from market_opinion.truth.label_table import add_readings
from tests.browser import browser, dashboard, needs_browser
from tests.market_opinion.stages.test_bronze import T10

PIXEL, COUNT, OTHERS = "google-pixel-9", 50, 10
MARKUP = "<img src=x onerror='alert(1)'> "
TEXT = f"{MARKUP}The Pixel 9 camera is fine. Its battery dies by lunch."
NOW = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.fixture
def lake():
    """Fifty drawn comments, ten of which Bob has read: he says that the battery is praised."""
    lake = open_adapters().lake()
    key = {
        "platform": "reddit",
        "community": "gadgets",
        "kind": "comment",
        "created_at": T10,
        "window_start": T10.replace(minute=0),
    }
    known = {
        SILVER_ITEMS: {
            "text": TEXT,
            "context_title": "<b>A title</b>",
            "language": "und",
            "permalink": "u",
            "is_usable": True,
        },
        SILVER_LABELS: {
            "domain": "smartphones",
            "labeller": DRAW,
            "drawn_at": NOW,
            "stratum": "none",
            "inclusion_probability": 0.5,
        },
    }
    for table, fields in known.items():
        rows = [
            {**dict.fromkeys(table.schema), **key, **fields, "item_id": f"c{n}", "thread_id": "s1"}
            for n in range(COUNT)
        ]
        frame = pl.DataFrame(
            [{name: row[name] for name in table.schema} for row in rows], table.schema
        )
        where = {"platform": "reddit"} if table is SILVER_ITEMS else {"domain": "smartphones"}
        window = Window.hour(T10) if table is SILVER_ITEMS else None
        lake.overwrite(table, frame, where, window, run={"run-id": "r"})
    return lake


@pytest.fixture
def bob(lake, phones):
    said = (LabelledOpinion(PIXEL, "battery", "positive", ""),)
    read = [
        LabelledItem(f"c{n}", TEXT, (LabelledMention(PIXEL),), said, community="gadgets")
        for n in range(OTHERS)
    ]
    add_readings(lake, phones, read, lake.read(SILVER_LABELS), labeller="bob", now=NOW)


@needs_browser
@pytest.mark.usefixtures("bob")
@pytest.mark.integration
def test_fifty_items_are_read_by_keyboard(lake, home, tmp_path):
    """All are in silver.labels as they were marked, after a break, and the agreement is shown."""
    with dashboard(home) as address, browser() as (page, errors):

        def keys(*pressed):
            for key in pressed:
                page.keyboard.press(key)

        def has_read(count):
            expect(page.locator(".progress")).to_have_text(f"{count} of {COUNT} read")

        def begin(count):
            page.goto(address)
            page.get_by_role("link", name="Labels").click()
            page.get_by_label("A pseudonym").fill("ann")
            keys("Enter")
            has_read(count)

        begin(0)
        expect(page.locator(".text")).to_have_text(TEXT)
        expect(page.locator("h2")).to_have_text("<b>A title</b>")
        keys("Enter")
        expect(page.locator(".message")).to_contain_text("0 says")
        for count in range(COUNT):
            if count == COUNT // 2:
                begin(count)
            if count % 2:
                keys("0")
            else:
                keys("/", *"pixel 9", "Enter", "b", "ArrowRight", "-", "Enter")
            if count < COUNT - 1:
                has_read(count + 1)
        page.get_by_text(f"You have read all {COUNT} items").wait_for()
        main = page.get_by_test_id("stMain")
        expect(main).to_contain_text(f"With bob: {OTHERS} items read by both")
        expect(main).to_contain_text("0% of them alike")
        assert errors == []
    ours = lake.read(SILVER_LABELS, {"domain": "smartphones", "labeller": "ann"})
    assert sorted(ours["item_id"]) == sorted(f"c{n}" for n in range(COUNT))
    said = [opinions_of(row) for row in ours.iter_rows(named=True)]
    blame = LabelledOpinion(PIXEL, "battery", "negative", f"{MARKUP}The Pixel 9 camera is fine.")
    assert sorted(map(len, said)) == [0] * 25 + [1] * 25
    assert {each for opinions in said for each in opinions} == {blame}
    assert {each for row in ours.iter_rows(named=True) for each in mentions_of(row)} == {
        LabelledMention(PIXEL, "text")
    }


@needs_browser
def test_back_skip_and_a_second_thought(lake, home):
    """What was saved is shown again and can be changed; what is left for later comes last."""
    with dashboard(home) as address, browser() as (page, _):
        page.goto(f"{address}/labels?labeller=ann")
        progress = page.locator(".progress")
        expect(progress).to_have_text(f"0 of {COUNT} read")
        page.keyboard.press(".")
        expect(page.locator(".desk.waiting")).to_have_count(0)
        for key in ("1", "c", "+", "Enter"):
            page.keyboard.press(key)
        expect(progress).to_have_text(f"1 of {COUNT} read")
        page.keyboard.press("Backspace")
        expect(page.locator(".opinions")).to_have_text("+ Google Pixel 9: Charging")
        for key in ("c", "-", "Enter"):
            page.keyboard.press(key)
        expect(page.locator(".opinions")).to_have_text("")
        ours = lake.read(SILVER_LABELS, {"domain": "smartphones", "labeller": "ann"})
        signs = [
            opinions_of(row)[0].label for row in ours.sort("labelled_at").iter_rows(named=True)
        ]
        assert signs == ["positive", "negative"]


def test_every_aspect_has_a_key_of_its_own(phones):
    """Seventeen aspects, seventeen letters; the first of a title where it is free."""
    keys = aspect_keys(phones)
    assert len(set(keys.values())) == len(phones.aspects)
    assert (keys["battery"], keys["display"]) == ("b", "d")
