"""The one table of types: every type of a column, by its name in each format on a value's way.

A value is JSON as it was received, Polars and Arrow in memory, Iceberg in the lake, and a column of
DuckDB, Snowflake or PostgreSQL at the end. Contracts name the Polars type; all other formats are
made from this table: what a line of JSON must hold, schemas of Iceberg, and columns in the DDL of
the mart.
"""

from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from market_opinion.core.polars_types import UTC_TIME

Engine = Literal["duckdb", "snowflake", "postgres"]


@dataclass(frozen=True)
class ColumnType:
    """One type; `word` stands for it in the SQL files of the mart, as `{text}`.

    `json` is the type of the values in Python that JSON gives.
    `snowflake_result` is the name of the type in what Snowflake's connector returns.
    """

    word: str
    json: Any
    polars: Any
    arrow: str
    iceberg: str
    duckdb: str
    snowflake: str
    snowflake_result: str
    postgres: str

    def in_engine(self, engine: Engine) -> str:
        """Return the name of the type in the DDL of an engine."""
        return {"duckdb": self.duckdb, "snowflake": self.snowflake, "postgres": self.postgres}[
            engine
        ]


_ROWS = (
    # word, JSON, Polars, Arrow, Iceberg, DuckDB, Snowflake, its result, PostgreSQL
    ("text", str, pl.String, "large_string", "string", "VARCHAR", "VARCHAR", "TEXT", "TEXT"),
    ("whole", int, pl.Int64, "int64", "long", "BIGINT", "BIGINT", "FIXED", "BIGINT"),
    ("number", float, pl.Float64, "double", "double", "DOUBLE", "DOUBLE", "REAL",
     "DOUBLE PRECISION"),
    ("flag", bool, pl.Boolean, "bool", "boolean", "BOOLEAN", "BOOLEAN", "BOOLEAN", "BOOLEAN"),
    ("day", str, pl.Date, "date32[day]", "date", "DATE", "DATE", "DATE", "DATE"),
    ("utc", float | str, UTC_TIME, "timestamp[us, tz=UTC]", "timestamptz",
     "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_TZ", "TIMESTAMP_TZ", "TIMESTAMPTZ"),
    # In the mart a time is UTC by convention and has no zone.
    ("time", float | str, pl.Datetime("us"), "timestamp[us]", "timestamp", "TIMESTAMP",
     "TIMESTAMP_NTZ", "TIMESTAMP_NTZ", "TIMESTAMP"),
    # Parts of dates and their keys, in the mart alone.
    ("small", int, pl.Int32, "int32", "int", "INTEGER", "INTEGER", "FIXED", "BIGINT"),
)  # fmt: skip
TYPES = {row[0]: ColumnType(*row) for row in _ROWS}
_BY_POLARS = {each.polars: each for each in TYPES.values()}


def type_of(dtype: Any) -> ColumnType:  # noqa: ANN401, Polars has classes and values of types
    """Return the type of a column of this Polars type; raises KeyError for one that none has."""
    return _BY_POLARS[dtype]


def in_mart(kind: ColumnType) -> ColumnType:
    """Return the type that a column of the lake has in the mart: times lose their zone."""
    return TYPES["time"] if kind is TYPES["utc"] else kind
