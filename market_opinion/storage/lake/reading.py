"""Rows of the data files that Iceberg plans, read as one Arrow dataset."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow.dataset
from pyiceberg.expressions import BooleanExpression
from pyiceberg.expressions.visitors import bind
from pyiceberg.io.pyarrow import PyArrowFileIO, expression_to_pyarrow, schema_to_pyarrow
from pyiceberg.manifest import DataFile, DataFileContent
from pyiceberg.table import ManifestGroupPlanner
from pyiceberg.table import Table as IcebergTable

from market_opinion.storage.lake.schema import from_arrow, is_by_name


def read_rows(
    iceberg: IcebergTable, row_filter: BooleanExpression, schema: Mapping[str, Any]
) -> pl.DataFrame:
    """Return the rows that the filter selects, in the columns and types of the schema.

    PyIceberg's own reader opens one file after the other, 3 ms each, and so takes three times as
    long for a table of many days. It is used only where Arrow cannot read the files: those with
    deletes, which we never write, those on other file systems than Arrow's, and those of a table
    whose columns have got other names or types.
    """
    planned = list(_planned(iceberg, row_filter))
    if not planned:
        return pl.DataFrame(schema=schema)
    has_deletes = any(file.content != DataFileContent.DATA for file in planned)
    if has_deletes or not isinstance(iceberg.io, PyArrowFileIO) or not is_by_name(iceberg):
        scan = iceberg.scan(row_filter=row_filter, selected_fields=tuple(schema))
        return from_arrow(scan.to_arrow(), schema)
    places = [PyArrowFileIO.parse_location(file.file_path) for file in planned]
    scheme, host, _ = places[0]
    files = pyarrow.dataset.dataset(
        [path for _, _, path in places],
        schema=schema_to_pyarrow(iceberg.schema(), include_field_ids=False),
        format="parquet",
        filesystem=iceberg.io.fs_by_scheme(scheme, host),
    )
    row_expression = expression_to_pyarrow(bind(iceberg.schema(), row_filter, case_sensitive=True))
    return from_arrow(files.to_table(columns=list(schema), filter=row_expression), schema)


def _planned(iceberg: IcebergTable, row_filter: BooleanExpression) -> Iterator[DataFile]:
    """Yield the files that may hold such rows.

    A scan's own plan also works out, for each file, what of the filter is left to ask of its rows.
    Arrow asks all of it, so that fifth of the plan's time is saved here.
    """
    snapshot = iceberg.current_snapshot()
    if snapshot is None:
        return
    planner = ManifestGroupPlanner(iceberg.metadata, iceberg.io, row_filter)
    for entries in planner.plan_manifest_entries(snapshot.manifests(iceberg.io)):
        yield from (entry.data_file for entry in entries)
