"""Columns of the mart's tables that contracts or frames have as well, written into the SQL.

An SQL file refers to them by a placeholder: `{columns silver.items}` are all columns of a table
with their types, `{values silver.items of i}` the same columns as they are read from the lake.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from market_opinion.core.column_types import TYPES, ColumnType, Engine, in_mart, type_of
from market_opinion.core.contracts import (
    GOLD_BURSTS,
    GOLD_CHANGES,
    GOLD_ESTIMATES,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
    Table,
)
from market_opinion.core.polars_types import Schema

_PLACEHOLDER = re.compile(r"\{(columns|values) ([a-z_.]+)(?: of (\w))?\}")


@dataclass(frozen=True)
class Column:
    """A column of a table; `kind` is its type in the lake or in the frame that fills it."""

    name: str
    kind: ColumnType
    is_nullable: bool = False

    def definition(self, engine: Engine) -> str:
        """Return the column as CREATE TABLE has it."""
        null = "" if self.is_nullable else " NOT NULL"
        return f"{self.name} {in_mart(self.kind).in_engine(engine)}{null}"

    def value(self, alias: str, engine: Engine) -> str:
        """Return the column of a table of the lake as an expression of its type in the mart."""
        of_lake = f"{alias}.{self.name}"
        if self.kind is in_mart(self.kind):
            return of_lake
        return f"CAST(CONVERT_TIMEZONE('UTC', {of_lake}) AS {in_mart(self.kind).in_engine(engine)})"


def _contracted(table: Table, names: Iterable[str], *, is_nullable: bool) -> tuple[Column, ...]:
    """Return columns of a contract; all may be null, or those that may be by the contract."""
    rules = table.contract.to_schema().columns
    return tuple(
        Column(name, type_of(table.schema[name]), is_nullable or rules[name].nullable)
        for name in names
    )


def _columns(kinds: dict[str, str], *, nullable: tuple[str, ...] = ()) -> tuple[Column, ...]:
    return tuple(Column(name, TYPES[word], name in nullable) for name, word in kinds.items())


# Columns of silver.items that the mart takes; texts stay in the lake.
ITEM_COLUMNS = (
    "platform", "community", "kind", "item_id", "thread_id", "created_at", "window_start",
    "author_key", "context_title", "permalink", "votes", "reply_count", "rating", "retrieved_at",
)  # fmt: skip
# Columns of gold.estimates that a load brings into the mart, of the rows by labels.
ESTIMATE_COLUMNS = tuple(name for name in GOLD_ESTIMATES.schema if name not in {"domain", "method"})
# Columns of gold.changes and gold.bursts that a load brings into the mart.
CHANGE_COLUMNS, BURST_COLUMNS = (
    tuple(name for name in table.schema if name != "domain")
    for table in (GOLD_CHANGES, GOLD_BURSTS)
)
PRODUCTS = _columns(
    {
        "product_id": "text",
        "product": "text",
        "brand": "text",
        "category": "text",
        "released_on": "day",
        "is_own_brand": "flag",
        "row_hash": "text",
    },
    nullable=("released_on",),
)
ASPECTS = _columns({"aspect": "text", "title": "text", "is_overall": "flag"})
WINDOWS = _columns(
    {
        "platform": "text",
        "community": "text",
        "window_start": "utc",
        "state": "text",
        "item_count": "whole",
        "comment_count": "whole",
        "usable_item_count": "whole",
        "usable_comment_count": "whole",
    }
)
# Silver's rows come as they are: the checks of the mart say what is wrong with them.
SILVER_COLUMNS = {
    "silver.items": _contracted(SILVER_ITEMS, ITEM_COLUMNS, is_nullable=True),
    "silver.mentions": _contracted(SILVER_MENTIONS, SILVER_MENTIONS.schema, is_nullable=True),
    "silver.opinions": _contracted(SILVER_OPINIONS, SILVER_OPINIONS.schema, is_nullable=True),
}
_TABLES = {
    **SILVER_COLUMNS,
    "staging.products": PRODUCTS,
    "staging.aspects": ASPECTS,
    "staging.windows": WINDOWS,
    "staging.estimates": _contracted(GOLD_ESTIMATES, ESTIMATE_COLUMNS, is_nullable=False),
    "staging.changes": _contracted(GOLD_CHANGES, CHANGE_COLUMNS, is_nullable=False),
    "staging.bursts": _contracted(GOLD_BURSTS, BURST_COLUMNS, is_nullable=False),
    "mart.label_estimates": _contracted(
        GOLD_ESTIMATES, ("domain", *ESTIMATE_COLUMNS), is_nullable=False
    ),
    "mart.weekly_changes": _contracted(
        GOLD_CHANGES, ("domain", *CHANGE_COLUMNS), is_nullable=False
    ),
    "mart.daily_bursts": _contracted(GOLD_BURSTS, ("domain", *BURST_COLUMNS), is_nullable=False),
}


def schema_of(columns: Iterable[Column]) -> Schema:
    """Return the columns as the schema of a frame."""
    return {column.name: column.kind.polars for column in columns}


def filled(sql: str, engine: Engine) -> str:
    """Return an SQL text with its columns and types in the words of an engine."""

    def written(match: re.Match[str]) -> str:
        what, table, alias = match.groups()
        columns = _TABLES[table]
        if what == "values":
            return ",\n       ".join(column.value(alias, engine) for column in columns)
        return ", ".join(column.definition(engine) for column in columns)

    sql = _PLACEHOLDER.sub(written, sql)
    for word, kind in TYPES.items():
        sql = sql.replace(f"{{{word}}}", kind.in_engine(engine))
    return sql
