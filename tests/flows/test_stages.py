"""Stages are made once: again only if what they are made from, or what they made, has changed."""

import shutil
from collections import Counter

import polars as pl
import pytest

from flows.backfill import backfill
from flows.mart import mart
from flows.rebuild import rebuild
from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import HomeDamaged, InvalidRequest
from market_opinion.ops.adapters import open_adapters
from market_opinion.scorers.judging import Judge
from market_opinion.stages import bronze, silver, threads
from market_opinion.storage.state import WindowState
from tests.conftest import REPOSITORY, assert_same, write_archive

PARSED, CLEANED, MENTIONED, JUDGED = "parse", "clean_items", "read", "judge"


@pytest.fixture
def calls(monkeypatch, without_engine):
    """How often the functions behind the stages were called since the last look."""
    counts = Counter()

    def spy(owner, name):
        original = getattr(owner, name)

        def counted(*args, **options):
            counts[name] += 1
            return original(*args, **options)

        monkeypatch.setattr(owner, name, counted)

    for owner, name in (
        (bronze, PARSED),
        (threads, "find_threads"),
        (silver, CLEANED),
        (Judge, MENTIONED),
        (Judge, JUDGED),
    ):
        spy(owner, name)

    def since() -> set[str]:
        found = {name for name, count in counts.items() if count}
        counts.clear()
        return found

    return since


@pytest.fixture
def archive(tmp_path, make_comment, make_submission):
    """A thread whose title names a phone, and comments below it."""
    return write_archive(
        tmp_path / "archive",
        [
            make_comment("c1", "The Pixel 9 screen is bright and great"),
            make_comment("c2", "My iPhone 15 battery is awful now"),
        ],
        [make_submission()],
    )


def run(archive):
    return backfill.fn(source="archive", archive=str(archive), communities=["phones"])


def test_nothing_is_made_twice(archive, calls, tables):
    """A10: the second run of a certified backfill only looks."""
    first = run(archive)
    assert calls() == {PARSED, "find_threads", CLEANED, MENTIONED, JUDGED}
    before = tables()
    second = run(archive)
    assert calls() == set()
    assert_same(tables(), before)
    assert second.counts["opinion_count"] == first.counts["opinion_count"] > 0


def test_a_changed_alias_changes_mentions_and_what_follows(archive, calls, tmp_path, monkeypatch):
    """D06."""
    domains = tmp_path / "domains"
    shutil.copytree(REPOSITORY / "domains" / "smartphones", domains / "smartphones")
    monkeypatch.setenv("DOMAINS_PATH", str(domains))
    run(archive)
    calls()
    products = domains / "smartphones" / "products.csv"
    lines = products.read_text().splitlines()
    products.write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    run(archive)
    assert calls() == {MENTIONED, JUDGED}


@pytest.mark.parametrize(
    ("table", "made"),
    [
        (BRONZE_ITEMS, {PARSED}),
        (SILVER_ITEMS, {CLEANED}),
        (SILVER_MENTIONS, {MENTIONED}),
        (SILVER_OPINIONS, {JUDGED}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_rows_that_are_gone_are_made_again(archive, calls, tables, table, made):
    """A34: whatever the state store says."""
    run(archive)
    calls()
    before = tables()
    open_adapters().lake().delete(table, {"platform": "reddit"}, run={})
    run(archive)
    assert calls() == made
    assert_same(tables(), before)


def test_a_title_that_comes_later_cleans_its_comments_again(archive, calls, make_submission):
    """And a line that comes later makes its hour anew."""
    (archive / "RS_test.jsonl").rename(archive / "kept")
    run(archive)
    calls()
    (archive / "kept").rename(archive / "RS_test.jsonl")
    run(archive)
    assert {PARSED, CLEANED, MENTIONED, JUDGED} <= calls()
    items = open_adapters().lake().read(SILVER_ITEMS, {"kind": "comment"})
    assert items["context_title"].unique().to_list() == ["Pixel 9 after a month"]


def test_everything_is_made_anew_of_what_was_landed(archive, calls, tables, home):
    """A14: lake, mart and state may all be lost; the archive too."""
    run(archive)
    before = tables()
    shutil.rmtree(archive)
    shutil.rmtree(home / "lake")
    (home / "market_opinion.duckdb").unlink()
    calls()
    rebuild.fn()
    assert calls() >= {PARSED, CLEANED, MENTIONED, JUDGED}
    after = tables()
    # The load's time is that of the run.
    assert_same(
        {name: frame.drop("as_of", strict=False) for name, frame in after.items()},
        {name: frame.drop("as_of", strict=False) for name, frame in before.items()},
    )
    rebuild.fn()
    assert calls() >= {PARSED, CLEANED, MENTIONED, JUDGED}
    assert tables()["silver.items"].equals(pl.DataFrame(before["silver.items"]))


def test_one_stage_is_made_alone(archive, calls, tables):
    """A34: and the next run makes what follows from it, and nothing else."""
    run(archive)
    before = tables()
    for only, made in (
        ("bronze", {PARSED, "find_threads"}),
        ("silver", {CLEANED}),
        ("mentions", {MENTIONED}),
        ("opinions", {JUDGED}),
    ):
        calls()
        rebuild.fn(only=only)
        assert calls() == made
    run(archive)
    assert_same(tables(), before)


def test_a_rebuild_of_what_was_never_landed_is_refused(without_engine):
    with pytest.raises(InvalidRequest, match="nothing of steam was ever landed"):
        rebuild.fn(platform="steam")


def test_an_hour_whose_manifest_is_damaged_is_certified_no_longer(
    archive, home, tables, make_comment, without_engine
):
    """A10, B27: its lines cannot be told, so the rebuilt lake lacks them; reading it again heals."""
    times = (f"2026-03-01T{hour}:30:00" for hour in ("09", 10, 11))
    write_archive(archive, [make_comment(f"c{n}", "Fine", at=at) for n, at in enumerate(times)])
    run(archive)
    before = tables()["silver.items"]
    state = open_adapters().state()
    hours = {entry.window_start: entry.state for entry in state.windows("reddit", None)}
    hour = next(iter((home / "landing/reddit/phones").glob("*/100000")))
    (hour / "manifest.json").write_bytes(b'{"platform": "red')
    rebuild.fn()
    (entry,) = (entry for entry in state.windows("reddit", None) if entry.window_start.hour == 10)
    assert (entry.state, hours[entry.window_start]) == (
        WindowState.INCOMPLETE,
        WindowState.CERTIFIED,
    )
    assert (
        entry.detail
        == f"the manifest of landed {hour.relative_to(home / 'landing')} cannot be read"
    )
    run(archive)
    assert {entry.state for entry in state.windows("reddit", None)} == set(hours.values())
    assert_same({"items": tables()["silver.items"]}, {"items": before})


def test_a_lake_that_was_copied_is_not_taken_for_the_one_it_was_copied_from(
    archive, tables, home, tmp_path, monkeypatch, without_engine
):
    """S13: it names files of the other; what the message says heals it."""
    run(archive)
    before = tables()
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    monkeypatch.setenv("MARKET_OPINION_HOME", str(copy))
    with pytest.raises(HomeDamaged, match=r"copied or moved: .*/home/lake/.*flows\.rebuild"):
        run(archive)
    shutil.move(copy / "lake", tmp_path / "away")
    rebuild.fn()
    monkeypatch.setenv("MARKET_OPINION_HOME", str(home))
    assert_same(tables(), before)


def newest(folder, pattern):
    """The file that was written last."""
    return max(folder.rglob(pattern), key=lambda path: path.stat().st_mtime_ns)


def spoil(path):
    path.write_bytes(b"what a failing disk leaves behind " * 100)


@pytest.mark.parametrize(
    ("break_it", "heal"),
    [
        (
            lambda home: spoil(newest(home / "lake/silver/items/data", "*.parquet")),
            lambda home: rebuild.fn(damaged=["silver.items"]),
        ),
        (
            lambda home: newest(home / "lake/silver/mentions/data", "*.parquet").unlink(),
            lambda home: rebuild.fn(damaged=["silver.mentions"]),
        ),
        (
            lambda home: spoil(newest(home / "lake/bronze/items/metadata", "*.metadata.json")),
            lambda home: rebuild.fn(damaged=["bronze.items"]),
        ),
        (
            lambda home: newest(home / "lake/bronze/items/metadata", "snap-*.avro").unlink(),
            lambda home: rebuild.fn(damaged=["bronze.items"]),
        ),
        (
            lambda home: spoil(home / "lake/catalog.db"),
            lambda home: (shutil.move(home / "lake", home / "spoilt"), rebuild.fn()),
        ),
        (
            lambda home: spoil(home / "market_opinion.duckdb"),
            lambda home: ((home / "market_opinion.duckdb").unlink(), mart.fn()),
        ),
        (
            lambda home: spoil(home / "state.sqlite"),
            lambda home: ((home / "state.sqlite").unlink(), rebuild.fn()),
        ),
    ],
    ids=["rows", "no rows", "metadata", "no manifests", "catalogue", "mart", "state"],
)
def test_damage_is_named_and_healed(archive, without_engine, tables, home, break_it, heal):
    """S13: in one error of ours that says what is safe; what it says to do gives the same tables."""
    run(archive)
    before = tables()
    break_it(home)
    with pytest.raises(HomeDamaged, match=r"not touched: .*python -m flows\.(rebuild|mart)"):
        run(archive)
    heal(home)
    after = tables()
    assert_same(
        {name: frame.drop("as_of", strict=False) for name, frame in after.items()},
        {name: frame.drop("as_of", strict=False) for name, frame in before.items()},
    )
