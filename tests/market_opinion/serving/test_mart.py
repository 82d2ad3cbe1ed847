"""The mart: a star schema that equals silver, or does not change."""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context

import duckdb
import polars as pl
import pytest

from market_opinion.core.contracts import NEUTRAL_BELOW
from market_opinion.core.errors import ReconciliationFailed, SettingsInvalid
from market_opinion.serving import mart
from market_opinion.serving.mart import meanings
from market_opinion.serving.mart.duckdb import DuckDBMart
from tests.conftest import REPOSITORY

DIMENSIONS = (
    "dim_date",
    "dim_product",
    "dim_community",
    "dim_aspect",
    "dim_submission",
    "dim_scorer",
)


@pytest.fixture
def store(tmp_path):
    """A mart file with an awkward name."""
    return DuckDBMart(tmp_path / "it's a mart.db")


def rows(store, sql):
    return store.query(sql).rows()


def test_facts_have_the_grain_and_the_means(store, load, silver):
    """A25, X14: item x product, and item x product x aspect."""
    assert store.load(load, lambda: silver) == {"fact_mention_count": 2, "fact_opinion_count": 3}
    found = rows(
        store,
        "SELECT product_id, opinion_count, polarity, label FROM mart.fact_brand_mentions ORDER BY 1",
    )
    assert found == [
        ("apple-iphone-15", 1, -0.7, "negative"),
        ("google-pixel-9", 2, 0.2, "positive"),
    ]


def test_every_dimension_has_its_unknown_member(store, load, silver):
    """A28: a fact never has an empty key."""
    store.load(load, lambda: silver)
    for table in DIMENSIONS:
        assert (
            store.query(
                f"SELECT * FROM mart.{table} WHERE CAST({table[4:]}_key AS VARCHAR) = '-1'"
            ).height
            == 1
        )


def test_loading_again_changes_no_row(store, load, silver):
    """Not even of the audit."""
    names = [*DIMENSIONS, "fact_brand_mentions", "fact_aspect_opinion", "fact_window", "load_audit"]
    store.load(load, lambda: silver)
    before = [store.query(f"SELECT * FROM mart.{name} ORDER BY ALL") for name in names]
    store.load(load, lambda: silver, again=True)
    assert [
        store.query(f"SELECT * FROM mart.{name} ORDER BY ALL").equals(b)
        for name, b in zip(names, before, strict=True)
    ] == [True] * len(names)


def test_what_is_gone_from_silver_is_gone_from_the_mart(store, load, silver):
    """And leaves the other domain alone."""
    store.load(load, lambda: silver)
    cars = replace(
        silver,
        mentions=silver.mentions.with_columns(domain=pl.lit("cars")),
        opinions=silver.opinions.clear(),
    )
    store.load(replace(load, domain="cars"), lambda: cars)
    less = replace(silver, mentions=silver.mentions.head(1), opinions=silver.opinions.clear())
    store.load(replace(load, snapshot_ids={"items": 1, "mentions": 9, "opinions": 9}), lambda: less)
    assert rows(
        store, "SELECT domain, count(*) FROM mart.fact_brand_mentions GROUP BY 1 ORDER BY 1"
    ) == [("cars", 2), ("smartphones", 1)]
    assert rows(store, "SELECT count(*) FROM mart.fact_aspect_opinion") == [(0,)]


def test_a_load_that_does_not_reconcile_is_undone(store, load, silver):
    """C13, E24: an opinion without a mention has no fact: the file stays as it was."""
    store.load(load, lambda: silver)
    orphan = silver.opinions.head(1).with_columns(product_id=pl.lit("google-pixel-8"))
    with pytest.raises(ReconciliationFailed, match="checks/opinions_reconcile"):
        store.load(
            load, lambda: replace(silver, opinions=pl.concat([silver.opinions, orphan])), again=True
        )
    assert rows(store, "SELECT count(*) FROM mart.fact_aspect_opinion") == [(3,)]


def test_a_changed_product_gets_a_new_version_from_its_day_on(store, load, silver):
    """A26: type 2: earlier facts keep what was true of them."""
    store.load(load, lambda: silver)
    changed = load.products.with_columns(
        brand=pl.when(product_id="google-pixel-9").then(pl.lit("Alphabet")).otherwise("brand"),
        row_hash=pl.when(product_id="google-pixel-9").then(pl.lit("new")).otherwise("row_hash"),
    )
    later = {
        "created_at": datetime(2026, 3, 3, 10, tzinfo=UTC),
        "window_start": datetime(2026, 3, 3, 10, tzinfo=UTC),
    }
    moved = [
        f.with_columns(**{k: pl.lit(v).cast(pl.Datetime("us", "UTC")) for k, v in later.items()})
        for f in (silver.items, silver.mentions, silver.opinions)
    ]
    store.load(
        replace(load, products=changed, dates=[date(2026, 3, 3)]), lambda: mart.Silver(*moved)
    )
    sql = "SELECT date_key, brand FROM mart.fact_brand_mentions JOIN mart.dim_product USING (product_key) WHERE brand <> 'Apple' ORDER BY 1"
    assert rows(store, sql) == [(20260301, "Google"), (20260303, "Alphabet")]
    versions = "SELECT brand, valid_from::DATE::VARCHAR, is_current FROM mart.dim_product WHERE product_id = 'google-pixel-9' ORDER BY valid_from"
    assert rows(store, versions) == [
        ("Google", "1900-01-01", False),
        ("Alphabet", "2026-03-02", True),
    ]


def test_a_thread_that_was_not_received_stands_in_until_it_is(store, load, silver):
    """E19: no fact points nowhere, and the title comes when it comes."""
    store.load(
        load, lambda: replace(silver, items=silver.items.filter(pl.col("kind") == "comment"))
    )
    sql = "SELECT is_captured, title FROM mart.dim_submission WHERE thread_id = 's1'"
    assert rows(store, sql) == [(False, None)]
    store.load(load, lambda: silver, again=True)
    assert rows(store, sql) == [(True, "A title")]


def test_votes_say_when_they_were_read(store, load, silver):
    """In facts, threads and quotes; votes change for days."""
    read_at = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
    read = replace(silver, items=silver.items.with_columns(retrieved_at=pl.lit(read_at)))
    store.load(load, lambda: read)
    for table in ("fact_brand_mentions", "fact_aspect_opinion", "top_evidence"):
        (told,) = set(rows(store, f"SELECT score_as_of FROM mart.{table}"))
        assert told == (read_at.replace(tzinfo=None),)
    captured = "SELECT DISTINCT score_as_of FROM mart.dim_submission WHERE is_captured"
    assert rows(store, captured) == [(read_at.replace(tzinfo=None),)]


def test_a_community_that_the_ledger_does_not_know_yet_has_its_place(store, load, silver):
    """A10: a run was stopped between silver and ledger, and another one loads the mart."""
    counts = store.load(replace(load, windows=load.windows.clear()), lambda: silver)
    assert counts == {"fact_mention_count": 2, "fact_opinion_count": 3}
    assert rows(store, "SELECT community FROM mart.dim_community WHERE community_key <> '-1'") == [
        ("phones",)
    ]


def test_views_give_the_answers(store, load, silver):
    """C08: the ones people query."""
    store.load(load, lambda: silver)
    assert rows(store, "SELECT brand, voice_share FROM mart.share_of_voice ORDER BY 1") == [
        ("Apple", 0.5),
        ("Google", 0.5),
    ]
    assert rows(store, "SELECT brand, net_sentiment FROM mart.daily_brand ORDER BY 1") == [
        ("Apple", -1.0),
        ("Google", 1.0),
    ]
    assert rows(
        store,
        "SELECT window_count, certified_window_count, item_count, usable_comment_ratio FROM mart.coverage",
    ) == [(1, 1, 2, 1.0)]
    assert rows(
        store,
        "SELECT product_id, aspect FROM mart.top_evidence WHERE label = 'negative' AND evidence_rank = 1 ORDER BY 1",
    ) == [
        ("apple-iphone-15", "price"),
        ("google-pixel-9", "camera"),
    ]


def test_the_file_can_be_opened_and_asked_by_anyone(store, load, silver, tmp_path):
    """A file called mart.duckdb is the database `mart`, so `mart.` needs no set-up."""
    import duckdb

    DuckDBMart(tmp_path / "mart.duckdb").load(load, lambda: silver)
    with duckdb.connect(tmp_path / "mart.duckdb") as connection:
        assert connection.execute("SELECT count(*) FROM mart.daily_brand").fetchone() == (2,)


def test_dates_are_what_a_calendar_says(store, load, silver):
    """A27: ISO weeks begin on Monday."""
    store.load(load, lambda: silver)
    sql = "SELECT quarter, month_name, iso_day_of_week, is_weekend, week_start::VARCHAR, month_start::VARCHAR FROM mart.dim_date WHERE date_key = {}"
    assert rows(store, sql.format(20260301)) == [(1, "Mar", 7, True, "2026-02-23", "2026-03-01")]
    assert rows(store, sql.format(20240229)) == [(1, "Feb", 4, False, "2024-02-26", "2024-02-01")]


def test_what_is_in_step_already_is_not_loaded_again(store, load, silver):
    """Unless silver, catalogue or ledger changed, another load came between, or on request."""
    asked = []

    def read():
        asked.append(1)
        return silver

    first = store.load(load, read)
    assert store.load(load, read) == first
    assert len(asked) == 1
    store.load(replace(load, snapshot_ids={"items": 1, "mentions": 2, "opinions": 4}), read)
    assert len(asked) == 2
    store.load(load, read)  # as a lake that was rolled back would ask
    assert len(asked) == 3
    store.load(
        replace(load, dates=[date(2026, 3, 2)]),
        lambda: replace(
            silver,
            items=silver.items.clear(),
            mentions=silver.mentions.clear(),
            opinions=silver.opinions.clear(),
        ),
    )
    store.load(load, read)
    assert len(asked) == 3
    store.load(load, read, again=True)
    assert len(asked) == 4


def test_the_audit_counts_what_is_unknown(store, load, silver):
    """Facts without a product or aspect in the catalogue are kept and counted as unknown."""
    gone = load.products.filter(pl.col("product_id") != "google-pixel-9")
    store.load(
        replace(load, products=gone, aspects=load.aspects.filter(pl.col("aspect") != "price")),
        lambda: silver,
    )
    sql = "SELECT load_number, fact_mention_count, unknown_product_count, unknown_aspect_count, items_snapshot_id FROM mart.load_audit"
    assert rows(store, sql) == [(1, 2, 1, 1, 1)]


def test_a_file_of_an_older_version_is_named(store, load, silver, tmp_path):
    """The message says how to rebuild it."""
    store.load(load, lambda: silver)
    import duckdb

    with duckdb.connect(tmp_path / "it's a mart.db") as connection:
        connection.execute("ALTER TABLE mart.load_audit DROP COLUMN load_number")
    with pytest.raises(SettingsInvalid, match="remove it, then run"):
        store.load(load, lambda: silver)


def test_the_neutral_bound_of_the_sql_is_that_of_python():
    """C13: the files name it, and no file holds the number."""
    folder = REPOSITORY / "market_opinion" / "serving" / "mart" / "sql"
    texts = {path: path.read_text() for path in folder.rglob("*.sql")}
    assert [path for path, text in texts.items() if str(NEUTRAL_BELOW) in text] == []
    for path in (path for path, text in texts.items() if "{neutral_below}" in text):
        sql = mart.text(str(path.relative_to(folder).with_suffix("")))
        assert f">= {NEUTRAL_BELOW}" in sql
        assert f"<= -{NEUTRAL_BELOW}" in sql


def _read_often(path):
    for _ in range(20):
        DuckDBMart(path).query("SELECT count(*) FROM t")


def _write_often(path):
    for _ in range(8):
        with DuckDBMart(path)._connect(read_only=False) as connection:
            connection.execute("INSERT INTO t SELECT range FROM range(1000)")


@pytest.mark.parametrize(
    "pool",
    [ProcessPoolExecutor(4, mp_context=get_context("spawn")), ThreadPoolExecutor(4)],
    ids=["processes", "threads"],
)
def test_readers_and_writers_wait_for_each_other(tmp_path, pool):
    """E03: none fails, and nothing is lost."""
    path = tmp_path / "mart.duckdb"
    with DuckDBMart(path)._connect(read_only=False) as connection:
        connection.execute("CREATE TABLE t (n BIGINT)")
    with pool:
        jobs = [pool.submit(work, path) for work in (_read_often, _write_often) * 2]
    assert [job.exception() for job in jobs] == [None] * 4
    assert DuckDBMart(path).query("SELECT count(*) FROM t").item() == 16_000


def test_a_file_that_stays_taken_is_told(tmp_path, monkeypatch):
    """After a wait, with what to do."""
    path = tmp_path / "mart.duckdb"
    monkeypatch.setattr("market_opinion.serving.mart.duckdb.WAIT_SECONDS", 0.2)
    code = f"import duckdb, sys; kept = duckdb.connect({str(path)!r}); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(SettingsInvalid, match=r"within 0\.2 seconds .*close other programs"):
            DuckDBMart(path).query("SELECT 1")
        other.stdin.close()


def test_views_by_author_count_a_person_once(store, load, silver):
    """However often they write: one voice a brand, with the mean of what they said."""
    again = pl.lit("c2")
    comment = silver.items.filter(item_id="c1").with_columns(item_id=again)
    mention = silver.mentions.filter(product_id="google-pixel-9").with_columns(item_id=again)
    more = replace(
        silver,
        items=pl.concat([silver.items, comment]),
        mentions=pl.concat([silver.mentions, mention]),
    )
    store.load(load, lambda: more)
    by_author = store.query(
        "SELECT brand, voice_count, voice_share FROM mart.share_of_voice_by_author ORDER BY brand"
    )
    assert by_author.rows() == [("Apple", 1, 0.5), ("Google", 1, 0.5)]
    by_item = store.query("SELECT brand, mention_count FROM mart.daily_brand ORDER BY brand")
    assert by_item.rows() == [("Apple", 1), ("Google", 2)]
    platform = store.query(
        "SELECT brand, voice_count, ROUND(mean_polarity, 3) AS polarity, net_sentiment"
        " FROM mart.platform_brand_by_author ORDER BY brand"
    )
    assert platform.rows() == [("Apple", 1, -0.7, -1.0), ("Google", 1, 0.2, 1.0)]


def _on_platform(silver, name):
    """Silver's rows as if another platform had them."""
    platform = pl.lit(name).alias("platform")
    return replace(
        silver, **{table: rows.with_columns(platform) for table, rows in vars(silver).items()}
    )


def _hours_of(load, name, **changed):
    """The load with its hours on another platform."""
    return replace(load, windows=load.windows.with_columns(platform=pl.lit(name)), **changed)


_SHOWN = """
    SELECT domain, platform, COUNT(*), CAST(SUM(opinion_count) AS BIGINT)
    FROM mart.fact_brand_mentions GROUP BY ALL ORDER BY ALL"""


@pytest.mark.parametrize("first", ["sample", "reddit"])
def test_the_sample_leaves_the_figures_beside_real_items(store, load, silver, first):
    """Whichever was read first; its opinions and hours too, and views count the real ones alone."""
    day = date(2026, 2, 28)
    earlier = timedelta(days=-1)
    moved = {
        table: rows.with_columns(pl.col(pl.Datetime("us", "UTC")) + earlier)
        for table, rows in vars(_on_platform(silver, "sample")).items()
    }
    sample = replace(silver, **moved)
    hours = load.windows.with_columns(pl.col("window_start") + earlier)
    of_sample = _hours_of(replace(load, windows=hours), "sample", dates=[day])
    loads = [(load, silver), (of_sample, sample)]
    for each, rows_of in loads if first == "reddit" else reversed(loads):
        store.load(each, lambda rows_of=rows_of: rows_of)
    assert rows(store, _SHOWN) == [("smartphones", "reddit", 2, 3)]
    assert rows(store, "SELECT SUM(opinion_count) FROM mart.aspect_scorecard") == [(3,)]
    assert rows(store, "SELECT DISTINCT platform FROM mart.coverage") == [("reddit",)]
    assert rows(store, "SELECT DISTINCT platform FROM mart.top_evidence") == [("reddit",)]


def test_the_sample_stays_in_a_domain_that_has_nothing_else(store, load, silver):
    """Where another domain has real items, and with the hours that it rests on."""
    store.load(load, lambda: silver)
    sample = _on_platform(silver, "sample")
    cars = replace(
        sample,
        items=pl.concat([silver.items, sample.items]),  # a load has the items of all domains
        mentions=sample.mentions.with_columns(domain=pl.lit("cars")),
        opinions=silver.opinions.clear(),
    )
    windows = pl.concat([load.windows, _hours_of(load, "sample").windows])
    store.load(replace(load, domain="cars", windows=windows), lambda: cars)
    assert rows(store, _SHOWN) == [("cars", "sample", 2, 0), ("smartphones", "reddit", 2, 3)]
    assert rows(store, "SELECT DISTINCT platform FROM mart.coverage ORDER BY 1") == [
        ("reddit",),
        ("sample",),
    ]


@pytest.mark.parametrize("name", ["copy", "market_opinion", "2026 (1)"])
def test_a_file_of_another_name_answers_as_before(load, silver, tmp_path, name):
    """In plain DuckDB, where a file names its database; ours reads a file called mart as well."""
    DuckDBMart(tmp_path / "market_opinion.duckdb").load(load, lambda: silver)
    moved = tmp_path / f"{name}.duckdb"
    (tmp_path / "market_opinion.duckdb").rename(moved)
    with duckdb.connect(moved, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM mart.daily_brand").fetchone() == (2,)
    called_mart = moved.rename(tmp_path / "mart.duckdb")
    assert rows(DuckDBMart(called_mart), "SELECT count(*) FROM mart.daily_brand") == [(2,)]


def test_a_file_of_an_earlier_version_goes_on(load, silver, tmp_path):
    """Its tables are in `main`; a load reaches them, also where the file is called otherwise."""
    DuckDBMart(tmp_path / "mart.duckdb").load(load, lambda: silver)
    with duckdb.connect(tmp_path / "mart.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM main.load_audit").fetchone() == (1,)
    older = DuckDBMart((tmp_path / "mart.duckdb").rename(tmp_path / "older.db"))
    older.load(load, lambda: silver, again=True)
    older.compact()
    assert rows(older, _SHOWN) == [("smartphones", "reddit", 2, 3)]


def test_views_by_week_and_platform_have_their_counts(store, two_weeks):
    """A product by week, a share by platform, a scorecard by day, a week beside the one before."""
    load, silver = two_weeks
    store.load(load, lambda: silver)
    sunday, monday, weeks = (
        date(2026, 3, 1),
        date(2026, 3, 2),
        (date(2026, 2, 23), date(2026, 3, 2)),
    )
    assert rows(
        store,
        "SELECT week_start, platform, product, mention_count, author_count, positive_count,"
        " neutral_count, negative_count, ROUND(mean_polarity, 3), net_sentiment"
        " FROM mart.weekly_product ORDER BY week_start, platform, product",
    ) == [
        (weeks[0], "reddit", "Pixel 9", 1, 1, 1, 0, 0, 0.2, 1.0),
        (weeks[0], "reddit", "iPhone 15", 1, 1, 0, 0, 1, -0.7, -1.0),
        (weeks[1], "hackernews", "Pixel 9", 1, 1, 1, 0, 0, 0.8, 1.0),
        (weeks[1], "reddit", "Pixel 9", 1, 1, 0, 0, 1, -0.4, -1.0),
        (weeks[1], "reddit", "iPhone 15", 2, 2, 1, 0, 1, -0.2, 0.0),
    ]
    assert rows(
        store,
        "SELECT week_start, platform, brand, mention_count, author_count, ROUND(voice_share, 3)"
        " FROM mart.share_of_voice_by_platform ORDER BY week_start, platform, brand",
    ) == [
        (weeks[0], "reddit", "Apple", 1, 1, 0.5),
        (weeks[0], "reddit", "Google", 1, 1, 0.5),
        (weeks[1], "hackernews", "Google", 1, 1, 1.0),
        (weeks[1], "reddit", "Apple", 2, 2, 0.667),
        (weeks[1], "reddit", "Google", 1, 1, 0.333),
    ]
    assert rows(
        store,
        "SELECT full_date, platform, product, aspect, opinion_count, author_count, positive_count,"
        " negative_count, ROUND(mean_polarity, 3) FROM mart.daily_product_aspect"
        " WHERE aspect <> 'camera' ORDER BY full_date, platform, product",
    ) == [
        (sunday, "reddit", "Pixel 9", "battery", 1, 1, 1, 0, 0.5),
        (sunday, "reddit", "iPhone 15", "price", 1, 1, 0, 1, -0.7),
        (monday, "hackernews", "Pixel 9", "battery", 1, 1, 1, 0, 0.8),
        (monday, "reddit", "Pixel 9", "battery", 1, 1, 0, 1, -0.4),
        (monday, "reddit", "iPhone 15", "price", 2, 2, 1, 1, -0.2),
    ]
    assert rows(
        store,
        "SELECT week_start, brand, aspect, opinion_count, opinion_count_before, author_count,"
        " author_count_before, positive_count, negative_count, net_sentiment,"
        " net_sentiment_before, net_sentiment_change"
        " FROM mart.weekly_aspect ORDER BY week_start, brand, aspect",
    ) == [
        (weeks[0], "Apple", "price", 1, 0, 1, 0, 0, 1, -1.0, None, None),
        (weeks[0], "Google", "battery", 1, 0, 1, 0, 1, 0, 1.0, None, None),
        (weeks[0], "Google", "camera", 1, 0, 1, 0, 0, 1, -1.0, None, None),
        (weeks[1], "Apple", "price", 2, 1, 2, 1, 1, 1, 0.0, -1.0, 1.0),
        (weeks[1], "Google", "battery", 2, 1, 2, 1, 1, 1, 0.0, 1.0, -1.0),
    ]


def test_a_week_of_silence_is_no_week_before(store, two_weeks):
    """The same, two weeks apart: the later week has nothing beside it."""
    load, silver = two_weeks
    later = {
        name: frame.with_columns(
            pl.when(pl.col("created_at").dt.date() == date(2026, 3, 2))
            .then(pl.col("created_at", "window_start") + pl.duration(days=7))
            .otherwise(pl.col("created_at", "window_start"))
        )
        for name, frame in vars(silver).items()
    }
    store.load(
        replace(load, dates=[date(2026, 3, 1), date(2026, 3, 9)]), lambda: mart.Silver(**later)
    )
    found = rows(store, "SELECT week_start, opinion_count_before FROM mart.weekly_aspect")
    assert {week for week, _ in found} == {date(2026, 2, 23), date(2026, 3, 9)}
    assert {count for _, count in found} == {0}


def test_a_column_of_an_earlier_version_is_renamed(store, load, silver, tmp_path):
    """As 0.3 leaves the file: `mention_count` becomes `times_named`, with its values."""
    many = replace(silver, mentions=silver.mentions.with_columns(mention_count=pl.lit(3)))
    store.load(load, lambda: many)
    with duckdb.connect() as connection:
        path = str(tmp_path / "it's a mart.db").replace("'", "''")
        connection.execute(f"ATTACH '{path}' AS stored; USE stored.mart")
        connection.execute(
            "ALTER TABLE mart.fact_brand_mentions RENAME COLUMN times_named TO mention_count"
        )
        connection.execute("DROP SCHEMA control CASCADE")
        for table in ("fact_brand_mentions", "fact_aspect_opinion", "dim_submission"):
            connection.execute(f"ALTER TABLE mart.{table} DROP COLUMN score_as_of")
    store.load(load, lambda: pytest.fail("silver was read"))
    assert set(rows(store, "SELECT score_as_of FROM mart.top_evidence")) == {(None,)}
    assert rows(store, "SELECT times_named FROM mart.fact_brand_mentions") == [(3,), (3,)]
    assert rows(store, "SELECT SUM(mention_count) FROM mart.daily_brand") == [(2,)]
    assert comments(store) == MEANINGS


COMMENTS = (
    "SELECT table_name, column_name, comment FROM duckdb_columns()"
    " WHERE schema_name = 'mart' AND NOT internal"
    " UNION ALL SELECT view_name, '', comment FROM duckdb_views()"
    " WHERE schema_name = 'mart' AND NOT internal"
    " UNION ALL SELECT table_name, '', comment FROM duckdb_tables()"
    " WHERE schema_name = 'mart'"
)
MEANINGS = {(table, column): text for table, column, text, _ in meanings.comments()}


def comments(store):
    return {(table, column): text for table, column, text in rows(store, COMMENTS)}


def test_the_file_says_what_each_column_means(store, load, silver):
    """S10: tables, views and columns have the dictionary's words, also after loads and a rewrite."""
    store.load(load, lambda: silver)
    assert comments(store) == MEANINGS
    assert any("'" in text for text in MEANINGS.values())
    store.load(load, lambda: silver, again=True)
    store.compact()
    assert comments(store) == MEANINGS


def test_a_file_without_comments_gets_them(store, load, silver, tmp_path):
    """As an older version leaves it: without comments and version, or with its own views alone."""
    store.load(load, lambda: silver)
    path = tmp_path / "it's a mart.db"
    view = next(mart.statements("views/coverage"))
    with duckdb.connect() as connection:
        connection.execute(
            f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS stored; USE stored.mart"
        )
        connection.execute("DROP SCHEMA control CASCADE")
        for table, column, _, statement in meanings.comments():
            if column and table not in meanings.views():
                connection.execute(f"{statement.partition(' IS ')[0]} IS NULL")
    assert comments(store) != MEANINGS
    store.load(load, lambda: silver)
    assert comments(store) == MEANINGS
    with duckdb.connect() as connection:
        connection.execute(
            f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS stored; USE stored.mart"
        )
        connection.execute(view)
    assert comments(store)["coverage", "platform"] is None
    store.load(load, lambda: silver)
    assert comments(store) == MEANINGS


def test_an_unchanged_schema_is_not_described_again(store, load, silver, monkeypatch):
    """An hourly load pays for no comment."""
    store.load(load, lambda: silver)
    monkeypatch.setattr("market_opinion.serving.mart.duckdb._describe", None)
    store.load(load, lambda: silver, again=True)
    assert comments(store) == MEANINGS
