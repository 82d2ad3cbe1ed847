"""The data dictionary: every table and column of lake and mart, as Markdown.

It is made from the contracts and the SQL themselves.
"""

import re
from collections.abc import Iterator

import duckdb

from market_opinion.core.contracts import TABLES, Table
from market_opinion.serving import mart
from market_opinion.sources.listing import platform_table

_HEAD = """# Tables

Made from the contracts in `market_opinion/core/contracts.py` and the SQL in
`market_opinion/serving/mart/sql/` by `make docs`; checked by `make check`.
Personal columns hold what a person wrote or is called, as received: they exist in bronze alone.
"""


def render() -> str:
    """Return the whole dictionary."""
    return "\n".join(
        [
            _HEAD,
            "## Platforms\n",
            platform_table(),
            "## Lake\n",
            *map(_lake_table, TABLES),
            "## Mart\n",
            *_mart_tables(),
        ]
    )


def _lake_table(table: Table) -> str:
    columns = table.contract.to_schema().columns
    rows = []
    for name, dtype in table.schema.items():
        column = columns[name]
        metadata = column.metadata or {}
        personal = "yes" if metadata.get("personal") else ""
        nullable = "yes" if column.nullable else ""
        cells = (_type(str(dtype)), metadata.get("unit", ""), nullable, personal)
        rows.append(f"| `{name}` | {' | '.join(map(str, cells))} | {column.description} |")
    grain = (table.contract.__doc__ or "").strip()
    key = f"Key: {', '.join(f'`{name}`' for name in table.key)}. " if table.key else ""
    head = "| column | type | unit | may be null | personal | meaning |\n|---|---|---|---|---|---|"
    partitions = ", ".join(f"`{term}`" for term in table.partition)
    text = f"{grain} {key}Partitions: {partitions}."
    return "\n".join([f"### `{table.name}`\n", f"{text}\n", head, *rows, ""])


def mart_columns() -> list[tuple[str, str, str, bool]]:
    """Return table, column, type and whether it may be null, of all of the mart's own objects."""
    with duckdb.connect() as connection:
        for schema in ("mart", "staging", "silver"):
            connection.execute(f"ATTACH ':memory:' AS {schema}")
        connection.execute("USE mart")
        for name in [*mart.SCHEMA, *mart.names("views")]:
            for statement in mart.statements(name):
                connection.execute(statement)
        return connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns()"
            " WHERE database_name = 'mart' AND NOT internal ORDER BY table_name, column_index"
        ).fetchall()


def mart_meanings() -> dict[str, str]:
    """Return the meaning of each table and view of the mart: its grain in a sentence or two."""
    return {**_MART_GRAINS, **_view_meanings()}


def _mart_tables() -> Iterator[str]:
    meanings = mart_meanings()
    tables: dict[str, list[str]] = {}
    for table, column, dtype, is_nullable in mart_columns():
        tables.setdefault(table, []).append(
            f"| `{column}` | {dtype.lower()} | {'yes' if is_nullable else ''} |"
        )
    for table, rows in tables.items():
        meaning = meanings.get(table, "")
        yield (
            f"### `mart.{table}`\n\n{meaning}\n\n| column | type | may be null |\n|---|---|---|\n"
            + "\n".join(rows)
            + "\n"
        )


_MART_GRAINS = {
    "dim_aspect": "One row per domain and aspect; `-1` is the unknown member.",
    "dim_community": "One row per platform and community; `-1` is the unknown member.",
    "dim_date": "One row per day from 1995 to 2049; `-1` is the unknown member.",
    "dim_product": (
        "One row per domain, product and version, valid from `valid_from` until before `valid_to`;"
        " `-1` is the unknown member."
    ),
    "dim_scorer": "One row per scorer, model and prompt version; `-1` is the unknown member.",
    "dim_submission": (
        "One row per thread; `is_captured` is false while its first item was not received;"
        " `-1` is the unknown member."
    ),
    "fact_aspect_opinion": (
        "One row per domain, item, product and aspect, of the score set that is shown."
    ),
    "fact_brand_mentions": (
        "One row per domain, item and product;"
        " polarity is the mean of the item's opinions on the product."
    ),
    "fact_window": (
        "One row per community and hour: what was received and how much of it can be used."
    ),
    "label_estimates": (
        "One row per domain, measure and cell of a part, corrected by labels,"
        " as in `gold.estimates`; the view `estimates` has them beside those of sampling."
    ),
    "weekly_changes": (
        "One row per domain, week, measure, brand and aspect, as in `gold.changes`."
    ),
    "daily_bursts": "One row per domain, day, brand and kind, as in `gold.bursts`.",
    "load_audit": (
        "One row per committed load: counts on both sides"
        " and the Iceberg snapshots they were taken from."
    ),
}


def _view_meanings() -> dict[str, str]:
    """Return the meaning of each view, which stands in the first lines of its file."""
    return {
        name.partition("/")[2]: " ".join(re.findall(r"^-- (.*)$", mart.text(name), re.MULTILINE))
        for name in mart.names("views")
    }


def _type(polars_type: str) -> str:
    return "timestamp" if polars_type.startswith("Datetime") else polars_type.lower()
