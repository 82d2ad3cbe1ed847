"""Contracts as Iceberg's schemas and partitions, and Arrow data in the types of a contract."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from pyiceberg.exceptions import ValidationError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.transforms import DayTransform, IdentityTransform, Transform
from pyiceberg.types import IcebergType, NestedField

from market_opinion.core.column_types import type_of
from market_opinion.core.contracts import Table
from market_opinion.core.errors import ContractBroken

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


def evolve(iceberg: IcebergTable, table: Table) -> None:
    """Bring a table that an older version created to its contract.

    Columns keep their field ids, so that no file is rewritten: a column gets its new name, an int
    becomes a long and a float a double, and missing columns are added. Raises ContractBroken for a
    column whose values the contract's type cannot hold.
    """
    fields, schema = {field.name: field for field in iceberg.schema().fields}, table.schema
    renamed = {
        old: new for old, new in table.former_names.items() if old in fields and new not in fields
    }
    known = {renamed.get(name, name): field for name, field in fields.items()}
    types = {name: _type(dtype) for name, dtype in schema.items()}
    widened = {
        field.name: types[name]
        for name, field in known.items()
        if name in types and field.field_type != types[name]
    }
    missing = [name for name in schema if name not in known]
    if not (renamed or widened or missing):
        return
    described = table.contract.to_schema().columns
    try:
        with iceberg.update_schema() as update:
            for old, new in renamed.items():
                update.rename_column(old, new)
            for name, wider in widened.items():
                update.update_column(name, wider)
            for name in missing:
                update.add_column(name, types[name], doc=described[name].description)
    except ValidationError as error:
        message = f"{table.name}: a column is of a type that cannot become its contract's: {error}"
        raise ContractBroken(message) from error


def is_by_name(iceberg: IcebergTable) -> bool:
    """Return whether all files of the table have today's names and types of columns.

    Files of before a column got another name or type are read by field id instead.
    """
    now = {field.field_id: (field.name, field.field_type) for field in iceberg.schema().fields}
    return all(
        now.get(field.field_id, (field.name, field.field_type)) == (field.name, field.field_type)
        for schema in iceberg.schemas().values()
        for field in schema.fields
    )


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
