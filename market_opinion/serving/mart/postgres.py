"""The mart's views in PostgreSQL, for dashboards and SQL users; published in one transaction."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import adbc_driver_manager
import polars as pl
from adbc_driver_postgresql import dbapi
from pydantic import SecretStr

from market_opinion.core.errors import MartRefused, MartUnavailable
from market_opinion.serving import mart
from market_opinion.serving.mart import meanings
from market_opinion.serving.mart.publication import Publication

_SCHEMA = "postgres/schema"
# People read the quoted words behind a number: this many for each product and tone.
_EVIDENCE_RANK_MAX = 50
_FEWER = {"top_evidence": f" WHERE evidence_rank <= {_EVIDENCE_RANK_MAX}"}
# Comments of tables and columns, with "" for the table itself and for none.
_COMMENTS = """
    SELECT c.relname::TEXT, COALESCE(a.attname::TEXT, ''),
           COALESCE(CASE WHEN a.attname IS NULL THEN obj_description(c.oid, 'pg_class')
                         ELSE col_description(c.oid, a.attnum) END, '')
    FROM pg_class AS c
    CROSS JOIN LATERAL (
        SELECT NULL::NAME AS attname, 0::SMALLINT AS attnum
        UNION ALL
        SELECT attname, attnum FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS a
    WHERE c.relnamespace = 'mart'::regnamespace AND c.relkind = 'r'
"""
_REMEDIES = {
    "28P01": "check user and password of POSTGRES_URI",
    "28000": "the server does not let this user in: check pg_hba.conf and POSTGRES_URI",
    "3D000": "create the database that POSTGRES_URI names",
    "42501": "the user lacks a privilege: grant it CREATE on the database, or run"
    " market_opinion/serving/mart/sql/postgres/schema.sql as a user who has it",
    "42703": "a table lacks columns of this version: drop it, and the next publication creates it",
    "53100": "the server's disk is full",
}
_QUOTED = re.compile(r'(server at |user |role |database )?"[^"]*+"')
# The server's words at sign-in, where the driver passes on no SQLSTATE.
_SIGN_IN_WORDS = {
    "28P01": "password authentication failed",
    "28000": "no pg_hba.conf entry",
    "3D000": "does not exist",
}


class PostgresMart:
    """The published views; readers see the previous publication or the new one, never a mix."""

    def __init__(self, uri: SecretStr) -> None:
        """Use the database at this URI, `postgresql://user:password@host:port/name`."""
        self._uri = uri

    def publish(self, source: mart.Mart, publication: Publication) -> dict[str, int]:
        """Replace the rows of every published table by those of the publication, and count them."""
        with self._cursor() as cursor:
            for statement in mart.statements(_SCHEMA):
                cursor.execute(statement)
            _describe(cursor)
            cursor.execute("LOCK TABLE mart.load_audit IN SHARE ROW EXCLUSIVE MODE")
            count = 0
            selects = {
                name: f"{select}{_FEWER.get(name, '')}"
                for name, select in publication.selects().items()
            }
            selects["load_audit"] = "SELECT * FROM mart.load_audit"
            for name, frame in source.read(selects):
                columns = ", ".join(frame.columns)
                cursor.adbc_ingest(
                    f"incoming_{name}", _conform(frame).to_arrow(), mode="create", temporary=True
                )
                cursor.execute(f"DELETE FROM mart.{name}")  # noqa: S608
                cursor.execute(
                    f"INSERT INTO mart.{name} ({columns}) SELECT {columns} FROM incoming_{name}"  # noqa: S608
                )
                count += frame.height
            return {"published_row_count": count}

    @property
    def is_loaded(self) -> bool:
        """Whether anything has ever been published."""
        table = self.query("SELECT to_regclass('mart.load_audit') IS NOT NULL AS is_there")
        return (
            bool(table["is_there"].item())
            and self.query("SELECT load_key FROM mart.load_audit LIMIT 1").height > 0
        )

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Return the rows of a SELECT, which refers to a parameter as `$name`."""
        names = list(parameters or {})
        numbered = re.sub(r"\$([a-z_]+)", lambda match: f"${names.index(match[1]) + 1}", sql)
        with self._cursor() as cursor:
            cursor.execute(numbered, [(parameters or {})[name] for name in names] or None)
            return pl.DataFrame(cursor.fetch_arrow_table())

    @contextmanager
    def _cursor(self) -> Iterator[dbapi.Cursor]:
        """Open a cursor in a transaction and commit it; the driver's errors become ours."""
        try:
            with (
                dbapi.connect(self._uri.get_secret_value()) as connection,
                connection.cursor() as cursor,
            ):
                yield cursor
                connection.commit()
        except adbc_driver_manager.Error as error:
            raise _mart_error(error) from None


def _describe(cursor: dbapi.Cursor) -> None:
    """Comment on tables and columns whose comment is not the meaning of today."""
    cursor.execute(_COMMENTS)
    there = {(table, column): text for table, column, text in cursor.fetchall()}
    for table, column, text, statement in meanings.comments(has_views=False):
        if there.get((table, column), text) != text:
            cursor.execute(statement)


def _conform(frame: pl.DataFrame) -> pl.DataFrame:
    """Cast whole numbers to BIGINT and NaN to NULL, since a NaN spoils every sum in PostgreSQL."""
    return frame.with_columns(
        pl.selectors.integer().cast(pl.Int64), pl.selectors.float().fill_nan(None)
    )


def _mart_error(error: adbc_driver_manager.Error) -> MartRefused | MartUnavailable:
    """Return our error for one of the driver's; the URI is left out, as it may hold a password."""
    reason = " ".join(re.sub(r"postgres(?:ql)?://\S+", "POSTGRES_URI", str(error)).split())[:300]
    if "Failed to connect" in reason:
        # libpq takes a password with signs of an address apart, and quotes what it cannot read.
        reason = _QUOTED.sub(lambda found: found[0] if found[1] else "...", reason)
    state = error.sqlstate or next(
        (code for code, words in _SIGN_IN_WORDS.items() if words in reason), ""
    )
    remedy = _REMEDIES.get(state)
    if remedy:
        return MartRefused(f"PostgreSQL refuses ({reason}): {remedy}")
    if isinstance(error, adbc_driver_manager.OperationalError):
        return MartUnavailable(
            f"PostgreSQL does not answer ({reason}): check that it runs, and check POSTGRES_URI"
        )
    return MartRefused(f"PostgreSQL refuses ({reason})")
