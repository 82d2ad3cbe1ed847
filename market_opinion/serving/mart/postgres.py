"""The mart's views in PostgreSQL, for dashboards and whoever speaks SQL: published whole, in one transaction."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import adbc_driver_manager
import polars as pl
from adbc_driver_postgresql import dbapi
from pydantic import SecretStr

from market_opinion.core.errors import MartRefused, MartUnavailable
from market_opinion.serving import mart

_SCHEMA = "postgres/schema"
# The words behind a number are read by people: this many of each product and tone.
_EVIDENCE_RANK_MAX = 50
_PUBLISHED = {
    **{name.partition("/")[2]: "" for name in mart.names("views")},
    "top_evidence": f" WHERE evidence_rank <= {_EVIDENCE_RANK_MAX}",
    "load_audit": "",
}
_REMEDIES = {
    "28P01": "check user and password of POSTGRES_URI",
    "28000": "the server lets this user not in: check pg_hba.conf and POSTGRES_URI",
    "3D000": "create the database that POSTGRES_URI names",
    "42501": "the user lacks a privilege: grant it CREATE on the database, or make mart/sql/postgres/schema.sql for it",
    "42703": "a table has other columns than this version's: drop it, the next publication makes it anew",
    "53100": "the server's disk is full",
}
_SAYS = {
    "28P01": "password authentication failed",
    "28000": "no pg_hba.conf entry",
    "3D000": "does not exist",
}


class PostgresMart:
    """What was published last; a reader sees the publication before, or this one, never half of it."""

    def __init__(self, uri: SecretStr) -> None:
        """Use the database at this URI, `postgresql://user:password@host:port/name`."""
        self._uri = uri

    def publish(self, source: mart.Mart) -> dict[str, int]:
        """Replace the rows of every published table by those of the mart; how many. One publication at a time."""
        with self._cursor() as cursor:
            for statement in mart.statements(_SCHEMA):
                cursor.execute(statement)
            cursor.execute("LOCK TABLE mart.load_audit IN SHARE ROW EXCLUSIVE MODE")
            count = 0
            for name, frame in source.read(
                {name: f"SELECT * FROM mart.{name}{where}" for name, where in _PUBLISHED.items()}
            ):  # noqa: S608, ours
                columns = ", ".join(frame.columns)
                cursor.adbc_ingest(
                    f"incoming_{name}", _conform(frame).to_arrow(), mode="create", temporary=True
                )
                cursor.execute(f"DELETE FROM mart.{name}")  # noqa: S608
                cursor.execute(
                    f"INSERT INTO mart.{name} ({columns}) SELECT {columns} FROM incoming_{name}"
                )  # noqa: S608
                count += frame.height
            return {"published_row_count": count}

    @property
    def is_loaded(self) -> bool:
        """Whether anything was ever published."""
        found = self.query("SELECT to_regclass('mart.load_audit') IS NOT NULL AS is_there")
        return (
            bool(found["is_there"].item())
            and self.query("SELECT load_key FROM mart.load_audit LIMIT 1").height > 0
        )

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """The rows a SELECT gives; parameters are written `$name`."""
        names = list(parameters or {})
        numbered = re.sub(r"\$([a-z_]+)", lambda found: f"${names.index(found[1]) + 1}", sql)
        with self._cursor() as cursor:
            cursor.execute(numbered, [(parameters or {})[name] for name in names] or None)
            return pl.DataFrame(cursor.fetch_arrow_table())

    @contextmanager
    def _cursor(self) -> Iterator[dbapi.Cursor]:
        """A cursor in a transaction that is committed where nothing went wrong; the driver's errors become ours."""
        try:
            with (
                dbapi.connect(self._uri.get_secret_value()) as connection,
                connection.cursor() as cursor,
            ):
                yield cursor
                connection.commit()
        except adbc_driver_manager.Error as error:
            raise _explained(error) from None


def _conform(frame: pl.DataFrame) -> pl.DataFrame:
    """Whole numbers as BIGINT, and nothing where a quotient was none: PostgreSQL would keep NaN and fail in sums."""
    return frame.with_columns(
        pl.selectors.integer().cast(pl.Int64), pl.selectors.float().fill_nan(None)
    )


def _explained(error: adbc_driver_manager.Error) -> MartRefused | MartUnavailable:
    """Our error for one of the driver's. The URI, which may hold a password, is never quoted."""
    said = " ".join(re.sub(r"postgres(?:ql)?://\S+", "POSTGRES_URI", str(error)).split())[:300]
    # At the sign-in the driver passes on the server's words, not its code.
    state = error.sqlstate or next((code for code, words in _SAYS.items() if words in said), "")
    remedy = _REMEDIES.get(state)
    if remedy:
        return MartRefused(f"PostgreSQL refuses ({said}): {remedy}")
    if isinstance(error, adbc_driver_manager.OperationalError):
        return MartUnavailable(
            f"PostgreSQL does not answer ({said}): check that it runs and where POSTGRES_URI leads"
        )
    return MartRefused(f"PostgreSQL refuses ({said})")
