"""Backfill: whatever the order, the cut and the interruptions, the same tables."""

import itertools
import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from flows.backfill import backfill
from flows.hourly import hourly
from market_opinion.core.contracts import BRONZE_ITEMS, TABLES
from market_opinion.core.errors import InvalidRequest, SourceUnreadable
from market_opinion.ops.adapters import open_adapters
from tests.conftest import REPOSITORY, assert_same, write_archive

SHARED = REPOSITORY.parent / "shared" / "data" / "reddit"
pytestmark = pytest.mark.usefixtures("without_engine")


@pytest.fixture
def archive(tmp_path, make_comment, make_submission):
    """Two communities over two days; threads begin on the first and are answered on both; dirt in between."""
    submissions = [
        make_submission(f"s{n}", title, at=f"2026-03-01T{6 + n:02d}:05:00", subreddit=community)
        for n, (title, community) in enumerate(
            [
                ("Pixel 9 after a month", "phones"),
                ("iPhone 15 or Galaxy S24?", "iphone"),
                ("Hello", "phones"),
            ]
        )
    ]
    texts = [
        "The battery is great",
        "Camera of the iphone 15 is awful, really",
        "s24u screen is gorgeous",
        "[deleted]",
        "lol",
        "The battery is great",
    ]
    comments = []
    for n in range(60):
        at = (datetime(2026, 3, 1, 9, 30) + timedelta(minutes=31 * n)).isoformat()
        thread = n % 3
        community = submissions[thread]["subreddit"]
        comments.append(
            make_comment(
                f"c{n}",
                texts[n % 6],
                at=at,
                subreddit=community,
                link_id=f"t3_s{thread}",
                parent_id=f"t3_s{thread}",
            )
        )
    comments.insert(20, b'{"id": "cut o')
    comments.append(
        make_comment("c3", "now it says something else entirely", at="2026-03-01T11:03:00")
    )
    return write_archive(tmp_path / "archive", comments, submissions)


def run(monkeypatch, home: Path, archive: Path, *ranges, communities=None):
    """One backfill a range in a home of their own; without ranges one of everything."""
    monkeypatch.setenv("MARKET_OPINION_HOME", str(home))
    monkeypatch.setenv("AUTHOR_PEPPER", "the same for every home")
    for start, end in ranges or ((None, None),):
        summary = backfill.fn(
            source="archive",
            archive=str(archive),
            communities=communities,
            start=start,
            end=end,
        )
    return summary


def between(*hours: int):
    """The two days in ranges that end where the next begins."""
    start = datetime(2026, 3, 1, 0)
    moments = [start + timedelta(hours=hour) for hour in hours]
    return list(itertools.pairwise(moments))


def test_hours_days_one_span_and_days_in_reverse_give_equal_tables(
    monkeypatch, tmp_path, archive, tables
):
    """X10, E06, and that the order of backfills never shows. Single hours are those in which threads begin, and those around midnight."""
    run(monkeypatch, tmp_path / "whole", archive, (datetime(2026, 3, 1), datetime(2026, 3, 3)))
    expected = tables()
    assert expected["silver.items"].height == 63
    assert expected["mart.fact_brand_mentions"].height > 20
    for name, ranges in {
        "hours": between(0, 7, 8, 24, 25, 48),
        "days": between(0, 24, 48),
        "reversed days": between(0, 24, 48)[::-1],
        "reversed hours": between(0, 7, 9, 24, 48)[::-1],
    }.items():
        run(monkeypatch, tmp_path / name, archive, *ranges)
        assert_same(expected, tables())


def test_small_slices_and_large_ones_give_equal_tables(monkeypatch, tmp_path, archive, tables):
    """A11, D04: memory is bounded by the slice."""
    run(monkeypatch, tmp_path / "large", archive)
    expected = tables()
    monkeypatch.setenv("SPAN_MAX_ITEMS", "7")
    run(monkeypatch, tmp_path / "small", archive)
    assert_same(expected, tables())


def test_a_second_run_changes_no_row_and_makes_no_snapshot(monkeypatch, home, archive, tables):
    """Nothing is fetched, nothing is committed, and the summary says so."""
    monkeypatch.setattr("tasks.request.flow_run", SimpleNamespace(id="run 1"))
    first = run(monkeypatch, home, archive)
    assert "nothing changed" not in " ".join(first.notes)
    before, snapshots = tables(), open_adapters().mart().query("SELECT * FROM mart.load_audit")
    monkeypatch.setattr(
        "market_opinion.sources.archive.Archive.fetch",
        lambda *_, **__: pytest.fail("fetched again"),
    )
    monkeypatch.setattr("tasks.request.flow_run", SimpleNamespace(id="run 2"))
    again = run(monkeypatch, home, archive)
    assert "nothing changed" in " ".join(again.notes)
    assert_same(before, tables())
    assert open_adapters().mart().query("SELECT * FROM mart.load_audit").equals(snapshots)


def test_every_landed_line_is_accounted_for(monkeypatch, home, archive, tables):
    """A10, M1: landing lines = rows + duplicates + rejections."""
    summary = run(monkeypatch, home, archive)
    landed = sum(
        len(file.read_bytes().splitlines())
        for file in (home / "landing").glob("reddit/*/*/*/*.jsonl")
    )
    counts = summary.counts
    assert landed == counts["landed_line_count"] == 65
    assert landed == counts["item_count"] + counts["duplicate_count"] + counts["rejection_count"]
    assert (
        tables()["bronze.items"]
        .filter(pl.col("created_at").dt.truncate("1h") != pl.col("window_start"))
        .height
        == 0
    )


def test_a_second_domain_leaves_the_first_as_it_was(monkeypatch, tmp_path, archive, tables):
    """A41: two domains in one lake and one mart."""
    domains = tmp_path / "domains"
    shutil.copytree(REPOSITORY / "domains" / "smartphones", domains / "smartphones")
    shutil.copytree(REPOSITORY / "domains" / "smartphones", domains / "pixels")
    catalogue = (domains / "pixels" / "products.csv").read_text().splitlines()
    (domains / "pixels" / "products.csv").write_text(
        "\n".join(line for line in catalogue if ",Google," in line or line.startswith("product_id"))
    )
    monkeypatch.setenv("DOMAINS_PATH", str(domains))
    run(monkeypatch, tmp_path / "home", archive)
    before = tables()
    backfill.fn(domain="pixels", source="archive", archive=str(archive))
    after = tables()
    own = {
        name: frame.filter(pl.col("domain") != "pixels")
        if "domain" in frame.columns and name != "ops.rejections"
        else frame
        for name, frame in after.items()
        if name != "mart.dim_submission"
    }
    assert_same(own, before)
    assert after["mart.fact_brand_mentions"].filter(domain="pixels").height > 0


def test_a_backfill_leaves_the_watermark_alone(monkeypatch, home, archive):
    """B30, B58."""
    run(monkeypatch, home, archive)
    assert open_adapters().state().load_last_run_timestamp("reddit", "phones") is None
    hourly.fn(source="archive", archive=str(archive), now=datetime(2026, 3, 1, 11, 5))
    before = open_adapters().state().load_last_run_timestamp("reddit", "phones")
    run(monkeypatch, home, archive)
    assert open_adapters().state().load_last_run_timestamp("reddit", "phones") == before


def test_canary_names_are_nowhere_past_bronze(
    monkeypatch, tmp_path, home, make_comment, make_submission, caplog, with_report
):
    """Not in silver, mart, report, state, the page of the run, or the log."""
    pages = []
    monkeypatch.setattr("tasks.report.put_page", lambda page, _: pages.append(page))
    comments = [
        make_comment(
            "c1",
            "I love my pixel 9, mail canary.one@example.com or call +1 555 010 4477",
            author="canary_author_1",
        ),
        make_comment(
            "c2",
            "u/canary_two says the iphone 15 is great, @canary_three agrees",
            author="CanaryAuthor2",
        ),
        make_comment(
            "c3",
            "signed, canary_author_3: pixel 9 camera is awful",
            author="canary_author_3",
            permalink="/user/canary_four/x/",
        ),
        b'{"id": "c4", "author": "canary_five", "body": "canary_six',
        make_comment("c5", {"text": "canary_seven"}, author="canary_eight"),
    ]
    submissions = [
        make_submission(
            title="Pixel 9 by u/canary_nine, 020 7946 0123",
            author="canary_ten",
            permalink="/r/phones/comments/s1/by_canary/",
        )
    ]
    run(monkeypatch, home, write_archive(tmp_path / "archive", comments, submissions))
    assert open_adapters().lake().read(BRONZE_ITEMS)["author"].str.contains("anary").any()
    everything = {
        "silver": json.dumps(
            [open_adapters().lake().read(t).to_dicts() for t in TABLES[1:]], default=str
        ),
        "mart": (home / "market_opinion.duckdb").read_bytes().decode("latin-1"),
        "state": (home / "state.sqlite").read_bytes().decode("latin-1"),
        "report": (home / "report.html").read_text(),
        "page": "".join(pages).replace(str(home), "HOME"),
        "log": caplog.text,
    }
    assert r"- bronze not\_json: 1" in everything["page"]
    assert "## What changed" not in everything["page"]  # no week was compared
    for place, text in everything.items():
        for canary in ("canary", "010 4477", "7946 0123", "0104477"):
            assert canary not in text.lower(), place


def test_a_range_is_clipped_with_a_message(monkeypatch, home, archive):
    """A13: to whole hours."""
    summary = run(
        monkeypatch, home, archive, (datetime(2026, 3, 1, 9, 30), datetime(2026, 3, 1, 12, 10))
    )
    assert summary.counts["window_count"] == 2 * 2
    assert any(
        "clipped to the whole, closed hours 2026-03-01T10:00/2026-03-01T12:00" in note
        for note in summary.notes
    )


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (
            {"start": datetime(2026, 3, 2), "end": datetime(2026, 3, 1)},
            InvalidRequest,
            "is not after start",
        ),
        ({"start": datetime(2026, 3, 2)}, InvalidRequest, "--end is missing"),
        ({"source": "archive"}, InvalidRequest, "needs the parameter archive"),
        ({"source": "archive", "archive": "nowhere"}, SourceUnreadable, "no archive at nowhere"),
        (
            {"communities": ["cats"]},
            InvalidRequest,
            r"holds nothing of cats; it holds .*pass communities",
        ),
    ],
)
def test_an_impossible_request_says_why(parameters, error, message):
    """Before anything is written."""
    with pytest.raises(error, match=message):
        backfill.fn(**parameters)


def test_a_broken_file_leaves_its_hours_incomplete_and_the_good_rows_there(
    monkeypatch, tmp_path, home, archive, tables
):
    """X6, and a rejection that names it; the mended file certifies."""
    (archive / "RC_hopeless.jsonl").write_text("nothing\nof use\n")
    summary = run(monkeypatch, home, archive)
    assert (summary.counts["certified_window_count"], summary.counts["item_count"]) == (0, 63)
    assert any("INCOMPLETE" in note for note in summary.notes)
    assert tables()["ops.rejections"].filter(stage="fetch").select(
        "landing_uri", "reason"
    ).rows() == [((archive / "RC_hopeless.jsonl").as_uri(), "unreadable_file")]
    (archive / "RC_hopeless.jsonl").unlink()
    mended = run(monkeypatch, home, archive)
    assert mended.counts["certified_window_count"] == mended.counts["window_count"]
    assert mended.counts["duplicate_count"] > 0


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no Reddit archive at {SHARED}")
def test_a_real_archive_is_accounted_for_to_the_item(monkeypatch, home, tables):
    """A month of r/gadgets."""
    november = datetime(2024, 11, 1), datetime(2024, 12, 1)
    summary = run(monkeypatch, home, SHARED, november, communities=["gadgets"])
    counts = summary.counts
    assert (
        counts["landed_line_count"]
        == counts["item_count"] + counts["duplicate_count"] + counts["rejection_count"]
    )
    assert counts["window_count"] == counts["certified_window_count"] == 30 * 24
    assert (
        tables()["bronze.items"]
        .filter(pl.col("created_at").dt.truncate("1h") != pl.col("window_start"))
        .height
        == 0
    )
