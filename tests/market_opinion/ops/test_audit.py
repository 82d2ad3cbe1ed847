"""`python -m market_opinion audit`: what was read, and one item's way from its line to the facts."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from flows.backfill import backfill
from market_opinion.__main__ import app
from market_opinion.core.contracts import BRONZE_ITEMS
from market_opinion.core.errors import InvalidRequest
from market_opinion.ops import audit
from market_opinion.ops.adapters import open_adapters
from market_opinion.storage.state import WindowEntry, WindowState
from tests.conftest import write_archive

pytestmark = pytest.mark.usefixtures("without_engine")


@pytest.fixture
def run(tmp_path, make_comment, make_submission):
    """Two hours of one community, certified."""
    comments = [
        make_comment("c1", "The Pixel 9 camera is great."),
        make_comment("c2", "no product here", at="2026-03-01T09:30:00"),
    ]
    archive = write_archive(tmp_path / "archive", comments, [make_submission()])
    backfill.fn(source="archive", archive=str(archive), communities=["phones"])


def test_an_item_is_followed_from_its_line_to_the_facts(run):
    """A05, B57, M1, and the promise of the design: a fact row leads back to the received line."""
    steps = list(audit.trace(open_adapters(), "reddit", "c1"))
    assert [step.where for step in steps] == [
        "landing", "bronze.items", "silver.items", "silver.mentions", "silver.opinions", "mart.fact_brand_mentions", "mart.fact_aspect_opinion",
    ]  # fmt: skip
    place, _, line = steps[0].text.partition(": ")
    row = open_adapters().lake().read(BRONZE_ITEMS, {"item_id": "c1"}).row(0, named=True)
    assert place == f"{row['landing_uri']} line {row['landing_line']}"
    assert hashlib.sha256(line.encode()).hexdigest() == row["payload_sha256"]
    assert json.loads(line)["body"] == "The Pixel 9 camera is great."
    assert 'evidence "' in steps[4].text


def test_an_item_that_never_came_is_an_error(run):
    with pytest.raises(InvalidRequest, match="no item nobody of reddit was received"):
        list(audit.trace(open_adapters(), "reddit", "nobody"))


def test_the_command_shows_holes_and_ends_with_1(run, capsys):
    """B60, S7: coverage, gaps, last run."""
    app(["audit"], exit_on_error=False, result_action="return_value")
    said = capsys.readouterr().out
    assert "reddit/phones" in said
    assert "2 of 2" in said
    assert "backfill" in said
    late = WindowEntry(
        "reddit", "phones", datetime(2026, 3, 1, 12, tzinfo=UTC), WindowState.GAP, "error", {}
    )
    open_adapters().state().put_windows([late])
    with pytest.raises(SystemExit) as ended:
        app(["audit", "reddit", "phones"], exit_on_error=False, result_action="return_value")
    assert ended.value.code == 1
    said = capsys.readouterr().out
    with pytest.raises(SystemExit):
        app(["audit", "reddit", "--json"], exit_on_error=False, result_action="return_value")
    (phones,) = json.loads(capsys.readouterr().out)
    assert phones["coverage"]["uncertified"][0]["start"] == "2026-03-01T12:00:00Z"
    assert "2026-03-01T11:00/2026-03-01T12:00: nothing is known" in said
    assert "2026-03-01T12:00/2026-03-01T13:00: not certified" in said


def test_nothing_known_is_said():
    with pytest.raises(InvalidRequest, match="nothing is known of reddit/nowhere"):
        audit.communities(open_adapters(), "reddit", "nowhere")


def test_models_that_the_catalogue_lacks_are_listed(
    tmp_path, make_comment, make_submission, capsys
):
    """With their brand and in how many items they stand, so that a catalogue stays young."""
    comments = [
        make_comment("c1", "My Galaxy S99 is slow."),
        make_comment("c2", "The galaxy s99 again, and a Pixel 9", at="2026-03-02T09:30:00"),
        make_comment("c3", "An iPhone XR still works"),
    ]
    archive = write_archive(tmp_path / "archive", comments, [make_submission()])
    backfill.fn(source="archive", archive=str(archive), communities=["phones"])
    app(["audit", "models", "--show", "1"], exit_on_error=False, result_action="return_value")
    shown = capsys.readouterr().out
    assert "galaxy s99" in shown
    assert "Samsung" in shown
    assert "iphone xr" not in shown
    assert "2 names that the catalogue lacks" in shown


@pytest.mark.parametrize(
    ("given", "missing"), [("--start", "--end is missing"), ("--end", "--start is missing")]
)
def test_half_a_range_is_refused(given, missing):
    """Not taken for all hours."""
    with pytest.raises(InvalidRequest, match=missing):
        app(
            ["audit", given, "2099-01-01T00:00"],
            exit_on_error=False,
            result_action="return_value",
        )
