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
from market_opinion.serving.mart import meanings, snowflake_schema
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


def test_both_engines_hold_the_same(stores, load, silver, two_weeks):
    """A23, E22, X8: verbatim SQL: after a first load, a rerun, another week, and a changed product."""
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
    longer, more = two_weeks
    for store in stores:
        store.load(longer, lambda: more)
    assert_equal(duck, snow)
    assert snow.query("SELECT SUM(opinion_count_before) FROM mart.weekly_aspect").row(0) == (2,)
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


def test_published_views_have_the_columns_of_their_views(stores, load, silver):
    """Their column lists are those of the mart's views, so the order has to be the same."""
    duck, _ = stores
    duck.load(load, lambda: silver)
    selects = PUBLICATION.selects()
    found = {name: frame.columns for name, frame in duck.read(selects)}
    assert found == {name: meanings.column_names()[name] for name in selects}


MEANINGS = {(table, column): text for table, column, text, _ in meanings.comments()}


def comments(snow, schema="MART"):
    """The comments that the server holds of a schema's tables and of all columns."""
    rows = snow.query(
        "SELECT LOWER(table_name), '', comment FROM information_schema.tables"
        f" WHERE table_schema = '{schema}' UNION ALL SELECT LOWER(table_name), LOWER(column_name),"
        f" comment FROM information_schema.columns WHERE table_schema = '{schema}'"
    ).rows()
    return {(table, column): text for table, column, text in rows}


@pytest.fixture
def recorded(connect):
    """A mart in Snowflake, and the statements that are sent to it."""
    sent, connection = [], connect()

    class Recording(type(connection.cursor())):
        def execute(self, command, *args, **options):
            sent.append(command)
            return super().execute(command, *args, **options)

    connection.cursor = lambda *_, **__: Recording(connection)
    return SnowflakeMart(lambda: connection, access="copy", publication=PUBLICATION), sent


def test_tables_and_views_have_their_meanings(recorded, load, silver):
    """S10: by the statements that create them; views that are replaced keep their grants.

    The server lists no comments of views as a whole, and knows no grants.
    """
    snow, sent = recorded
    snow.load(load, lambda: silver)
    views = meanings.views()
    held = {place: text for place, text in MEANINGS.items() if place[1] or place[0] not in views}
    assert comments(snow) == held
    published = PUBLICATION.selects()
    assert comments(snow, "PUBLISHED") == {
        place: text for place, text in MEANINGS.items() if place[0] in published and place[1]
    }
    assert not [s for s in sent if s.startswith(("ALTER", "COMMENT")) or " COPY GRANTS " in s]
    of_coverage = f" COMMENT = '{meanings.of_tables()['coverage']}' AS"
    heads = [s for s in sent if s.startswith("CREATE OR REPLACE VIEW")]
    assert len(heads) == len(views) + len(published)
    assert sum(of_coverage in head for head in heads) == 2

    # What an earlier version left gets words and names of now, and nothing else is altered.
    for statement in (
        "ALTER TABLE mart.dim_date ALTER COLUMN year COMMENT 'of before', COLUMN month COMMENT ''",
        "ALTER TABLE mart.dim_aspect SET COMMENT = 'of before'",
        "ALTER TABLE mart.fact_brand_mentions RENAME COLUMN times_named TO mention_count",
        "DELETE FROM staging.schema_version",
        "DROP VIEW mart.coverage",
    ):
        snow._open.cursor().execute(statement)
    snow._open.commit()
    sent.clear()
    snow.load(load, lambda: pytest.fail("silver was read"))
    assert [s for s in sent if s.startswith("ALTER")] == [
        "ALTER TABLE mart.fact_brand_mentions RENAME COLUMN mention_count TO times_named",
        f"ALTER TABLE mart.dim_aspect SET COMMENT = '{meanings.of_tables()['dim_aspect']}'",
        (
            "ALTER TABLE mart.dim_date ALTER COLUMN year COMMENT 'Year.',"
            " COLUMN month COMMENT 'Month, from 1 to 12.'"
        ),
    ]
    views = [s for s in sent if s.startswith("CREATE OR REPLACE VIEW")]
    assert [s.split()[4] for s in views if " COPY GRANTS COMMENT = " not in s] == ["mart.coverage"]
    assert comments(snow) == held
    named = snow.query("SELECT times_named FROM mart.fact_brand_mentions")
    assert named["times_named"].to_list() == [1, 1]


def test_a_backslash_is_no_escape():
    """Snowflake reads one in a literal."""
    assert snowflake_schema._literal("a\\b's") == "'a\\\\b''s'"
