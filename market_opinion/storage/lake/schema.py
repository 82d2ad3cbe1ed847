"""Contracts as Iceberg's schemas and partitions, and Arrow data in the types of a contract."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.transforms import DayTransform, IdentityTransform, Transform
from pyiceberg.types import IcebergType, NestedField

from market_opinion.core.column_types import type_of
from market_opinion.core.contracts import Table

_PARTITION_FIELD_IDS_FROM = 1000


def from_arrow(arrow: Any, schema: Mapping[str, Any]) -> pl.DataFrame:  # noqa: ANN401, untyped
    """Return the rows in the columns and types of the schema."""
    columns = (pl.col(name).cast(dtype) for name, dtype in schema.items())
    # A table of Arrow becomes a frame, never a series.
    return pl.from_arrow(arrow).select(columns)  # type: ignore[union-attr]


def iceberg_schema(table: Table) -> Schema:
    """Return the contract's columns, numbered in their order, with their descriptions."""
    columns = table.contract.to_schema().columns
    fields = [
        NestedField(number, name, _type(dtype), required=False, doc=columns[name].description)
        for number, (name, dtype) in enumerate(table.schema.items(), start=1)
    ]
    return Schema(*fields)


def add_columns(iceberg: IcebergTable, table: Table, names: Sequence[str]) -> None:
    """Add columns of the contract to a table that an older version created."""
    described = table.contract.to_schema().columns
    with iceberg.update_schema() as update:
        for name in names:
            update.add_column(name, _type(table.schema[name]), doc=described[name].description)


def partition_spec(table: Table, schema: Schema) -> PartitionSpec:
    """Return the contract's partitions: columns, or days of columns."""
    fields = []
    for number, term in enumerate(table.partition):
        is_day = term.startswith("day(")
        column = term.removeprefix("day(").removesuffix(")")
        transform: Transform[Any, Any] = DayTransform() if is_day else IdentityTransform()
        name = f"{column}_day" if is_day else column
        fields.append(
            PartitionField(
                schema.find_field(column).field_id,
                _PARTITION_FIELD_IDS_FROM + number,
                transform,
                name,
            )
        )
    return PartitionSpec(*fields)


def _type(dtype: Any) -> IcebergType:  # noqa: ANN401, Polars has classes and values of types
    """Return the type of Iceberg, by the table of types."""
    return IcebergType.model_validate(type_of(dtype).iceberg)
