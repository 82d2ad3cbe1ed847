"""Tables and views of the mart in Snowflake, each created with the comments on its columns."""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Protocol

import polars as pl

from market_opinion.serving import mart
from market_opinion.serving.mart import meanings
from market_opinion.serving.mart.publication import Publication

_TABLE = re.compile(
    r"^CREATE TABLE IF NOT EXISTS mart\.(?P<name>\w+) \((?P<columns>.*)\)$", re.DOTALL
)
_VIEW = re.compile(
    r"^CREATE OR REPLACE VIEW (?P<schema>mart|published)\.(?P<name>\w+) AS\b(?P<select>.*)$",
    re.DOTALL,
)
# Schema, table, column or "" for the table itself, and the comment on it.
_THERE = """
    SELECT LOWER(table_schema) AS schema_name, LOWER(table_name) AS table_name,
           '' AS column_name, COALESCE(comment, '') AS comment
    FROM information_schema.tables WHERE table_schema IN ('MART', 'PUBLISHED')
    UNION ALL
    SELECT LOWER(table_schema), LOWER(table_name), LOWER(column_name), COALESCE(comment, '')
    FROM information_schema.columns WHERE table_schema IN ('MART', 'PUBLISHED')
"""
_There = Mapping[tuple[str, str, str], str]


class Session(mart.Session, Protocol):
    """A connection that also reads whole answers, and inserts rows."""

    def frame(self, statement: str, parameters: Mapping[str, str]) -> pl.DataFrame:
        """Return all rows of a SELECT."""
        ...

    def has_table(self, schema: str, table: str) -> bool:
        """Whether the database has this table; names are in upper case."""
        ...

    def insert(self, table: str, frame: pl.DataFrame) -> None:
        """Insert the rows."""
        ...


def prepare(session: Session, publication: Publication) -> None:
    """Create tables and views with their comments, unless those of this version exist.

    DDL commits by itself in Snowflake, so this runs before the load's transaction.
    """
    current = version(publication)
    is_current = f"SELECT 1 FROM staging.schema_version WHERE version = '{current}'"  # noqa: S608, a hash
    if session.has_table("STAGING", "SCHEMA_VERSION") and session.rows(is_current):
        return
    mart.bring_up_to_date(session)
    there = _there(session)
    for statement in statements(publication, there):
        session.run(statement)
    session.run("BEGIN")
    session.run("DELETE FROM staging.schema_version")
    session.insert("staging.schema_version", pl.DataFrame({"version": [current]}))
    session.run("COMMIT")


def version(publication: Publication) -> str:
    """Return a hash of all that `statements` is made from."""
    texts = [
        *(mart.text(name, "snowflake") for name in _files()),
        *publication.views(),
        meanings.version(),
    ]
    return sha256("".join(texts).encode()).hexdigest()[:16]


def statements(publication: Publication, there: _There) -> Iterator[str]:
    """Yield the statements that create what is missing, and describe what has other comments.

    `there` has the comments of the database, by schema, table, and column or "" for the table.
    """
    for name in ("snowflake/control", "snowflake/silver", *mart.SCHEMA):
        yield from map(_described_table, mart.statements(name, "snowflake"))
    yield from _new_comments(there)
    of_views = (s for name in mart.names("views") for s in mart.statements(name, "snowflake"))
    for view in (*of_views, *publication.views()):
        yield _described_view(view, there)


def _files() -> list[str]:
    return ["snowflake/control", "snowflake/silver", *mart.SCHEMA, *mart.names("views")]


def _there(session: Session) -> dict[tuple[str, str, str], str]:
    rows: list[tuple[Any, ...]] = session.frame(_THERE, {}).rows()
    return {(schema, table, column): comment for schema, table, column, comment in rows}


def _described_table(statement: str) -> str:
    """Return a statement that creates a table of the mart, with comments; others as they are."""

    def written(match: re.Match[str]) -> str:
        name = match["name"]
        columns = (" ".join(column.split()) for column in match["columns"].split(","))
        described = (
            f"{column} COMMENT {_meaning(name, column.partition(' ')[0])}" for column in columns
        )
        return f"CREATE TABLE IF NOT EXISTS mart.{name} ({', '.join(described)}) {_of(name)}"

    return _TABLE.sub(written, statement)


def _described_view(view: str, there: _There) -> str:
    """Return a statement that creates a view, with comments on it and on its columns.

    Snowflake takes the comments of a view's columns where it is created, and nowhere else. A view
    that is replaced keeps its grants by COPY GRANTS; a new one has those of its schema's future
    views, which COPY GRANTS would leave out.
    """

    def written(match: re.Match[str]) -> str:
        name = match["name"]
        columns = ", ".join(
            f"{column} COMMENT {_meaning(name, column)}" for column in meanings.column_names()[name]
        )
        is_there = any(place[:2] == (match["schema"], name) for place in there)
        grants = " COPY GRANTS" if is_there else ""
        head = f"CREATE OR REPLACE VIEW {match['schema']}.{name} ({columns})"
        return f"{head}{grants} {_of(name)} AS{match['select']}"

    return _VIEW.sub(written, view)


def _new_comments(there: _There) -> Iterator[str]:
    """Yield a statement for each table that has columns with other comments than today's.

    The comments of a table that is not there come with the table.
    """
    for table, columns in meanings.column_names().items():
        if table in meanings.views() or ("mart", table, "") not in there:
            continue
        if there["mart", table, ""] != meanings.of_tables()[table]:
            yield f"ALTER TABLE mart.{table} SET {_of(table)}"
        changed = ", ".join(
            f"COLUMN {column} COMMENT {_meaning(table, column)}"
            for column in columns
            if there.get(("mart", table, column)) != meanings.of_column(table, column)
        )
        if changed:
            yield f"ALTER TABLE mart.{table} ALTER {changed}"


def _of(table: str) -> str:
    return f"COMMENT = {_literal(meanings.of_tables()[table])}"


def _meaning(table: str, column: str) -> str:
    return _literal(meanings.of_column(table, column))


def _literal(text: str) -> str:
    r"""Return a text as a literal of Snowflake's SQL, where a `\` begins an escape."""
    return meanings.quoted(text.replace("\\", "\\\\"))
