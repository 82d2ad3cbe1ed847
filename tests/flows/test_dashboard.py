"""E25, E26: the dashboard over the embedded mart and over PostgreSQL, looked at in a real browser."""

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from flows.backfill import backfill
from flows.publish import publish
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.mart.postgres import PostgresMart
from market_opinion.sources.quota import Priority
from tests.browser import browser, dashboard, needs_browser
from tests.conftest import REPOSITORY
from tests.postgres import Postgres, needs_postgres

pytestmark = [needs_browser, pytest.mark.usefixtures("without_engine")]
SHARED = REPOSITORY.parent / "shared" / "data" / "reddit"


def mentions_in(home: Path) -> dict[str, int]:
    """Return the number of mentions of each brand in the mart of a home."""
    with duckdb.connect(home / "market_opinion.duckdb", read_only=True) as mart:
        counted = mart.sql("SELECT brand, SUM(mention_count) FROM mart.daily_brand GROUP BY brand")
        return {brand: int(count) for brand, count in counted.fetchall()}


def says(page: Page, *words: str) -> None:
    """The page comes to say all of these; Streamlit draws one part after the other, so each is waited for."""
    for word in words:
        expect(page.get_by_test_id("stMain")).to_contain_text(word)


def test_every_page_shows_the_sample(home):
    """C15, S11: filters narrow it, a number leads to its words, nothing complains and nothing is asked of other hosts."""
    backfill.fn()
    adapters = open_adapters()
    with adapters.meter.reading("reddit", "android"):
        allowance = adapters.pace(Priority.CLOSE)("an app", 90)
        allowance.wait()
        allowance.note_left(88)
    mentions = mentions_in(home)
    total = str(sum(mentions.values()))
    with dashboard(home) as address, browser() as (page, errors):
        page.on(
            "request",
            lambda request: (
                errors.append(request.url)
                if not request.url.startswith((address, "data:", "blob:", "ws:"))
                else None
            ),
        )
        page.goto(address)
        page.get_by_text("The words behind a number").wait_for()
        says(
            page,
            total,
            "100%",
            "no real person said them",
            "What changed",
            "No week was compared",
            "votes",
        )
        # Share of voice, the trends of four brands, and cells.
        expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(6)

        page.get_by_test_id("stSidebar").get_by_text("Brands", exact=True).nth(1).wait_for()
        page.get_by_test_id("stMultiSelect").filter(has_text="Brands").locator("input").fill(
            "Google"
        )
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.get_by_test_id("stMetricValue").get_by_text(
            str(mentions["Google"]), exact=True
        ).first.wait_for()
        expect(page.get_by_test_id("stMain")).not_to_contain_text(total)
        expect(page).to_have_url(re.compile("brand=Google"))
        page.goto(f"{address}/?brand=Apple&aspect=Battery+life")
        says(page, str(mentions["Apple"]), "are of all aspects")
        expect(page.get_by_test_id("stMain")).not_to_contain_text(total)

        page.get_by_role("link", name="Side by side").click()
        page.get_by_text("Net sentiment by aspect").wait_for()
        page.get_by_role("link", name="Products").click()
        says(page, "Their words", "net sentiment", "Download CSV")
        page.get_by_role("link", name="Operations").click()
        page.get_by_text("Cost of models").wait_for()
        says(
            page,
            "No model was used.",
            "2 Mar 2026",
            "09:00 UTC",
            "1 requests",
            "88 left, 0 refused",
        )
        assert errors == []


def test_a_click_while_the_first_page_draws_is_answered(home):
    """C15: two pages at once after a cold start, and clicks before anything is drawn."""
    backfill.fn()
    with dashboard(home) as address, browser() as (page, errors):
        second = page.context.browser.new_page()
        page.goto(address, wait_until="commit")
        second.goto(f"{address}/compare", wait_until="commit")
        for name in ("Side by side", "Products", "Brands", "Side by side"):
            page.get_by_role("link", name=name).click()
        for each in (page, second):
            says(each, "Net sentiment by aspect")
            expect(each.get_by_test_id("stException")).to_have_count(0)
        assert errors == []
    assert "Traceback" not in (home.parent / "dashboard.log").read_text()


def test_an_empty_mart_says_how_to_fill_it(home):
    home.mkdir(exist_ok=True)
    with dashboard(home) as address, browser() as (page, errors):
        page.goto(address)
        says(page, "Nothing to show yet", "make demo")
        assert errors == []


@needs_postgres
def test_what_was_published_is_what_is_shown(home, monkeypatch, tmp_path):
    """The same views, from PostgreSQL alone."""
    with Postgres() as server:
        monkeypatch.setenv("POSTGRES_URI", server.uri)
        monkeypatch.setenv("PUBLISH_MIN_AUTHORS", "1")  # else days of few people are left out
        backfill.fn()
        publish.fn()
        published = PostgresMart(SecretStr(server.uri)).query("SELECT * FROM mart.daily_brand")
        total = str(published["mention_count"].sum())
        # Days on which nobody who has a name spoke of a brand are left out.
        assert 0 <= sum(mentions_in(home).values()) - int(total) < 5
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        environment = {"POSTGRES_URI": server.uri}
        with (
            dashboard(elsewhere, "--reads", "postgres", environment=environment) as address,
            browser() as (page, errors),
        ):
            page.goto(address)
            says(page, total, "The words behind a number")
            page.get_by_role("link", name="Operations").click()
            page.get_by_text("are in the lake").wait_for()
            assert errors == []


@pytest.mark.skipif(not SHARED.exists(), reason="no shared archive here")
def test_a_real_archive_is_shown(home, monkeypatch):
    """A week of r/gadgets."""
    span = {"start": datetime(2024, 12, 6, tzinfo=UTC), "end": datetime(2024, 12, 13, tzinfo=UTC)}
    backfill.fn(source="archive", archive=str(SHARED), communities=["gadgets"], **span)
    with dashboard(home) as address, browser() as (page, errors):
        page.goto(address)
        page.get_by_text("The words behind a number").wait_for()
        page.get_by_role("link", name="Operations").click()
        page.get_by_text("reddit/gadgets").first.wait_for()
        assert errors == []
