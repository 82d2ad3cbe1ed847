"""The mart's views in PostgreSQL: the real server and driver."""

import threading
from dataclasses import replace

import polars as pl
import pytest
from adbc_driver_postgresql import dbapi
from polars.testing import assert_frame_equal
from pydantic import SecretStr

from flows.backfill import backfill
from flows.publish import publish
from market_opinion.core.errors import InvalidRequest, MartRefused, MartUnavailable
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving import mart
from market_opinion.serving.mart import meanings
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.serving.mart.postgres import PostgresMart
from market_opinion.serving.mart.publication import Publication
from tests.postgres import Postgres, needs_postgres

pytestmark = needs_postgres
# One author is enough here, so that all rows of the small mart are published.
ALL = Publication(1, has_links=True)
VIEWS = [name.partition("/")[2] for name in mart.names("views")]
PUBLISHED = [*(name for name in VIEWS if name != "estimate_items"), "load_audit"]


@pytest.fixture(scope="module")
def server():
    with Postgres() as started:
        yield started


@pytest.fixture
def uri(server, request):
    """A database of this test alone."""
    name = "db_" + request.node.name.lower()[:50].replace("[", "_").replace("]", "")
    with dbapi.connect(server.uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    return SecretStr(server.uri.removesuffix("/postgres") + "/" + name)


@pytest.fixture
def duck(tmp_path, load, silver):
    store = DuckDBMart(tmp_path / "mart.duckdb")
    store.load(load, lambda: silver)
    return store


def run(uri, *statements):
    with dbapi.connect(uri.get_secret_value()) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def test_every_view_is_there_as_the_mart_has_it(uri, duck):
    """E38: names, columns and rows; a second publication changes nothing, on any server."""
    postgres = PostgresMart(uri)
    assert not postgres.is_loaded
    first = postgres.publish(duck, ALL)
    assert postgres.publish(duck, ALL) == first
    assert postgres.is_loaded
    for name in PUBLISHED:
        there, here = (
            postgres.query(f"SELECT * FROM mart.{name}"),
            duck.query(f"SELECT * FROM mart.{name}"),
        )
        assert_frame_equal(there, here, check_dtypes=False, check_row_order=False)
    answer = postgres.query(
        "SELECT brand FROM mart.daily_brand WHERE domain = $domain AND platform = $platform ORDER BY 1",
        {"domain": "smartphones", "platform": "reddit"},
    )
    assert answer["brand"].to_list() == ["Apple", "Google"]


def test_grants_indexes_and_views_of_others_stay(uri, duck):
    """E27: only rows are replaced."""
    PostgresMart(uri).publish(duck, ALL)
    run(
        uri,
        "CREATE VIEW loud AS SELECT * FROM mart.daily_brand",
        "CREATE INDEX mine ON mart.daily_brand (brand)",
        "GRANT USAGE ON SCHEMA mart TO PUBLIC",
        "GRANT SELECT ON mart.daily_brand TO PUBLIC",
    )
    PostgresMart(uri).publish(duck, ALL)
    postgres = PostgresMart(uri)
    assert postgres.query("SELECT brand FROM loud").height == 2
    assert postgres.query("SELECT indexname FROM pg_indexes WHERE indexname = 'mine'").height == 1
    assert (
        postgres.query(
            "SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC' AND table_schema = 'mart'"
        ).height
        == 1
    )


def test_readers_never_see_half_a_publication(uri, duck, load, silver, tmp_path):
    """Two publications take turns while readers ask: always one of the two, whole."""
    other = DuckDBMart(tmp_path / "other.duckdb")
    many = pl.concat([silver.mentions.with_columns(item_id=pl.lit(f"c{n}")) for n in range(200)])
    items = pl.concat(
        [
            silver.items.head(1),
            *(silver.items.tail(1).with_columns(item_id=pl.lit(f"c{n}")) for n in range(200)),
        ]
    )
    other.load(
        load, lambda: replace(silver, items=items, mentions=many, opinions=silver.opinions.clear())
    )
    postgres = PostgresMart(uri)
    postgres.publish(duck, ALL)
    seen, done = set(), threading.Event()

    def read():
        reader = PostgresMart(uri)
        sql = "SELECT (SELECT SUM(mention_count)::BIGINT FROM mart.daily_brand) AS a, (SELECT SUM(mention_count)::BIGINT FROM mart.daily_platform) AS b"
        while not done.is_set():
            seen.add(reader.query(sql).row(0))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        postgres.publish(other, ALL)
        postgres.publish(duck, ALL)
    done.set()
    for reader in readers:
        reader.join()
    assert seen <= {(2, 2), (400, 400)}
    assert len(seen) == 2


def test_a_publication_that_fails_leaves_the_one_before(uri, duck):
    """ROLLBACK in the middle; the message says what to do, and does not hold the address."""
    postgres = PostgresMart(uri)
    postgres.publish(duck, ALL)
    run(uri, "ALTER TABLE mart.share_of_voice DROP COLUMN voice_share")
    with pytest.raises(MartRefused, match="the next publication creates it") as raised:
        postgres.publish(duck, ALL)
    assert uri.get_secret_value() not in str(raised.value)
    assert postgres.query("SELECT brand FROM mart.daily_brand").height == 2
    run(uri, "DROP TABLE mart.share_of_voice")
    postgres.publish(duck, ALL)


def test_what_is_wrong_with_the_server_is_said(uri, duck):
    """Down, no such database, not allowed."""
    down = "postgresql://someone:a-secret-password@127.0.0.1:9/mart"
    with pytest.raises(MartUnavailable, match="check that it runs") as raised:
        PostgresMart(SecretStr(down)).publish(duck, ALL)
    assert "a-secret-password" not in str(raised.value)
    with pytest.raises(MartRefused, match="create the database"):
        PostgresMart(SecretStr(uri.get_secret_value() + "_not")).publish(duck, ALL)
    run(uri, "CREATE ROLE weak LOGIN")
    with pytest.raises(MartRefused, match="lacks a privilege"):
        PostgresMart(SecretStr(uri.get_secret_value().replace("postgres@", "weak@"))).publish(
            duck, ALL
        )


def test_every_flow_publishes_where_it_is_told_to(uri, monkeypatch, without_engine):
    """E21: by the hourly run's own end, and by a flow of its own."""
    with pytest.raises(InvalidRequest, match="POSTGRES_URI is not set"):
        publish.fn()
    monkeypatch.setenv("POSTGRES_URI", uri.get_secret_value())
    monkeypatch.setenv("PUBLISH_MIN_AUTHORS", "1")
    summary = backfill.fn()
    assert summary.counts["published_row_count"] > 500
    assert any(name == "published" for name, _ in summary.rows())
    there = PostgresMart(uri).query("SELECT * FROM mart.share_of_voice")
    assert_frame_equal(
        there,
        open_adapters().mart().query("SELECT * FROM mart.share_of_voice"),
        check_dtypes=False,
        check_row_order=False,
    )
    run(uri, "DELETE FROM mart.daily_brand")
    assert publish.fn().counts["published_row_count"] == summary.counts["published_row_count"]
    assert PostgresMart(uri).query("SELECT * FROM mart.daily_brand").height > 10


COMMENTS = """
    SELECT c.relname::TEXT, '', obj_description(c.oid, 'pg_class') FROM pg_class AS c
    WHERE c.relnamespace = 'mart'::regnamespace AND c.relkind = 'r'
    UNION ALL
    SELECT c.relname::TEXT, a.attname::TEXT, col_description(c.oid, a.attnum)
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'mart'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
        AND NOT a.attisdropped
"""


def comments(uri):
    with dbapi.connect(uri.get_secret_value()) as connection, connection.cursor() as cursor:
        cursor.execute(COMMENTS)
        rows = cursor.fetchall()
    return {(table, column): text for table, column, text in rows}


def test_tables_say_what_each_column_means(uri, duck):
    """S10: the dictionary's words, also on tables without comments or with others of before."""
    postgres = PostgresMart(uri)
    postgres.publish(duck, ALL)
    expected = {
        (table, column): text
        for table, column, text, _ in meanings.comments()
        if table in PUBLISHED
    }
    assert comments(uri) == expected
    run(
        uri,
        "COMMENT ON COLUMN mart.coverage.platform IS NULL",
        "COMMENT ON TABLE mart.coverage IS 'of before'",
    )
    postgres.publish(duck, ALL)
    assert comments(uri) == expected
