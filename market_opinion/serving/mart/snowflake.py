"""The mart in Snowflake, over the lake's tables in place or over rows that a load copies in."""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl
from snowflake.connector import SnowflakeConnection
from snowflake.connector.constants import FIELD_ID_TO_NAME
from snowflake.connector.cursor import ResultMetadata
from snowflake.connector.errors import DatabaseError, Error, OperationalError

from market_opinion.core.column_types import TYPES, Engine, in_mart
from market_opinion.core.errors import InvalidRequest, MartRefused, MartUnavailable
from market_opinion.serving import mart
from market_opinion.serving.mart import Load, Silver, snowflake_schema
from market_opinion.serving.mart.publication import Publication

Access = Literal["iceberg", "external", "copy"]
Connect = Callable[[], SnowflakeConnection]

# Texts, names and comments as Snowflake reads them; one that is not closed goes to the end.
_LITERAL = re.compile(
    r"""'(?:[^'\\]|\\.|'')*+'?|"[^"]*+"?|\$\$(?:.*?\$\$|.*)|(?:--|//)[^\n]*|/\*(?:.*?\*/|.*)""",
    re.DOTALL,
)
_READS = re.compile(r"[\s(]*+(?:SELECT|WITH|FROM|VALUES|SHOW|DESCRIBE)\b", re.IGNORECASE)
_ACTS = re.compile(r";|->>|\bAS\s+PROCEDURE\s*\(|\bSYSTEM\$", re.IGNORECASE)
_ROWS_A_STATEMENT = 1_000
_ROWS_SHOWN = 5
_SETUP = "run `python -m infra.snowflake apply`, or ask an account administrator to run it"
# The operator's remedy by Snowflake's error number.
_REMEDIES = {
    250001: "check the account in MART_URI and SNOWFLAKE_URL, and the network of this machine",
    290404: "check the account in MART_URI: no host answers for it",
    390100: "check SNOWFLAKE_USER and its credentials",
    390144: "the key pair is not the user's, or its key has expired:"
    " set the user's RSA_PUBLIC_KEY again and check SNOWFLAKE_PRIVATE_KEY",
    390189: "check SNOWFLAKE_ROLE: it does not exist or is not granted to the user",
    390201: f"check the database in MART_URI, SNOWFLAKE_WAREHOUSE and SNOWFLAKE_ROLE; {_SETUP}",
    606: f"check SNOWFLAKE_WAREHOUSE: it does not exist, or the role may not use it; {_SETUP}",
    904: "a table lacks columns of this version: drop the schemas mart, staging and silver,"
    " run `python -m infra.snowflake apply`, then `python -m flows.mart`",
    2003: f"an object does not exist, or the role may not see it; {_SETUP}",
    2043: f"an object does not exist, or the role may not see it; {_SETUP}",
    3001: f"the role lacks a privilege; {_SETUP}",
    91968: "the table holds deletes that Snowflake cannot read:"
    " write it copy-on-write, in format version 2",
    94405: "the AWS role of the catalog integration does not trust Snowflake yet:"
    f" follow docs/snowflake.md, then {_SETUP}",
}
# Whole numbers of every width are one type in Snowflake.
_BY_RESULT = {kind.snowflake_result: kind for word, kind in TYPES.items() if word != "small"}
_TRANSIENT = {250001, 250003, 250006, 290500, 290502, 290503, 290504, 390114, 604}


class SnowflakeMart:
    """The star schema in a database of Snowflake; see Mart.

    The tables of `staging` and `silver` hold one load at a time: the first statement of a second
    load waits for the first load to end.
    """

    def __init__(self, connect: Connect, *, access: Access, publication: Publication) -> None:
        """Call `connect` when a connection is first needed."""
        self._publication = publication
        self._connect = connect
        self._access: Access = access
        self._open: SnowflakeConnection | None = None

    def load(
        self, load: Load, silver: Callable[[], Silver], *, again: bool = False
    ) -> dict[str, int]:
        """Rebuild the load's dates."""
        with self._session() as session:
            snowflake_schema.prepare(session, self._publication)
            if self._access != "copy":
                mart.run(session, f"snowflake/refresh_{self._access}")
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
        """Whether the mart has ever been loaded."""
        with self._session() as session:
            return session.has_table("MART", "LOAD_AUDIT") and bool(
                session.rows("SELECT 1 FROM mart.load_audit LIMIT 1")
            )

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Return the rows of one SELECT: whole numbers as Int64, other numbers as Float64."""
        check_reads(sql)
        ((_, frame),) = self.read({"": sql}, parameters)
        return frame

    def read(
        self, selects: Mapping[str, str], parameters: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield the rows of several SELECTs."""
        with self._session() as session:
            for name, select in selects.items():
                yield name, session.frame(_bound(select, parameters or {}), parameters or {})

    def compact(self) -> None:
        """Do nothing: Snowflake drops deleted rows by itself.

        Tables are transient, and Time Travel ends after DATA_RETENTION_TIME_IN_DAYS.
        """

    def _fill_silver(self, session: "_Session", load: Load, silver: Callable[[], Silver]) -> None:
        if self._access == "copy":
            for name, frame in silver().frames().items():
                session.copy(f"silver.{name}", frame, folder=load.key)
            return
        bounds = {
            "first_day": f"{min(load.dates)}T00:00:00+00:00",
            "after_last_day": f"{max(load.dates) + timedelta(days=1)}T00:00:00+00:00",
        }
        for statement in mart.statements("snowflake/read_lake", "snowflake"):
            session.run(statement, bounds)

    @contextmanager
    def _session(self) -> Iterator["_Session"]:
        """Open a session on the one connection, and turn the connector's errors into ours."""
        try:
            if self._open is None or self._open.is_closed():
                self._open = self._connect()
            yield _Session(self._open)
        except Error as error:
            self._open = None  # the sign-in may have expired, so the next session signs in again
            raise mart_error(error) from error


def check_reads(sql: str) -> None:
    """Raise InvalidRequest for anything but one statement that reads, in Snowflake's SQL.

    What it may read is for the role to say. A procedure without a name may stand before a CALL in
    one statement, `->>` hands on to any statement, and functions of the system act.
    """
    plain = _LITERAL.sub(" ", sql).strip().removesuffix(";")
    if not _READS.match(plain) or _ACTS.search(plain):
        raise InvalidRequest(mart.ONE_SELECT)


def _bound(select: str, parameters: Mapping[str, str]) -> str:
    """Return the statement in the connector's form: `%(name)s` for each parameter of ours."""
    if not parameters:
        return select
    return re.sub(
        r"\$(\w+)",
        lambda found: f"%({found[1]})s" if found[1] in parameters else found[0],
        select.replace("%", "%%"),
    )


def mart_error(error: Error) -> MartRefused | MartUnavailable:
    """Return our error for one of the connector's, with the remedy where one is known."""
    number = abs(error.errno or 0)
    remedy = _REMEDIES.get(number)
    reason = " ".join(str(error.raw_msg or error).split())[:400]
    if number in _TRANSIENT or (isinstance(error, OperationalError) and remedy is None):
        return MartUnavailable(
            f"Snowflake did not answer ({number}: {reason}){f': {remedy}' if remedy else ''}"
        )
    return MartRefused(f"Snowflake refuses ({number}: {reason}){f': {remedy}' if remedy else ''}")


class _Session:
    """The connection, in the shape that `mart.rebuild` needs."""

    engine: Engine = "snowflake"

    def __init__(self, connection: SnowflakeConnection) -> None:
        self._cursor = connection.cursor()

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        self._cursor.execute(statement, dict(parameters) if parameters else None)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        self.run(statement)
        return [tuple(row) for row in self._cursor.fetchmany(_ROWS_SHOWN)]

    def has_table(self, schema: str, table: str) -> bool:
        """Whether the database has this table; names are in upper case."""
        sql = (
            "SELECT 1 FROM information_schema.tables"  # noqa: S608, the names are ours
            f" WHERE table_schema = '{schema}' AND table_name = '{table}'"
        )
        return bool(self.rows(sql))

    def undo(self) -> None:
        """Roll back; if that fails, close the connection, and the server rolls back."""
        try:
            self.run("ROLLBACK")
        except DatabaseError:
            self._cursor.connection.close()

    def insert(self, table: str, frame: pl.DataFrame) -> None:
        """Insert the rows, a thousand in each statement."""
        columns = ", ".join(frame.columns)
        places = ", ".join(f"%({name})s" for name in frame.columns)
        rows = frame.to_dicts()
        for start in range(0, len(rows), _ROWS_A_STATEMENT):
            statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608, our names
            self._cursor.executemany(statement, rows[start : start + _ROWS_A_STATEMENT])

    def copy(self, table: str, frame: pl.DataFrame, *, folder: str) -> None:
        """Copy the rows in through a Parquet file on the stage, which is purged afterwards."""
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
        # The connector's Arrow result would need its extra, which brings pandas.
        columns = zip(*self._cursor.fetchall(), strict=True)
        values = dict(zip(schema, columns, strict=False))
        return pl.DataFrame(
            {
                name: pl.Series(values.get(name, ()), dtype=dtype, strict=False)
                for name, dtype in schema.items()
            }
        )


def _type(column: ResultMetadata) -> pl.DataType | type[pl.DataType]:
    """Return the Polars type of a result column."""
    name = FIELD_ID_TO_NAME[column.type_code]
    if name == "FIXED" and column.scale:
        return pl.Float64
    kind = _BY_RESULT.get(name, TYPES["text"])
    dtype: pl.DataType | type[pl.DataType] = in_mart(kind).polars
    return dtype
