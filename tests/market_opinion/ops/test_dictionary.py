"""The data dictionary is what contracts and SQL say."""

import re

import yaml

from market_opinion.core.contracts import TABLES
from market_opinion.ops import dbt, dictionary
from market_opinion.serving.mart import meanings
from tests.conftest import REPOSITORY


def test_the_committed_dictionary_is_current():
    """S10: `make docs` writes it."""
    assert (REPOSITORY / "docs/tables.md").read_text() == dictionary.render()


def test_every_column_of_every_table_has_a_meaning():
    """S10: personal columns are in bronze alone."""
    for table in TABLES:
        for name, column in table.contract.to_schema().columns.items():
            assert column.description, f"{table.name}.{name}"
            assert not column.metadata["personal"] or table.name.startswith("bronze.")


def test_meanings_of_the_mart_are_sentences_with_ranges():
    """S10: shares, ratios and polarities say from where to where, times say UTC; none is left over."""
    said, ranged = set(), re.compile(r"(share|ratio|polarity|confidence|sentiment|p_value)$")
    for table, column, dtype, _ in meanings.columns():
        text = meanings.of_column(table, column)
        said |= {text, f"{table}.{column}", column}
        assert re.fullmatch(r"[1A-Z`].*[A-Za-z0-9`)]\.", text), text
        assert not re.search(r"[Ff]rom [.;]|  ", text), text
        if ranged.search(column):
            assert re.search(r"[Ff]rom -?\d to \d", text), f"{table}.{column}: {text}"
        if dtype == "TIMESTAMP":
            assert "UTC" in text, f"{table}.{column}: {text}"
    for own in (meanings._OWN, meanings._OF_TABLE):
        assert {key for key, text in own.items() if key not in said or text not in said} == set()
    assert set(meanings._CONTRACTS) <= set(meanings.column_names())
    assert set(meanings.of_tables()) == set(meanings.column_names())


def test_the_files_of_dbt_are_those_of_the_mart():
    """Sources as the SQL makes them; exposures name tables that are there; each test names a key."""
    folder = REPOSITORY / "docs" / "dbt"
    text = (folder / "sources.yml").read_text()
    assert text == dbt.render()
    (source,) = yaml.safe_load(text)["sources"]
    columns = {table["name"]: table["columns"] for table in source["tables"]}
    exposures = yaml.safe_load((folder / "exposures.yml").read_text())["exposures"]
    named = {each for exposure in exposures for each in exposure["depends_on"]}
    assert named <= {f"source('mart', '{name}')" for name in columns}
    tests = {
        (table, column["name"]): column.get("data_tests", [])
        for table, entries in columns.items()
        for column in entries
    }
    assert tests["dim_product", "product_key"] == ["not_null", "unique"]
    assert tests["fact_aspect_opinion", "opinion_key"] == ["not_null", "unique"]
    target = {"to": "source('mart', 'dim_product')", "field": "product_key"}
    assert {"relationships": {"arguments": target}} in tests["fact_aspect_opinion", "product_key"]


def test_the_page_for_bi_tools_names_what_the_mart_has():
    """Every join of the page is of real columns, and every view that it names is there."""
    page = (REPOSITORY / "docs" / "bi.md").read_text()
    known = {(table, column) for table, column, _, _ in meanings.columns()}
    tables = {table for table, _ in known}
    pairs = re.findall(r"`(\w+)\.(\w+)`", page)
    assert len(pairs) > 10
    assert [pair for pair in pairs if pair[0] in tables and pair not in known] == []
    bracketed = re.findall(r"(\w+)\[(\w+)\]", page)
    assert len(bracketed) >= 4
    assert set(bracketed) <= known
    assert set(re.findall(r"`mart\.(\w+)`", page)) <= tables | {"duckdb"}
    assert {
        word for word in re.findall(r"`(\w+)`", page) if word.startswith(("dim_", "fact_"))
    } <= tables
