"""C11, C12: silver as plain Parquet, for external tables."""

import json

import polars as pl
import pytest

from flows.backfill import backfill
from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS
from market_opinion.ops.adapters import Adapters, open_adapters
from market_opinion.serving.mart import Mart
from market_opinion.serving.mart.columns import ITEM_COLUMNS
from market_opinion.storage.export import Export

TABLES = {"items": SILVER_ITEMS, "mentions": SILVER_MENTIONS, "opinions": SILVER_OPINIONS}


class Elsewhere:
    """A mart whose loads are of no interest here."""

    is_loaded = False

    def load(self, load, silver, *, again=False):
        return {}


@pytest.mark.usefixtures("without_engine")
def test_the_export_is_silver_by_day(home, monkeypatch):
    """C10, A08: every row once, under its date; an unchanged rerun writes no file."""
    monkeypatch.setenv("MART_URI", "snowflake://account/DB")
    monkeypatch.setenv("SNOWFLAKE_ACCESS", "external")
    elsewhere: Mart = Elsewhere()
    monkeypatch.setattr(Adapters, "mart", lambda _: elsewhere)
    backfill.fn()
    for name, table in TABLES.items():
        files = sorted((home / "export" / name).glob("created_date=*/*.parquet"))
        rows = pl.concat([pl.read_parquet(path) for path in files])
        columns = list(ITEM_COLUMNS) if name == "items" else list(table.schema)
        assert rows.sort(columns).equals(
            open_adapters().lake().read(table).select(columns).sort(columns)
        )
        for path in files:
            day = path.parent.name.partition("=")[2]
            assert {str(moment.date()) for moment in pl.read_parquet(path)["created_at"]} == {day}
            manifest = json.loads((path.parent / "manifest.json").read_text())
            assert (manifest["file"], manifest["row_count"]) == (
                path.name,
                pl.read_parquet(path).height,
            )
    before = {path: path.stat().st_mtime_ns for path in (home / "export").rglob("*.*")}
    backfill.fn()
    assert {path: path.stat().st_mtime_ns for path in (home / "export").rglob("*.*")} == before


def test_a_day_that_changed_has_one_file(tmp_path):
    """C12: erased words are in no file that an external table would still read."""
    export, day = Export(tmp_path.as_uri()), SILVER_ITEMS.empty()
    row = pl.DataFrame([{"item_id": "a"}], schema=SILVER_ITEMS.schema)
    from datetime import date

    assert export.put("items", date(2026, 3, 1), row, snapshot_id=1)
    assert not export.put("items", date(2026, 3, 1), row, snapshot_id=2)
    assert export.put(
        "items", date(2026, 3, 1), row.with_columns(item_id=pl.lit("b")), snapshot_id=3
    )
    assert [pl.read_parquet(path)["item_id"].item() for path in tmp_path.rglob("*.parquet")] == [
        "b"
    ]
    assert export.put("items", date(2026, 3, 1), day, snapshot_id=4)
    assert list(tmp_path.rglob("*.parquet")) == []
