"""Rotation of the pepper: every row follows, whatever cuts it off, and nobody is lost by it."""

import contextlib
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from pydantic import SecretStr

from flows.backfill import backfill
from flows.erase import erase
from flows.purge import purge
from flows.rotate import rotate
from market_opinion.__main__ import app
from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.core.settings import load_settings
from market_opinion.ops import peppers
from market_opinion.ops.adapters import open_adapters
from market_opinion.stages.authors import author_key, author_keys, pepper_id, so_far
from tests.conftest import assert_same, everywhere, write_archive

NAME = "mad_hatter77"
HOUR = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def run(tmp_path, make_comment, make_submission, without_engine, monkeypatch):
    """A run over two days, with items of a user on both."""
    folder = write_archive(
        tmp_path / "archive",
        [
            make_comment("c1", "The Pixel 9 camera is a timbuktu marvel", author=NAME),
            make_comment("c2", "I agree, the Pixel 9 camera is great"),
            make_comment("c3", "Its battery is great though", "2026-03-02T12:10:00", author=NAME),
            make_comment("c4", "Gone, with the Pixel 9 itself", author="[deleted]"),
        ],
        [make_submission("s1", "Zanzibar diary of a Pixel 9", author=NAME)],
    )

    def backfilled(**options):
        return backfill.fn(source="archive", archive=str(folder), communities=["phones"], **options)

    backfilled()
    return backfilled


def keys():
    rows = open_adapters().lake().read(SILVER_ITEMS)
    return dict(rows.select("item_id", "author_key").rows())


def pepper():
    return load_settings().pepper()


def test_every_row_follows_and_people_stay_apart_as_they_were(run, home, tables):
    """E17: by a key under the new pepper, with its id; no other figure changes."""
    before, former = tables(), pepper()
    rotate.fn()
    after, own = tables(), pepper()
    assert own != former
    assert set(after["silver.items"]["pepper_id"]) == {pepper_id(own), None}
    assert keys()["c1"] == keys()["c3"] == author_key("reddit", NAME, pepper=own)
    assert keys()["c4"] is None
    known = set(before["silver.items"]["author_key"].drop_nulls())
    assert not known & set(after["mart.fact_brand_mentions"]["author_key"])
    assert everywhere(home / "lake", *[key.encode() for key in known]) == []
    changed = {"author_key", "pepper_id", "load_id", "as_of"}
    assert_same(
        {name: frame.drop(changed, strict=False).sort(pl.all()) for name, frame in after.items()},
        {name: frame.drop(changed, strict=False).sort(pl.all()) for name, frame in before.items()},
    )


def test_a_home_that_begins_with_the_rotated_pepper_has_the_same_rows(
    run, home, tmp_path, monkeypatch, tables
):
    """So that an hour that is made anew later has the keys of those that followed."""
    rotate.fn()
    rotate.fn()
    followed, own = tables()["silver.items"], pepper()
    monkeypatch.setenv("MARKET_OPINION_HOME", str(tmp_path / "another"))
    monkeypatch.setenv("AUTHOR_PEPPER", own)
    run()
    assert followed.equals(tables()["silver.items"])


@pytest.mark.parametrize(
    "step",
    [
        "market_opinion.ops.peppers:extended",
        "market_opinion.ops.peppers:days_to_rekey",
        "tasks.rotate:peppers.add_pepper",
        "flows.stages:find_days_to_rekey",
        "market_opinion.ops.peppers:rekey",
        "flows.stages:rekey_authors",
        "flows.stages:find_marts_to_rekey",
        "flows.stages:load_mart",
        "market_opinion.storage.lake.tables:Lake.forget_history",
        "tasks.rotate:peppers.end_rotation",
    ],
)
def test_a_rotation_that_was_cut_off_ends_and_everyone_is_found(run, home, monkeypatch, step):
    """E17, M9: after any step, by whatever runs next; an erasure by name leaves no trace."""
    key = author_key("reddit", NAME, pepper=pepper())
    with monkeypatch.context() as broken:
        cut_off_after(broken, step)
        with pytest.raises(KeyboardInterrupt):
            rotate.fn()
    erase.fn(author=SecretStr(NAME))
    assert everywhere(home, NAME.encode(), b"timbuktu", b"zanzibar") == []
    everyone = author_keys("reddit", NAME, pepper=pepper())
    assert key in everyone
    assert everywhere(home, *[each.encode() for each in everyone]) == []
    assert set(keys()) == {"c1", "c2", "c3", "c4", "s1"}
    assert set(open_adapters().lake().read(SILVER_ITEMS)["pepper_id"]) <= {
        pepper_id(pepper()),
        None,
    }


def cut_off_after(monkeypatch, step):
    """Break a run after the first call of a step."""
    name = step.replace(":", ".").rpartition(".")[2]
    real = pkgutil.resolve_name(step)

    def broken(*args, **options):
        real(*args, **options)
        raise KeyboardInterrupt

    place = step.rpartition("." if "." in step.partition(":")[2] else ":")[0]
    monkeypatch.setattr(pkgutil.resolve_name(place), name, broken)


def test_nothing_is_written_while_a_rotation_is_open(run, home, monkeypatch):
    """Not by what cleans without looking for one; the message says what ends it."""
    peppers.add_pepper(open_adapters().state(), load_settings())
    with pytest.raises(SettingsInvalid, match="pepper rotate"):
        peppers.known_pepper(open_adapters().state(), load_settings())
    backfill.fn(source="sample", start=HOUR, end=HOUR + timedelta(hours=1))
    assert author_key("reddit", NAME, pepper=pepper()) == keys()["c1"]


def test_a_purged_row_follows_and_is_found(run, home, monkeypatch):
    """Its name is gone, so its key alone leads to it."""
    monkeypatch.setenv("RETENTION", "derived_only")
    purge.fn(platform="reddit", now=datetime(2026, 4, 1, tzinfo=UTC))
    assert everywhere(home / "landing", NAME.encode()) == []
    before = keys()["c1"]
    rotate.fn()
    assert keys()["c1"] == author_key("reddit", NAME, pepper=pepper()) != before
    run()
    assert keys()["c1"] == author_key("reddit", NAME, pepper=pepper())
    erase.fn(author_key=before)
    assert keys()["c1"] is None
    assert keys()["c2"] is not None


def test_a_pepper_that_is_kept_elsewhere_is_rotated_there(run, home, monkeypatch, capsys):
    """By AUTHOR_PEPPER: the command prints the next one, and the rotation waits for it."""
    monkeypatch.setenv("AUTHOR_PEPPER", pepper())
    with pytest.raises(InvalidRequest, match="pepper next"):
        rotate.fn()
    app(["pepper", "next"], exit_on_error=False, result_action="return_value")
    coming = capsys.readouterr().out.strip()
    assert "\n" not in coming
    monkeypatch.setenv("AUTHOR_PEPPER", coming)
    rotate.fn()
    assert keys()["c1"] == author_key("reddit", NAME, pepper=coming)
    run()
    assert keys()["c1"] == author_key("reddit", NAME, pepper=coming)


def test_of_many_rotations_at_once_one_adds_a_pepper(home):
    """No pepper that a row may have had is lost, and its owner alone can read the file."""
    state = open_adapters().state()
    first = peppers.known_pepper(state, load_settings())
    left = home / ".author_pepper.next-of-a-process-that-was-killed"
    left.write_text("half of a pep")

    def add(_):
        with contextlib.suppress(InvalidRequest):  # another one is at it
            peppers.add_pepper(open_adapters().state(), load_settings())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(16)))
    assert peppers.is_rotating(state, load_settings())
    assert list(so_far(pepper())) == [pepper(), first]
    assert (home / "author_pepper").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir() if "pepper" in path.name] == ["author_pepper"]
