"""A server that speaks Snowflake's protocol on loopback: `python fakesnow_server.py PORT`.

fakesnow runs each statement on DuckDB, in an environment of its own. It is not Snowflake: it proves
the protocol, the parsing of the dialect, transactions and our code, no more.
"""

import sys

import fakesnow.arrow
import fakesnow.info_schema
import pyarrow as pa
import uvicorn

_to_struct = fakesnow.arrow.timestamp_to_sf_struct
_insert_comment = fakesnow.info_schema.insert_table_comment_sql


def _with_nulls(times: pa.Array | pa.ChunkedArray) -> pa.StructArray:
    """Keep the mask of NULL timestamps, which fakesnow 0.12.1 sends as 1970."""
    whole = times.combine_chunks() if isinstance(times, pa.ChunkedArray) else times
    if not whole.null_count:
        return _to_struct(whole)
    filled = _to_struct(whole.fill_null(0))
    return pa.StructArray.from_arrays(
        list(filled.flatten()), fields=list(filled.type), mask=whole.is_null()
    )


def _with_quotes(catalog: str, schema: str, table: str, comment: str) -> str:
    """Escape the quotes of a comment, which fakesnow 0.12.1 writes into its own SQL as they are."""
    return _insert_comment(catalog, schema, table, comment.replace("'", "''"))


if __name__ == "__main__":
    fakesnow.arrow.timestamp_to_sf_struct = _with_nulls
    fakesnow.info_schema.insert_table_comment_sql = _with_quotes
    uvicorn.run("fakesnow.server:app", host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
