"""The mart in one DuckDB file."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

import duckdb
import polars as pl

from market_opinion import mart
from market_opinion.errors import ReconciliationFailed, SettingsInvalid
from market_opinion.mart import Load


class DuckDBMart:
    """Loads and reads the star schema kept in a file."""

    def __init__(self, path: Path) -> None:
        """Use the file; it is made by the first load."""
        self._path = path

    def load(self, load: Load) -> dict[str, int]:
        """Rebuild the load's dates in one transaction and count what they hold; all or nothing.

        Raises ReconciliationFailed, with the file unchanged, where facts and silver would differ by a single row.
        """
        with self._connect(read_only=False) as connection:
            connection.execute("ATTACH ':memory:' AS staging; ATTACH ':memory:' AS silver")
            for name in mart.SCHEMA:
                _run(connection, name)
            _stage(connection, load)
            connection.begin()
            try:
                for name in mart.LOAD:
                    _run(connection, name)
                _check(connection)
                _run(connection, mart.AUDIT)
                for name in mart.names("views"):
                    _run(connection, name)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            audit = connection.execute(
                "SELECT fact_mention_count, fact_opinion_count FROM mart.load_audit JOIN staging.load USING (load_key)"
            ).fetchone()
        mentions, opinions = audit or (0, 0)
        return {"fact_mention_count": mentions, "fact_opinion_count": opinions}

    @property
    def is_loaded(self) -> bool:
        """Whether anything was ever loaded."""
        return self._path.exists()

    def query(self, sql: str, parameters: dict[str, str] | None = None) -> pl.DataFrame:
        """The rows a SELECT gives; parameters are named `$name`."""
        with self._connect(read_only=True) as connection:
            return pl.DataFrame(connection.sql(sql, params=parameters).to_arrow_table())

    def compact(self) -> None:
        """Write the file anew, so that no page of it still holds what was deleted."""
        if not self._path.exists():
            return
        fresh = self._path.with_suffix(".compact")
        fresh.unlink(missing_ok=True)
        with self._connect(read_only=True) as connection:
            path = str(fresh).replace("'", "''")
            connection.execute(f"ATTACH '{path}' AS fresh; COPY FROM DATABASE mart TO fresh; DETACH fresh")
        fresh.replace(self._path)

    @contextmanager
    def _connect(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to which the file is the database `mart`, whatever its name, so that `mart.` means the same everywhere."""
        connection = duckdb.connect()
        try:
            path = str(self._path).replace("'", "''")
            connection.execute(f"ATTACH '{path}' AS mart{' (READ_ONLY)' if read_only else ''}; USE mart")
            yield connection
        except duckdb.IOException as error:
            message = f"mart file {self._path} cannot be opened ({error}): close what else has it open, or check MART_URI"
            raise SettingsInvalid(message) from error
        finally:
            connection.close()


def _run(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    for statement in mart.statements(name):
        connection.execute(statement)


def _stage(connection: duckdb.DuckDBPyConnection, load: Load) -> None:
    """Fill the staging tables, and put silver's rows in sight as `silver.*`; both in memory, for this load alone."""
    dates = sorted({day.year * 10_000 + day.month * 100 + day.day for day in load.dates})
    key = hashlib.sha256(repr((load.domain, load.score_set, dates, sorted(load.snapshot_ids.items()))).encode()).hexdigest()[:32]
    as_of = load.as_of.astimezone(UTC).replace(tzinfo=None)
    told = {
        "load_key": key,
        "domain": load.domain,
        "score_set": load.score_set,
        "as_of": as_of,
        "as_of_text": as_of.isoformat(),
        **{f"{name}_snapshot_id": snapshot_id for name, snapshot_id in load.snapshot_ids.items()},
    }
    frames = {
        "load": pl.DataFrame([told], schema_overrides={f"{name}_snapshot_id": pl.Int64 for name in load.snapshot_ids}),
        "touched_dates": pl.DataFrame({"date_key": dates}),
        "products": load.products,
        "aspects": load.aspects,
        "windows": _naive(load.windows),
    }
    for name, frame in frames.items():
        _fill(connection, f"INSERT INTO staging.{name} BY NAME", frame)
    for name, frame in {"items": load.items, "mentions": load.mentions, "opinions": load.opinions}.items():
        _fill(connection, f"CREATE TABLE silver.{name} AS", _naive(frame))


def _fill(connection: duckdb.DuckDBPyConnection, statement: str, frame: pl.DataFrame) -> None:
    connection.register("staged", frame.to_arrow())
    connection.execute(f"{statement} SELECT * FROM staged")  # noqa: S608, the statements are ours
    connection.unregister("staged")


def _naive(frame: pl.DataFrame) -> pl.DataFrame:
    """Times without their zone: the mart's TIMESTAMP is UTC by convention, on every engine."""
    return frame.with_columns(pl.col(pl.Datetime("us", "UTC")).dt.replace_time_zone(None))


def _check(connection: duckdb.DuckDBPyConnection) -> None:
    """Run every check; raises ReconciliationFailed that names the check and its first rows."""
    for name in mart.names("checks"):
        for statement in mart.statements(name):
            rows = connection.execute(statement).fetchmany(5)
            if rows:
                message = f"mart check {name} found rows that should not be, the load was undone: {rows}"
                raise ReconciliationFailed(message)
