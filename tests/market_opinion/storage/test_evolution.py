"""Tables that an earlier version created are read and written by the contracts of today."""

from datetime import date

import pandera.polars as pa
import polars as pl
import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import DateType, FloatType, IntegerType, NestedField, StringType

from market_opinion.core.contracts import Table
from market_opinion.core.errors import ContractBroken
from market_opinion.storage.lake.tables import open_lake

DAY = date(2026, 3, 1)
RUN = {"run-id": "r"}


class Counted(pa.DataFrameModel):
    """One row per name; `score` of before is `votes` now, and `remark` is new."""

    name: pl.String
    full_date: pl.Date
    votes: pl.Int64 = pa.Field(metadata={"renamed_from": "score"})
    share: pl.Float64
    remark: pl.String = pa.Field(nullable=True)


COUNTED = Table("old.counted", Counted, ("name",), ())
BEFORE = Schema(
    NestedField(1, "name", StringType(), required=False),
    NestedField(2, "full_date", DateType(), required=False),
    NestedField(3, "score", IntegerType(), required=False),
    NestedField(4, "share", FloatType(), required=False),
)
ROWS = [("a", DAY, 7, 0.5, None), ("b", DAY, 2**31 - 1, 0.25, None)]


@pytest.fixture
def lake(tmp_path):
    """A lake with the table as an earlier version created and filled it."""
    opened = open_lake("a_catalog_nobody_configured", tmp_path / "lake")
    fill(opened, BEFORE)
    return opened


def fill(lake, schema):
    lake._catalog.create_namespace("old")
    table = lake._catalog.create_table("old.counted", schema)
    frame = pl.DataFrame([row[:4] for row in ROWS], orient="row", schema=schema.column_names)
    table.append(frame.to_arrow().cast(table.schema().as_arrow()))


def rows(lake, where=None):
    return lake.read(COUNTED, where).sort("name").rows()


def test_columns_are_renamed_widened_and_added_and_no_value_is_lost(lake):
    """Files stay as they are: their columns are found by field id."""
    assert rows(lake) == ROWS
    assert rows(lake, {"votes": [7]}) == ROWS[:1]
    assert lake.read(COUNTED).schema == COUNTED.schema
    assert rows(lake) == ROWS


def test_what_is_written_then_lies_beside_it(lake):
    """A value that the old type could not hold, and a rerun that commits nothing."""
    added = pl.DataFrame([("c", DAY, 2**40, 0.1, "new")], orient="row", schema=COUNTED.schema)
    for is_committed in (True, False):
        assert lake.overwrite(COUNTED, added, {"name": "c"}, None, run=RUN) is is_committed
    assert rows(lake) == [*ROWS, ("c", DAY, 2**40, 0.1, "new")]
    lake.delete(COUNTED, {"votes": [7]}, run=RUN)
    assert [row[0] for row in rows(lake)] == ["b", "c"]
    ids = {
        field.name: field.field_id
        for field in lake._catalog.load_table("old.counted").schema().fields
    }
    assert ids == {"name": 1, "full_date": 2, "votes": 3, "share": 4, "remark": 5}


def test_a_type_that_cannot_become_the_contracts_is_named(tmp_path):
    lake = open_lake("a_catalog_nobody_configured", tmp_path / "lake")
    lake._catalog.create_namespace("old")
    schema = Schema(NestedField(1, "votes", StringType(), required=False))
    lake._catalog.create_table("old.counted", schema)
    with pytest.raises(ContractBroken, match=r"old\.counted: a column is of a type"):
        lake.read(COUNTED)
