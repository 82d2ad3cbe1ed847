"""A server that speaks as Snowflake does, in an environment of its own: `python fakesnow_server.py PORT`, on loopback.

fakesnow runs each statement on DuckDB. It is not Snowflake: what it accepts proves the wire, the dialect's parsing, transactions
and our code, no more.
"""

import sys

import fakesnow.arrow
import pyarrow as pa
import uvicorn

_to_struct = fakesnow.arrow.timestamp_to_sf_struct


def _with_nulls(times: pa.Array | pa.ChunkedArray) -> pa.StructArray:
    """Fakesnow 0.12.1 sends NULL timestamps as 1970: keep their mask."""
    whole = times.combine_chunks() if isinstance(times, pa.ChunkedArray) else times
    if not whole.null_count:
        return _to_struct(whole)
    filled = _to_struct(whole.fill_null(0))
    return pa.StructArray.from_arrays(
        list(filled.flatten()), fields=list(filled.type), mask=whole.is_null()
    )


if __name__ == "__main__":
    fakesnow.arrow.timestamp_to_sf_struct = _with_nulls
    uvicorn.run("fakesnow.server:app", host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
