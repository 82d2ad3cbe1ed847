"""The mart in one DuckDB file."""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from market_opinion.core.column_types import Engine
from market_opinion.core.errors import (
    HomeDamaged,
    InvalidRequest,
    MartRefused,
    SettingsInvalid,
)
from market_opinion.serving import mart
from market_opinion.serving.mart import Load, Silver, meanings

_ROWS_SHOWN = 5
WAIT_SECONDS = 120
_FIRST_WAIT_SECONDS = 0.02
# One question may take so long, and its answer be so large; reports and loads are not bounded.
ANSWER_SECONDS = 600
ANSWER_BYTES = 2 * 1024**3
_ROWS_A_BATCH = 100_000
# A SELECT could read any file of the machine, fetch extensions from the internet and see Python's
# variables. The last setting keeps the others.
_SHUT = """
    SET allow_persistent_secrets = false;
    SET autoinstall_known_extensions = false;
    SET autoload_known_extensions = false;
    SET python_enable_replacements = false;
    SET enable_external_access = false;
    SET lock_configuration = true"""
_TAKEN = re.compile(r"Could not set lock|Conflicting lock|already attached|different config")
_NO_DATABASE = re.compile(r"not a valid DuckDB|[Cc]orrupt|Checksum|checksum")
# The columns added last: a file without them was written by an older version.
_NEWEST = "SELECT load_number, unknown_product_count FROM mart.load_audit LIMIT 0"

_COMMENT_COUNT = (
    "SELECT COUNT(*) FROM duckdb_columns()"
    " WHERE database_name = current_database() AND schema_name = current_schema()"
    " AND comment IS NOT NULL"
)


class DuckDBMart:
    """The star schema kept in a file; see Mart."""

    def __init__(self, path: Path) -> None:
        """Use the file at this path; the first load creates it."""
        self._path = path

    def load(
        self, load: Load, silver: Callable[[], Silver], *, again: bool = False
    ) -> dict[str, int]:
        """Rebuild the load's dates, with `staging` and `silver` in memory for this load alone."""
        with self._connect(read_only=False) as connection:
            session = _Session(connection)
            session.run("ATTACH ':memory:' AS staging; ATTACH ':memory:' AS silver")
            self._prepare(session)
            for name, frame in load.frames().items():
                session.fill(f"INSERT INTO staging.{name} BY NAME", frame)
            if not again and mart.is_in_step(session):
                return mart.counts(session)
            for name, frame in silver().frames().items():
                session.fill(f"CREATE TABLE silver.{name} AS", frame)
            connection.begin()
            try:
                counts = mart.rebuild(session)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            return counts

    def _prepare(self, session: "_Session") -> None:
        """Create missing tables; views and comments too, unless the file has this version's."""
        try:
            for name in mart.SCHEMA:
                mart.run(session, name)
            session.run(_NEWEST)
            if not _is_described(session):
                _describe(session)
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            message = (
                f"mart file {self._path} was written by another version ({error}):"
                " remove it, then run `python -m flows.mart`"
            )
            raise SettingsInvalid(message) from error

    @property
    def is_loaded(self) -> bool:
        """Whether the mart has ever been loaded."""
        return self._path.exists()

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Return the rows of one SELECT, which reads the mart's file and no other.

        Raises InvalidRequest for another statement. Raises MartRefused where DuckDB does not
        understand it, and for an answer that takes longer than ANSWER_SECONDS or is larger than
        ANSWER_BYTES.
        """
        try:
            with self._connect(read_only=True) as connection:
                self._shut(connection)
                return _answer(connection, _only_select(connection, sql), parameters or {})
        except duckdb.Error as error:
            message = f"the mart does not answer: {error}"
            raise MartRefused(message) from error

    def read(
        self, selects: Mapping[str, str], parameters: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield the rows of several SELECTs, all from one state of the file."""
        with self._connect(read_only=True) as connection:
            self._shut(connection)
            connection.begin()
            for name, select in selects.items():
                yield (
                    name,
                    pl.DataFrame(
                        connection.sql(select, params=dict(parameters or {})).to_arrow_table()
                    ),
                )

    def compact(self) -> None:
        """Rewrite the file, so that none of its pages still holds deleted rows."""
        if not self._path.exists():
            return
        fresh = self._path.with_suffix(".compact")
        fresh.unlink(missing_ok=True)
        with self._connect(read_only=True) as connection:
            path = str(fresh).replace("'", "''")
            (name,) = connection.execute("SELECT current_database()").fetchall()[0]
            connection.execute(
                f"ATTACH '{path}' AS fresh; COPY FROM DATABASE {name} TO fresh; DETACH fresh"
            )
        fresh.replace(self._path)

    def _shut(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take from the connection all but the mart's file, and a folder beside it to sort in."""
        folder = f"{self._path}.tmp".replace("'", "''")
        connection.execute(f"SET temp_directory = '{folder}'; {_SHUT}")

    @contextmanager
    def _connect(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection in which `mart.x` is the file's, whatever the file's name."""
        connection = self._opened(read_only=read_only)
        try:
            yield connection
        except duckdb.IOException as error:
            message = f"mart file {self._path} cannot be read or written ({error}): check its disk"
            raise SettingsInvalid(message) from error
        finally:
            connection.close()

    def _opened(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Return a connection as soon as no other process or thread is in the way.

        DuckDB gives a file to one writer or to many readers. Each has it for moments, so all wait
        for their turn. Raises SettingsInvalid where it does not come.
        """
        waiting = Retrying(
            retry=retry_if_exception(_is_taken),
            stop=stop_after_delay(WAIT_SECONDS),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT_SECONDS, max=1),
            reraise=True,
        )
        try:
            return waiting(_attached, self._path, read_only=read_only)
        except duckdb.Error as error:
            if _NO_DATABASE.search(str(error)):
                message = (
                    f"mart file {self._path} is damaged ({error}); the lake is not touched:"
                    " remove it, then run `python -m flows.mart` for each domain"
                )
                raise HomeDamaged(message) from error
            waited = f" within {WAIT_SECONDS} seconds" if _is_taken(error) else ""
            message = (
                f"mart file {self._path} cannot be opened{waited} ({error}):"
                " close other programs that have it open, or check MART_URI"
            )
            raise SettingsInvalid(message) from error


def _only_select(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """Return the one statement of a text, as DuckDB itself reads it."""
    statements = connection.extract_statements(sql)
    if [each.type for each in statements] != [duckdb.StatementType.SELECT]:
        raise InvalidRequest(mart.ONE_SELECT)
    return statements[0]


def _answer(
    connection: duckdb.DuckDBPyConnection, select: duckdb.Statement, parameters: Mapping[str, str]
) -> pl.DataFrame:
    """Return the rows of a SELECT, which ends with ANSWER_SECONDS, or where a person ends it.

    DuckDB listens to no signal while it works, so it works in another thread.
    """
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(_rows, connection, select, parameters)
        try:
            return answer.result(ANSWER_SECONDS)
        except TimeoutError:
            message = f"the mart did not answer within {ANSWER_SECONDS} seconds: ask for less"
            raise MartRefused(message) from None
        finally:
            while not answer.done():
                connection.interrupt()
                wait([answer], timeout=_FIRST_WAIT_SECONDS)


def _rows(
    connection: duckdb.DuckDBPyConnection, select: duckdb.Statement, parameters: Mapping[str, str]
) -> pl.DataFrame:
    """Return the rows of a SELECT; raise MartRefused where they are more than ANSWER_BYTES."""
    rows = connection.sql(select, params=dict(parameters)).to_arrow_reader(_ROWS_A_BATCH)
    batches: list[pa.RecordBatch] = []
    size = 0
    for batch in rows:
        batches.append(batch)
        size += batch.nbytes
        if size > ANSWER_BYTES:
            message = f"the answer is larger than {ANSWER_BYTES:,} bytes: filter it, or count"
            raise MartRefused(message)
    return pl.DataFrame(pa.Table.from_batches(batches, rows.schema))


@cache
def _schema_version() -> str:
    """Return a hash of all that `_describe` runs."""
    texts = (mart.text(name) for name in (*mart.SCHEMA, *mart.names("views")))
    return sha256("".join([*texts, meanings.version()]).encode()).hexdigest()[:16]


def _is_described(session: "_Session") -> bool:
    """Whether the file has views and comments of this version, all of them.

    Where an older version wrote to it meanwhile, the version is right, and views lack comments.
    """
    session.run(
        "CREATE SCHEMA IF NOT EXISTS control; CREATE TABLE IF NOT EXISTS"
        " control.schema_version (version VARCHAR NOT NULL, comment_count BIGINT NOT NULL)"
    )
    described = session.rows(
        "SELECT 1 FROM control.schema_version AS v"  # noqa: S608, a hash
        f" WHERE v.version = '{_schema_version()}' AND v.comment_count = ({_COMMENT_COUNT})"
    )
    return bool(described)


def _describe(session: "_Session") -> None:
    """Bring columns up to date, create the views and comment on everything, in one transaction."""
    session.run("BEGIN")
    try:
        mart.bring_up_to_date(session)
        for name in mart.names("views"):
            mart.run(session, name)
        for *_, statement in meanings.comments():
            session.run(statement)
        session.run("DELETE FROM control.schema_version")
        session.run(
            f"INSERT INTO control.schema_version SELECT '{_schema_version()}', ({_COMMENT_COUNT})"
        )
        session.run("COMMIT")
    except BaseException:
        session.run("ROLLBACK")
        raise


def _attached(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    quoted, mode = str(path).replace("'", "''"), " (READ_ONLY)" if read_only else ""
    try:
        connection.execute(f"ATTACH '{quoted}' AS stored{mode}")
        if not _has_schema(connection, path):
            return connection.execute(f"DETACH stored; ATTACH '{quoted}' AS mart{mode}; USE mart")
        if not read_only:
            connection.execute("CREATE SCHEMA IF NOT EXISTS stored.mart")
        return connection.execute("USE stored.mart")
    except duckdb.Error:
        connection.close()
        raise


def _has_schema(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether the tables of the attached file stand in a schema `mart`, or are to.

    Earlier versions put them into `main`, and so do we in a file called mart.duckdb: DuckDB calls
    its database `mart`, and a schema of that name would make `mart.x` ambiguous.
    """
    sql = """
        SELECT DISTINCT schema_name FROM duckdb_tables() WHERE database_name = 'stored'
        UNION SELECT schema_name FROM duckdb_schemas()
        WHERE database_name = 'stored' AND schema_name = 'mart'"""
    names = {name for (name,) in connection.execute(sql).fetchall()}
    return "mart" in names or ("main" not in names and path.stem != "mart")


def _is_taken(error: BaseException) -> bool:
    """Whether somebody else has the file open, in another process or in this one."""
    return isinstance(error, duckdb.Error) and _TAKEN.search(str(error)) is not None


class _Session:
    """The connection, in the shape that `mart.rebuild` needs."""

    engine: Engine = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, statement: str) -> None:
        self._connection.execute(statement)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        first: list[tuple[Any, ...]] = self._connection.execute(statement).fetchmany(_ROWS_SHOWN)
        return first

    def fill(self, statement: str, frame: pl.DataFrame) -> None:
        self._connection.register("staged", frame.to_arrow())
        self._connection.execute(f"{statement} SELECT * FROM staged")  # noqa: S608, no outside text
        self._connection.unregister("staged")
