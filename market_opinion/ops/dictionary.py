"""The data dictionary: every table and column of lake and mart, as Markdown.

It is made from the contracts and the SQL themselves, with the meanings of the mart beside them.
"""

from collections.abc import Iterator

from market_opinion.core.contracts import TABLES, Table
from market_opinion.serving.mart import meanings
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


def _mart_tables() -> Iterator[str]:
    of_tables = meanings.of_tables()
    tables: dict[str, list[str]] = {}
    for table, column, dtype, is_nullable in meanings.columns():
        cells = (dtype.lower(), "yes" if is_nullable else "", meanings.of_column(table, column))
        tables.setdefault(table, []).append(f"| `{column}` | {' | '.join(cells)} |")
    for table, rows in tables.items():
        head = "| column | type | may be null | meaning |\n|---|---|---|---|"
        yield "\n".join([f"### `mart.{table}`\n", f"{of_tables[table]}\n", head, *rows, ""])


def _type(polars_type: str) -> str:
    return "timestamp" if polars_type.startswith("Datetime") else polars_type.lower()
