"""The mart in Snowflake, over the lake's tables where they lie, or over rows that a load brings along."""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import polars as pl
from snowflake.connector import SnowflakeConnection
from snowflake.connector.constants import FIELD_ID_TO_NAME
from snowflake.connector.cursor import ResultMetadata
from snowflake.connector.errors import DatabaseError, Error, OperationalError

from market_opinion.core.errors import MartRefused, MartUnavailable
from market_opinion.serving import mart
from market_opinion.serving.mart import Load, Silver

Road = Literal["iceberg", "external", "copy"]
Connect = Callable[[], SnowflakeConnection]

_ROWS_A_STATEMENT = 1_000
_ROWS_SHOWN = 5
_SETUP = "run `python -m infra.snowflake apply`, or ask whoever may"
# By Snowflake's number of the error: what an operator does about it.
_REMEDIES = {
    250001: "check the account in MART_URI and SNOWFLAKE_URL, and that this machine reaches it",
    290404: "check the account in MART_URI: no such host answers",
    390100: "check SNOWFLAKE_USER and how it signs in",
    390144: "the key pair is not the user's, or its key has expired: set the user's RSA_PUBLIC_KEY anew and check SNOWFLAKE_PRIVATE_KEY",
    390189: "check SNOWFLAKE_ROLE: it does not exist or is not granted to the user",
    390201: f"check the database in MART_URI, SNOWFLAKE_WAREHOUSE and SNOWFLAKE_ROLE; {_SETUP}",
    606: f"check SNOWFLAKE_WAREHOUSE: there is none, or the role may not use it; {_SETUP}",
    904: "a table has other columns than this version's: drop the schemas mart, staging and silver, apply again and run flows.mart",
    2003: f"something does not exist, or the role may not see it; {_SETUP}",
    2043: f"something does not exist, or the role may not see it; {_SETUP}",
    3001: f"the role lacks a privilege; {_SETUP}",
    91968: "the table was written with deletes that Snowflake cannot read: it must be copy-on-write, format version 2",
    94405: f"the catalog integration is not finished: its role does not trust Snowflake yet; see docs/snowflake.md, then {_SETUP}",
}
_TRANSIENT = {250001, 250003, 250006, 290500, 290502, 290503, 290504, 390114, 604}


class SnowflakeMart:
    """The star schema in a database of Snowflake; see Mart.

    The tables of `staging` and `silver` hold one load at a time: a second one waits for the first at its first statement.
    """

    def __init__(self, connect: Connect, *, road: Road) -> None:
        """Use the connection this makes, when it is first needed."""
        self._connect = connect
        self._road: Road = road
        self._open: SnowflakeConnection | None = None

    def load(
        self, load: Load, silver: Callable[[], Silver], *, again: bool = False
    ) -> dict[str, int]:
        """Rebuild the load's dates."""
        with self._session() as session:
            _prepare(session)
            if self._road != "copy":
                mart.run(session, f"snowflake/refresh_{self._road}")
            session.run("BEGIN")
            try:
                mart.run(session, "snowflake/clear_staging")
                for name, frame in load.frames().items():
                    session.insert(f"staging.{name}", frame)
                if not again and mart.is_in_step(session):
                    counts = mart.counts(session)
                    session.run("ROLLBACK")
                    return counts
                mart.run(session, "snowflake/clear_silver")
                self._fill_silver(session, load, silver)
                counts = mart.rebuild(session)
                mart.run(session, "snowflake/clear_silver")
                session.run("COMMIT")
            except BaseException:
                session.undo()
                raise
            return counts

    @property
    def is_loaded(self) -> bool:
        """Whether anything was ever loaded."""
        with self._session() as session:
            found = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'MART' AND table_name = 'LOAD_AUDIT'"
            return bool(
                session.rows(found) and session.rows("SELECT 1 FROM mart.load_audit LIMIT 1")
            )

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """The rows a SELECT gives, names in lower case, whole numbers as Int64 and others as Float64."""
        ((_, frame),) = self.read({"": sql}, parameters)
        return frame

    def read(
        self, selects: Mapping[str, str], parameters: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """The rows of several SELECTs."""
        with self._session() as session:
            for name, select in selects.items():
                yield (
                    name,
                    session.frame(
                        re.sub(r"\$(\w+)", r"%(\1)s", select.replace("%", "%%")),
                        dict(parameters or {}),
                    ),
                )

    def compact(self) -> None:
        """Nothing: tables are transient, and Time Travel of the database ends after DATA_RETENTION_TIME_IN_DAYS."""

    def _fill_silver(self, session: "_Session", load: Load, silver: Callable[[], Silver]) -> None:
        if self._road == "copy":
            for name, frame in silver().frames().items():
                session.copy(f"silver.{name}", frame, folder=load.key)
            return
        bounds = {
            "first_day": f"{min(load.dates)} 00:00:00 +0000",
            "after_last_day": f"{max(load.dates) + timedelta(days=1)} 00:00:00 +0000",
        }
        for statement in mart.statements("snowflake/read_lake"):
            session.run(statement, bounds)

    @contextmanager
    def _session(self) -> Iterator["_Session"]:
        """A session on the one connection; errors of the connector become ours."""
        try:
            if self._open is None or self._open.is_closed():
                self._open = self._connect()
            yield _Session(self._open)
        except Error as error:
            self._open = None  # the next session signs in anew: this one's may have expired
            raise explained(error) from error


def explained(error: Error) -> MartRefused | MartUnavailable:
    """Our error for one of the connector's: which of the two it is, and what to do."""
    number = abs(error.errno or 0)
    remedy = _REMEDIES.get(number)
    said = " ".join(str(error.raw_msg or error).split())[:400]
    if number in _TRANSIENT or (isinstance(error, OperationalError) and remedy is None):
        return MartUnavailable(
            f"Snowflake did not answer ({number}: {said}){f': {remedy}' if remedy else ''}"
        )
    return MartRefused(f"Snowflake refuses ({number}: {said}): {remedy or 'see the message'}")


def schema_version() -> str:
    """A hash of everything that makes the schema."""
    return sha256("".join(mart.text(name) for name in _schema()).encode()).hexdigest()[:16]


def _schema() -> list[str]:
    return ["snowflake/control", "snowflake/silver", *mart.SCHEMA, *mart.names("views")]


def _prepare(session: "_Session") -> None:
    """Make tables and views, unless they stand as this version knows them. DDL commits by itself, so it comes before the load."""
    known = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'STAGING' AND table_name = 'SCHEMA_VERSION'"
    if session.rows(known) and session.rows(
        f"SELECT 1 FROM staging.schema_version WHERE version = '{schema_version()}'"
    ):  # noqa: S608, a hash
        return
    for name in _schema():
        mart.run(session, name)
    session.run("BEGIN")
    session.run("DELETE FROM staging.schema_version")
    session.insert("staging.schema_version", pl.DataFrame({"version": [schema_version()]}))
    session.run("COMMIT")


class _Session:
    """A connection as the load sees it."""

    engine = "snowflake"

    def __init__(self, connection: SnowflakeConnection) -> None:
        self._cursor = connection.cursor()

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        self._cursor.execute(statement, dict(parameters) if parameters else None)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        self.run(statement)
        return [tuple(row) for row in self._cursor.fetchmany(_ROWS_SHOWN)]

    def undo(self) -> None:
        """Roll back; where even that fails, the server does it when the session ends."""
        try:
            self.run("ROLLBACK")
        except DatabaseError:
            self._cursor.connection.close()

    def insert(self, table: str, frame: pl.DataFrame) -> None:
        """Add the rows, a thousand a statement."""
        columns = ", ".join(frame.columns)
        places = ", ".join(f"%({name})s" for name in frame.columns)
        rows = frame.to_dicts()
        for start in range(0, len(rows), _ROWS_A_STATEMENT):
            statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608, the names are ours
            self._cursor.executemany(statement, rows[start : start + _ROWS_A_STATEMENT])

    def copy(self, table: str, frame: pl.DataFrame, *, folder: str) -> None:
        """Put the rows on the stage as one Parquet file and copy them in; the file is gone once they are."""
        if frame.is_empty():
            return
        place = f"@staging.load_files/{folder}/{table}"
        with tempfile.TemporaryDirectory() as local:
            path = Path(local) / "rows.parquet"
            frame.write_parquet(path)
            self.run(f"PUT 'file://{path}' {place} AUTO_COMPRESS=FALSE OVERWRITE=TRUE")
        self.run(
            f"COPY INTO {table} FROM {place} FILE_FORMAT=(TYPE=PARQUET USE_LOGICAL_TYPE=TRUE)"
            " MATCH_BY_COLUMN_NAME=CASE_INSENSITIVE FORCE=TRUE PURGE=TRUE"
        )

    def frame(self, statement: str, parameters: Mapping[str, str]) -> pl.DataFrame:
        self.run(statement, parameters)
        schema = {column.name.lower(): _type(column) for column in self._cursor.description}
        columns = zip(
            *self._cursor.fetchall(), strict=True
        )  # Arrow would take the connector's extra, with pandas
        values = dict(zip(schema, columns, strict=False))
        return pl.DataFrame(
            {
                name: pl.Series(values.get(name, ()), dtype=dtype, strict=False)
                for name, dtype in schema.items()
            }
        )


def _type(column: ResultMetadata) -> pl.DataType | type[pl.DataType]:
    """The Polars type of a result's column."""
    name = FIELD_ID_TO_NAME[column.type_code]
    if name == "FIXED":
        return pl.Float64 if column.scale else pl.Int64
    return {"REAL": pl.Float64, "DATE": pl.Date, "BOOLEAN": pl.Boolean}.get(
        name, pl.Datetime("us") if name.startswith("TIMESTAMP") else pl.String
    )
