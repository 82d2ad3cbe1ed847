"""M11: what a record holds, and what its settings cannot reach."""

from datetime import UTC, datetime, timedelta

import polars as pl

from market_opinion.core.settings import load_settings
from market_opinion.core.settings_apart import deciding_values, settings_apart
from market_opinion.core.window import Window
from market_opinion.ops.fingerprints import Fingerprint, compare, of_frames
from market_opinion.ops.recording import _copy_files, _spans

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def hour(number):
    return T0 + timedelta(hours=number)


def test_hours_that_wait_are_in_no_slice():
    """An hour that was landed and is not carried on yet parts the hours around it, for its own."""
    entered = {hour(0): {"a"}, hour(1): {"a", "b"}, hour(5): {"a", "b"}, hour(6): {"a"}}
    (whole,) = _spans("reddit", entered, [])
    assert (whole.window, whole.communities) == (Window(hour(0), hour(7)), ("a", "b"))
    parts = _spans("reddit", entered, [(hour(3), "b"), (hour(6), "b")])
    assert [(part.window, part.communities) for part in parts] == [
        (Window(hour(0), hour(2)), ("a", "b")),
        (Window(hour(5), hour(6)), ("a", "b")),
        (Window(hour(6), hour(7)), ("a",)),
    ]
    assert len(_spans("reddit", entered, [(hour(3), "c")])) == 1


def test_authors_count_by_who_is_one_person():
    """Under any pepper; two people are not one."""
    rows = {"item_id": ["1", "2", "3"], "pepper_id": ["x"] * 3}
    one, other, merged = (
        of_frames([pl.DataFrame({**rows, "author_key": keys})], ["item_id"])
        for keys in (["k", "l", "k"], ["y", "z", "y"], ["y", "y", "y"])
    )
    assert one == other != merged


def test_the_order_and_the_cut_of_rows_have_no_part_in_a_fingerprint():
    frame = pl.DataFrame({"item_id": ["1", "2", "3"], "polarity": [0.1, None, -0.3]})
    whole = of_frames([frame.reverse()], ["item_id"])
    assert whole == of_frames([frame.head(1), frame.tail(2)], ["item_id"])
    assert whole != of_frames([frame.with_columns(polarity=pl.lit(0.1))], ["item_id"])


def test_the_first_stage_that_differs_is_named():
    same, other = Fingerprint(1, "a"), Fingerprint(2, "b")
    left = {"bronze": {"t": same}, "mentions": {"t": same}, "report": {"r": same}}
    comparison = compare(left, {**left, "mentions": {"t": other}, "report": {}})
    assert comparison.first == "mentions"
    assert comparison.differences["mentions"] == ["t differs, 1 recorded and 2 now"]
    assert comparison.differences["report"] == ["r differs, 1 recorded and none now"]
    assert compare(left, left).first is None


def test_settings_of_a_record_reach_no_store_but_those_of_its_home(monkeypatch, tmp_path):
    """Neither by the environment, nor by what somebody has written into the record."""
    monkeypatch.setenv("SCORER", "lexicon")
    monkeypatch.setenv("LANDING_URI", "s3://somewhere/else")
    monkeypatch.setenv("POSTGRES_URI", "postgresql://user:password@host/name")
    monkeypatch.setenv("LLM_API_KEY", "a key")
    here = load_settings()
    values = deciding_values(here)
    assert "password" not in str(values)
    values |= {"landing": {"uri": "s3://theirs"}, "state": {"uri": "dynamodb:theirs"}}
    values["mart"]["uri"] = "snowflake://theirs/theirs"
    apart = settings_apart(tmp_path, values, here)
    assert apart.scorer == "lexicon"
    assert apart.landing.root == f"file://{tmp_path}/landing"
    assert (apart.mart.path, apart.mart.postgres_uri) == (tmp_path / "market_opinion.duckdb", None)
    assert (apart.state.table, apart.llm.mode) == (None, "ledger")
    assert apart.pepper() == here.pepper()


def test_a_record_of_a_stranger_brings_no_file_of_ours(tmp_path):
    """A link in it is not followed, to a file or to a folder."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "author_pepper").write_text("secret")
    record = tmp_path / "record" / "reddit"
    record.mkdir(parents=True)
    (record / "comments.jsonl").write_text("{}")
    (record / "link.jsonl").symlink_to(tmp_path / "home" / "author_pepper")
    (record / "folder").symlink_to(tmp_path / "home")
    _copy_files(tmp_path / "record", tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").rglob("*")] == ["reddit", "comments.jsonl"]
