"""D27: one table of types, which every format between JSON and the mart is made from."""

import re

import duckdb
import msgspec
import polars as pl
import pytest

from market_opinion.core.column_types import TYPES, in_mart, type_of
from market_opinion.core.contracts import TABLES
from market_opinion.serving import mart
from market_opinion.storage.json_paths import leaf_of, struct_of, tree_of
from market_opinion.storage.lake.schema import from_arrow, iceberg_schema

# DuckDB's name of a type that the table of types has not: sums of BIGINT, which are cast on leaving.
WIDE = {"HUGEINT": "BIGINT"}


@pytest.fixture(scope="module")
def made():
    """The type of every column of tables and views, as DuckDB says after running the DDL."""
    with duckdb.connect() as connection:
        for schema in ("mart", "staging", "silver"):
            connection.execute(f"ATTACH ':memory:' AS {schema}")
        connection.execute("USE mart")
        for name in (*mart.SCHEMA, *mart.names("views")):
            for statement in mart.statements(name):
                connection.execute(statement)
        rows = connection.execute(
            "SELECT database_name || '.' || table_name, column_name, data_type"
            " FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    columns = {}
    for table, column, dtype in rows:
        columns.setdefault(table, {})[column] = dtype
    return columns


def ddl_of(names, engine):
    """Return the type of every column of every CREATE TABLE of SQL files, by table."""
    columns = {}
    for name in names:
        for statement in mart.statements(name, engine):
            if found := re.match(
                r"CREATE TABLE IF NOT EXISTS ([\w.]+) \((.*)\)$", statement, re.DOTALL
            ):
                parts = (part.split() for part in found[2].split(","))
                columns[found[1]] = {
                    column: " ".join(words).removesuffix(" NOT NULL") for column, *words in parts
                }
    return columns


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_arrow_and_iceberg_have_the_types_of_the_table(table):
    arrow = table.empty().to_arrow().schema
    iceberg = iceberg_schema(table)
    for name, dtype in table.schema.items():
        kind = type_of(dtype)
        assert str(arrow.field(name).type) == kind.arrow, name
        assert str(iceberg.find_field(name).field_type) == kind.iceberg, name
    assert from_arrow(table.empty().to_arrow(), table.schema).schema == pl.Schema(table.schema)


def test_duckdb_and_snowflake_have_the_types_of_the_table(made):
    """Every column of the DDL of both, and no column in one engine alone."""
    names = ["snowflake/control", "snowflake/silver", *mart.SCHEMA]
    words = {name: mart.text(name, "snowflake") for name in names}
    assert not [name for name, text in words.items() if re.search(r"\{[a-z]", text)]
    snowflake = ddl_of(names, "snowflake")
    own = {name for name in snowflake if name.startswith("silver.")} | {"staging.schema_version"}
    assert snowflake.keys() - own == {name for name in made if name in ddl_of(names, "duckdb")}
    by_duckdb = {kind.duckdb: kind for kind in TYPES.values()}
    count = 0
    for table, columns in snowflake.items():
        if table not in own:
            assert columns.keys() == made[table].keys(), table
        for column, dtype in columns.items():
            here = ddl_of(names, "duckdb")[table][column] if table in own else made[table][column]
            assert by_duckdb[here].snowflake == dtype, f"{table}.{column}"
            count += 1
    assert count > 150


def test_a_column_of_a_contract_has_its_type_in_the_mart(made):
    """By its name: the same quantity has the same name everywhere."""
    contracted = {}
    for table in TABLES:
        for name, dtype in table.schema.items():
            contracted.setdefault(name, set()).add(in_mart(type_of(dtype)).duckdb)
    assert {name for name, kinds in contracted.items() if len(kinds) > 1} == set()
    carried = [
        (table, name, dtype)
        for table, columns in made.items()
        for name, dtype in columns.items()
        if name in contracted
    ]
    assert len(carried) > 100
    assert [each for each in carried if {WIDE.get(each[2], each[2])} != contracted[each[1]]] == []


def test_postgres_has_the_types_of_the_views(made):
    """Its file is run by hand as well, so it is written out, and compared here."""
    by_duckdb = {kind.duckdb: kind for kind in TYPES.values()}
    text = mart.text("postgres/schema")
    tables = re.findall(r"CREATE TABLE IF NOT EXISTS (mart\.\w+) \((.*?)\);", text, re.DOTALL)
    assert len(tables) > 10
    for table, body in tables:
        for column, *words in (part.split() for part in body.split(",")):
            dtype = made[table][column]
            expected = by_duckdb[WIDE.get(dtype, dtype)].postgres
            assert " ".join(words).removesuffix(" NOT NULL") == expected, f"{table}.{column}"


def test_json_is_read_into_the_types_of_the_table():
    """A strict format takes of a line what the table says; text is also taken from no other type."""
    lines = [
        b'{"id": "a", "body": "words", "score": 5, "created_utc": 1772360100}',
        b'{"id": "b", "body": 7, "score": 5, "created_utc": 1772360100}',
        b'{"id": "c", "body": "words", "score": "5", "created_utc": 1772360100}',
    ]
    taken = [line for line in lines if _reads(line)]
    assert taken == lines[:1]
    assert [TYPES[word].json for word in ("text", "whole", "number", "flag")] == [
        str, int, float, bool,
    ]  # fmt: skip


def _reads(line):
    tree = {"id": leaf_of("text"), "body": leaf_of("text"), "score": leaf_of("whole")}
    try:
        msgspec.json.decode(line, type=struct_of(tree_of(tree)))
    except msgspec.ValidationError:
        return False
    return True
