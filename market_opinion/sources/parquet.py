"""Parquet files as lines of JSON, few rows at a time where values are long."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from market_opinion.sources.unpacking import check_ratio

_ROWS = 10_000
_BYTES_AT_ONCE = 33_554_432


def parquet_rows(
    file: Any,  # noqa: ANN401, fsspec is untyped
    check_columns: Callable[[list[str]], None],
    *,
    ratio_max: int,
) -> Iterator[bytes]:
    """Yield the rows as JSON; `check_columns` raises for columns that are not the wanted ones.

    Raises UnpacksTooMuch for pages that become more than `ratio_max` times as large, and
    pa.ArrowException for what is damaged.
    """
    try:
        yield from _rows(file, check_columns, ratio_max)
    except OSError as error:
        if error.errno is not None:
            raise
        # Arrow's own error for a page that it cannot decode.
        raise pa.ArrowInvalid(str(error)) from error


def _rows(
    file: Any,  # noqa: ANN401, fsspec is untyped
    check_columns: Callable[[list[str]], None],
    ratio_max: int,
) -> Iterator[bytes]:
    described = pq.ParquetFile(file)
    schema, metadata = described.schema_arrow, described.metadata
    check_columns(schema.names)
    columns = [
        metadata.row_group(group).column(column)
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    size = sum(column.total_uncompressed_size for column in columns)
    check_ratio(file.seek(0, 2), size, ratio_max)
    # A text that many rows share is in memory once as long as it is an entry of a dictionary.
    texts = [each.name for each in schema if pa.types.is_string(each.type)]
    for batch in pq.ParquetFile(file, read_dictionary=texts).iter_batches(batch_size=_ROWS):
        count = max(1, _BYTES_AT_ONCE // (1 + _longest_row(batch)))
        for at in range(0, batch.num_rows, count):
            yield from map(_line, _objects(batch.slice(at, count)))


def _objects(batch: pa.RecordBatch) -> Any:  # noqa: ANN401, pyarrow is untyped
    """Return the rows as objects; raises pa.ArrowInvalid for a value that Python cannot hold."""
    try:
        return batch.to_pylist()
    except (OverflowError, ValueError):
        pass
    # Some time is beyond what Python has, which costs the time and not the row.
    texts = [
        each.cast(pa.string()) if pa.types.is_temporal(each.type) else each
        for each in batch.columns
    ]
    try:
        return pa.RecordBatch.from_arrays(texts, names=batch.schema.names).to_pylist()
    except (OverflowError, ValueError) as error:
        message = "a time within a list or an object is beyond all calendars"
        raise pa.ArrowInvalid(message) from error


def _line(row: dict[str, Any]) -> bytes:
    """Return a row as a line; some programs write texts as bytes."""
    values = {
        name: value.decode(errors="replace") if isinstance(value, bytes) else value
        for name, value in row.items()
    }
    return msgspec.json.encode(values, enc_hook=str)


def _longest_row(batch: pa.RecordBatch) -> int:
    """Return the most bytes that the texts of one row may have."""
    texts = [each.dictionary for each in batch.columns if pa.types.is_dictionary(each.type)]
    return sum(pc.max(pc.binary_length(each)).as_py() or 0 for each in texts)
