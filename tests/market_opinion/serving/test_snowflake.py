"""The mart in Snowflake equals DuckDB's, row for row, by the real connector on a test server."""

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from prefect_snowflake import SnowflakeCredentials

from market_opinion.core.errors import ReconciliationFailed, SettingsInvalid
from market_opinion.core.settings import load_settings
from market_opinion.serving import mart
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.serving.mart.publication import Publication
from market_opinion.serving.mart.snowflake import SnowflakeMart
from tests.warehouse import assert_equal, contents, needs_server

pytestmark = needs_server
PUBLICATION = Publication(5, has_links=False)


@pytest.fixture
def stores(connect, tmp_path):
    return DuckDBMart(tmp_path / "mart.duckdb"), SnowflakeMart(
        connect, access="copy", publication=PUBLICATION
    )


def test_both_engines_hold_the_same(stores, load, silver):
    """A23, E22, X8: verbatim SQL: after a first load, a rerun, late items, and a changed product."""
    duck, snow = stores
    for store in stores:
        assert not store.is_loaded
        assert store.load(load, lambda: silver) == {
            "fact_mention_count": 2,
            "fact_opinion_count": 3,
        }
        assert store.is_loaded
    assert_equal(duck, snow)
    for store in stores:
        store.load(load, lambda: silver, again=True)
    assert_equal(duck, snow)
    changed = load.products.with_columns(
        brand=pl.when(product_id="google-pixel-9").then(pl.lit("Alphabet")).otherwise("brand"),
        row_hash=pl.when(product_id="google-pixel-9").then(pl.lit("new")).otherwise("row_hash"),
    )
    less = replace(silver, mentions=silver.mentions.head(1), opinions=silver.opinions.clear())
    for store in stores:
        store.load(
            replace(
                load,
                products=changed,
                as_of=datetime(2026, 3, 1, 10, tzinfo=UTC),
                snapshot_ids={"items": 7, "mentions": 8, "opinions": 9},
            ),
            lambda: less,
        )
    assert_equal(duck, snow)


def test_what_is_in_step_is_not_read_again(stores, load, silver):
    _, snow = stores
    first = snow.load(load, lambda: silver)
    assert snow.load(load, lambda: pytest.fail("silver was read")) == first


def test_a_load_that_fails_leaves_the_mart_as_it_was(stores, load, silver, monkeypatch):
    """ROLLBACK, by a check and by anything else, in the middle."""
    _, snow = stores
    snow.load(load, lambda: silver)
    before = contents(snow)
    orphan = silver.opinions.head(1).with_columns(product_id=pl.lit("google-pixel-8"))
    with pytest.raises(ReconciliationFailed, match="checks/opinions_reconcile"):
        snow.load(
            load, lambda: replace(silver, opinions=pl.concat([silver.opinions, orphan])), again=True
        )
    with monkeypatch.context() as broken:
        broken.setattr(mart, "_AFTER_CHECKS", ("facts/none_of_this_name",))
        with pytest.raises(FileNotFoundError):
            snow.load(
                load,
                lambda: replace(
                    silver, mentions=silver.mentions.clear(), opinions=silver.opinions.clear()
                ),
                again=True,
            )
    for name, frame in contents(snow).items():
        assert_frame_equal(frame, before[name], check_row_order=False)


def test_parameters_are_bound_not_pasted(stores, load, silver):
    _, snow = stores
    snow.load(load, lambda: silver)
    sql = "SELECT COUNT(*) AS n, MAX('100%') AS share FROM mart.daily_brand WHERE domain = $domain"
    assert snow.query(sql, {"domain": "smartphones"}).row(0) == (2, "100%")
    assert snow.query(sql, {"domain": "it's ' OR 1=1 --"})["n"].item() == 0


def test_times_are_utc_and_empty_ones_stay_empty(stores, load, silver):
    _, snow = stores
    snow.load(load, lambda: replace(silver, items=silver.items.filter(pl.col("kind") == "comment")))
    assert snow.query("SELECT mentioned_at FROM mart.fact_brand_mentions")[
        "mentioned_at"
    ].unique().to_list() == [datetime(2026, 3, 1, 10)]
    assert (
        snow.query("SELECT submitted_at FROM mart.dim_submission")["submitted_at"].null_count() == 2
    )


def test_silver_is_read_in_place(connect, load, silver, tmp_path):
    """A24, access iceberg: no row is sent; the load reads its dates and domain from the lake."""
    duck, statements = DuckDBMart(tmp_path / "mart.duckdb"), []
    connection = connect()
    cursor = connection.cursor()
    lake = {"items": silver.items, "mentions": silver.mentions, "opinions": silver.opinions}
    for name, frame in lake.items():
        columns = ", ".join(
            f"{column} {_TYPES[dtype.base_type()]}" for column, dtype in frame.schema.items()
        )
        cursor.execute(f"CREATE TABLE lake.{name} ({columns})")
        other_day = frame.with_columns(pl.col(pl.Datetime) + pl.duration(days=1))
        others = (
            [other_day]
            if name == "items"
            else [other_day, frame.with_columns(domain=pl.lit("cars"))]
        )
        for row in (
            pl.concat([frame, *others])
            .with_columns(pl.col(pl.Datetime).dt.replace_time_zone(None))
            .to_dicts()
        ):
            cursor.execute(
                f"INSERT INTO lake.{name} VALUES ({', '.join(['%s'] * len(row))})",
                list(row.values()),
            )
    connection.commit()

    class Recording(type(cursor)):
        def execute(self, command, *args, **options):
            statements.append(command)
            return super().execute(
                "SELECT 1" if command.startswith("ALTER ICEBERG") else command, *args, **options
            )

    connection.cursor = lambda *_, **__: Recording(connection)
    snow = SnowflakeMart(lambda: connection, access="iceberg", publication=PUBLICATION)
    snow.load(load, lambda: pytest.fail("rows were asked for"))
    duck.load(load, lambda: silver)
    assert_equal(duck, snow)
    assert [s for s in statements if s.startswith("ALTER")] == [
        f"ALTER ICEBERG TABLE lake.{name} REFRESH" for name in ("items", "mentions", "opinions")
    ]
    assert not [s for s in statements if s.startswith(("PUT", "COPY"))]


_TYPES = {
    pl.String: "VARCHAR",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.Boolean: "BOOLEAN",
    pl.Datetime: "TIMESTAMP_NTZ",
}


def test_credentials_that_are_missing_are_named(monkeypatch):
    from market_opinion.serving.mart.snowflake_login import connect as open_connection

    monkeypatch.setenv("MART_URI", "snowflake://account/db")
    with pytest.raises(SettingsInvalid, match="SNOWFLAKE_PRIVATE_KEY"):
        open_connection(load_settings())
    monkeypatch.setenv("MART_URI", "snowflake://account")
    with pytest.raises(SettingsInvalid, match="snowflake://ACCOUNT/DATABASE"):
        open_connection(load_settings())


def test_a_prefect_block_signs_in(connect, stores, load, silver, monkeypatch):
    """The user, and how it signs in, are the block's; the place is that of MART_URI."""
    _, snow = stores
    snow.load(load, lambda: silver)
    for name in ("SNOWFLAKE_USER", "SNOWFLAKE_PASSWORD"):
        monkeypatch.delenv(name)
    blocks = {
        "warehouse": SnowflakeCredentials(
            account="fakesnow", user="of_the_block", password="its own"
        )
    }
    monkeypatch.setattr(SnowflakeCredentials, "load", blocks.__getitem__)
    monkeypatch.setenv("SNOWFLAKE_BLOCK", "warehouse")
    with connect() as connection:
        assert connection.user == "of_the_block"
        assert connection.cursor().execute(
            "SELECT COUNT(*) FROM mart.fact_brand_mentions"
        ).fetchone() == (2,)
