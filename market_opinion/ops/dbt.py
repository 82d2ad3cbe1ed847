"""Source file of dbt for the mart: tables, columns, keys and what they lead to.

It is made from the mart's own SQL, as the data dictionary is.
"""

from typing import Any

import yaml

from market_opinion.serving.mart import meanings

_HEAD = "# Made by `make docs` from market_opinion/serving/mart/sql.\n"


def render() -> str:
    """Return `sources.yml`: the star and its views, with tests of keys and of what they lead to."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for table, name, dtype, is_nullable in meanings.columns():
        column: dict[str, Any] = {
            "name": name,
            "description": meanings.of_column(table, name),
            "data_type": dtype.lower(),
        }
        if tests := _tests(table, name, is_nullable=is_nullable):
            column["data_tests"] = tests
        tables.setdefault(table, []).append(column)
    of_tables = meanings.of_tables()
    source = {
        "name": "mart",
        "description": "Opinions on products by aspect; `market-opinion tables` says more.",
        "schema": "mart",
        "tables": [
            {"name": name, "description": of_tables[name], "columns": columns}
            for name, columns in tables.items()
        ],
    }
    text: str = yaml.safe_dump(
        {"version": 2, "sources": [source]}, sort_keys=False, width=96, allow_unicode=True
    )
    return _HEAD + text


def _tests(table: str, column: str, *, is_nullable: bool) -> list[Any]:
    """Return the tests of a column: the key of a table, or the key of the dimension it leads to."""
    kind, _, name = table.partition("_")
    subject = column.removesuffix("_key")
    if subject == column or kind not in {"dim", "fact"}:
        return []
    is_own = subject == (name if kind == "dim" else _FACT_KEYS[name])
    tests: list[Any] = [] if is_nullable else ["not_null"]
    if is_own:
        return [*tests, "unique"]
    if (dimension := f"dim_{subject}") in _DIMENSIONS:
        target = {"to": f"source('mart', '{dimension}')", "field": column}
        return [*tests, {"relationships": {"arguments": target}}]
    return tests


# The key of each fact, by the rest of its name.
_FACT_KEYS = {"aspect_opinion": "opinion", "brand_mentions": "mention", "window": "window"}
_DIMENSIONS = {
    "dim_aspect",
    "dim_community",
    "dim_date",
    "dim_product",
    "dim_scorer",
    "dim_submission",
}
