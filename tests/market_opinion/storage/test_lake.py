"""The lake: a slice is replaced in one commit, and nothing else is touched."""

import multiprocessing
import os
import threading
from datetime import timedelta

import boto3
import polars as pl
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.catalog.sql import SqlCatalog

from market_opinion.core.contracts import OPS_REJECTIONS, SILVER_MENTIONS
from market_opinion.core.errors import ContractBroken, HomeDamaged
from market_opinion.core.window import HOUR, Window
from market_opinion.storage.lake.predicates import rows_of
from market_opinion.storage.lake.schema import from_arrow
from market_opinion.storage.lake.tables import Lake, open_lake
from tests.cloud import needs_aws
from tests.market_opinion.stages.test_bronze import T10

HOUR_10 = Window.hour(T10)


def rows(*ids, domain="phones", at=T10, product="p"):
    known = {
        "platform": "reddit",
        "community": "phones",
        "kind": "comment",
        "thread_id": None,
        "aliases": "a",
        "domain_version": "v",
    }
    own = [
        known
        | {
            "item_id": i,
            "domain": domain,
            "product_id": product,
            "created_at": at,
            "window_start": at.replace(minute=0),
        }
        for i in ids
    ]
    return pl.DataFrame(
        [row | {"mention_count": 1, "reason": "named", "confidence": 0.95} for row in own],
        schema=SILVER_MENTIONS.schema,
    )


@pytest.fixture
def lake(tmp_path):
    """An embedded lake."""
    return open_lake("a_catalog_nobody_configured", tmp_path / "lake")


def put(lake, frame, domain="phones", window=HOUR_10):
    return lake.overwrite(
        SILVER_MENTIONS,
        frame,
        {"domain": domain, "platform": "reddit"},
        window,
        run={"run-id": "r"},
    )


def ids(lake, **where):
    return sorted(lake.read(SILVER_MENTIONS, where, columns=["item_id"])["item_id"])


def test_a_table_nobody_wrote_is_empty(lake):
    """C17, D03: in the columns of its contract."""
    assert lake.read(SILVER_MENTIONS).schema == pl.Schema(SILVER_MENTIONS.schema)
    assert lake.snapshot_id(SILVER_MENTIONS) is None


def test_a_slice_is_replaced_and_its_neighbours_are_not(lake):
    """A11: another hour, another domain."""
    put(lake, rows("a", "b"))
    put(lake, rows("next", at=T10 + HOUR), window=Window.hour(T10 + HOUR))
    put(lake, rows("other", domain="cars"), domain="cars")
    put(lake, rows("c"))
    assert ids(lake) == ["c", "next", "other"]


def test_the_same_rows_again_make_no_snapshot(lake):
    """A rerun changes nothing, not even the history."""
    assert put(lake, rows("a", "b")) is True
    before = lake.snapshot_id(SILVER_MENTIONS)
    assert put(lake, rows("b", "a")) is False
    assert lake.snapshot_id(SILVER_MENTIONS) == before


def test_an_empty_frame_empties_its_slice(lake):
    """A row that is not in the new frame is gone."""
    put(lake, rows("a"))
    put(lake, rows())
    assert ids(lake) == []


def test_what_is_read_is_what_pyiceberg_reads(lake):
    """D03, D05: of one day's file or of many, by every kind of predicate, and of none."""
    for day in range(4):
        at = T10 + timedelta(days=day)
        put(lake, rows(f"a{day}", f"b{day}", at=at), window=Window.hour(at))
    put(lake, rows("other", domain="cars"), domain="cars")
    iceberg = lake._catalog.load_table(SILVER_MENTIONS.name)
    three_days = Window(T10, T10 + timedelta(days=2) + HOUR)
    for where, window, count in [
        ({}, None, 9),
        ({"domain": ["cars", "phones"], "platform": "reddit"}, three_days, 7),
        ({"domain": "hotels"}, None, 0),
    ]:
        row_filter = rows_of(SILVER_MENTIONS, where, window)
        found = lake.read(SILVER_MENTIONS, where, window)
        theirs = from_arrow(iceberg.scan(row_filter=row_filter).to_arrow(), SILVER_MENTIONS.schema)
        assert found.height == count
        assert found.sort("item_id").equals(theirs.sort("item_id"))


def test_another_file_system_than_arrow_s_is_read_too(lake):
    """As PyIceberg reads it."""
    put(lake, rows("a", "b"))
    options = {
        "type": "sql",
        "uri": lake._catalog.properties["uri"],
        "py-io-impl": "pyiceberg.io.fsspec.FsspecFileIO",
    }
    assert ids(Lake(load_catalog(lake._catalog.name, **options))) == ["a", "b"]


def test_rows_outside_the_slice_are_refused(lake):
    """Running it again would double them."""
    with pytest.raises(ContractBroken, match="1 rows lie outside the slice"):
        put(lake, rows("a", at=T10 + timedelta(hours=3)))


def test_rows_that_break_the_contract_are_refused_with_the_reason(lake):
    """Nothing is written."""
    with pytest.raises(ContractBroken, match="mention_count"):
        put(lake, rows("a").with_columns(mention_count=pl.lit(0, pl.Int64)))
    with pytest.raises(ContractBroken, match="two rows share one"):
        put(lake, pl.concat([rows("a"), rows("a")]))
    assert lake.snapshot_id(SILVER_MENTIONS) is None


def test_a_read_takes_a_window_and_columns(lake):
    """[start, end)."""
    put(lake, rows("a"))
    assert lake.read(SILVER_MENTIONS, window=HOUR_10, columns=["item_id"]).rows() == [("a",)]
    assert lake.read(SILVER_MENTIONS, window=Window.hour(T10 + HOUR)).height == 0


def test_racing_writers_of_different_hours_lose_no_row(tmp_path):
    """Iceberg's optimistic commits, tried again."""
    starts = [T10 + HOUR * n for n in range(6)]
    open_lake("a_catalog_nobody_configured", tmp_path / "lake")
    put(
        open_lake("a_catalog_nobody_configured", tmp_path / "lake"),
        rows("first", at=T10 - HOUR),
        window=Window.hour(T10 - HOUR),
    )
    errors = []

    def write(start):
        try:
            own = open_lake("a_catalog_nobody_configured", tmp_path / "lake")
            put(own, rows(f"i{start.hour}", at=start), window=Window.hour(start))
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=write, args=(start,)) for start in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(ids(open_lake("a_catalog_nobody_configured", tmp_path / "lake"))) == 7


def _open_at_once(path, barrier, failures):
    try:
        barrier.wait(60)
        open_lake("embedded", path).snapshot_count(SILVER_MENTIONS)
    except Exception as error:  # noqa: BLE001, told by the parent
        failures.put(repr(error))


def test_a_new_catalogue_is_made_once_by_many_processes(tmp_path):
    """Whoever comes second finds what the first one makes."""
    context = multiprocessing.get_context("fork")
    failures = context.SimpleQueue()
    for trial in range(6):
        barrier = context.Barrier(12)
        own = (tmp_path / f"lake{trial}", barrier, failures)
        processes = [context.Process(target=_open_at_once, args=own) for _ in range(12)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
    assert failures.empty(), failures.get()


def test_a_namespace_that_another_process_makes_meanwhile_is_taken(lake, monkeypatch):
    """It is there when it is inserted, though it was not when it was looked for."""
    put(lake, rows("a"))
    lake.drop(SILVER_MENTIONS)
    looks = iter([False, False])
    exists = SqlCatalog.namespace_exists
    monkeypatch.setattr(
        SqlCatalog, "namespace_exists", lambda *args: next(looks, None) is None and exists(*args)
    )
    put(lake, rows("b"))
    assert (ids(lake), next(looks, None)) == (["b"], None)


def test_history_rolls(lake, monkeypatch):
    """A commit does not carry every snapshot along for ever."""
    monkeypatch.setattr("market_opinion.storage.lake.history._SNAPSHOTS_A_STEP", 3)
    monkeypatch.setattr("market_opinion.storage.lake.history.SNAPSHOTS_KEPT", 3)
    for n in range(8):
        put(lake, rows(f"i{n}"))
    assert len(lake._load_or_create(SILVER_MENTIONS).snapshots()) <= 8
    assert ids(lake) == ["i7"]


def test_a_log_has_no_key(lake):
    """Two equal rejections are two."""
    row = {"stage": "fetch", "platform": "reddit", "reason": "r", "detail": "d", "landing_uri": "f"}
    frame = pl.DataFrame([row, row], schema=OPS_REJECTIONS.schema)
    lake.overwrite(OPS_REJECTIONS, frame, {"stage": "fetch", "landing_uri": ["f"]}, None, run={})
    assert lake.read(OPS_REJECTIONS).height == 2


def test_forgotten_history_leaves_no_file_of_it(lake, tmp_path):
    """Of the rows that were replaced, of snapshots that rolled away, and of a writer that was cut off long ago."""
    for n in range(3):
        put(lake, rows(f"i{n}"))
    files = set(tmp_path.rglob("*.parquet"))
    orphan = next(iter(files)).with_name("orphan.parquet")
    young = orphan.with_name("young.parquet")
    for path in (orphan, young):
        path.write_bytes(b"rows of a commit that never was")
    os.utime(orphan, (1, 1))
    lake.forget_history(SILVER_MENTIONS)
    assert ids(lake) == ["i2"]
    assert len(set(tmp_path.rglob("*.parquet")) - {young}) == 1
    assert young.exists()
    assert lake.snapshot_count(SILVER_MENTIONS) == 1


def test_rolling_history_deletes_what_it_forgets(lake, monkeypatch, tmp_path):
    monkeypatch.setattr("market_opinion.storage.lake.history._SNAPSHOTS_A_STEP", 3)
    monkeypatch.setattr("market_opinion.storage.lake.history.SNAPSHOTS_KEPT", 3)
    for n in range(20):
        put(lake, rows(f"i{n}"))
    assert len(list(tmp_path.rglob("*.parquet"))) <= 6
    assert ids(lake) == ["i19"]


def test_what_was_deleted_last_is_gone_from_the_disk(lake, tmp_path):
    """The newest snapshot still names the file that its own delete emptied; nothing needs it."""
    put(lake, rows("i1"))
    lake.delete(SILVER_MENTIONS, {"item_id": ["i1"]}, run={})
    lake.forget_history(SILVER_MENTIONS)
    assert list(tmp_path.rglob("*.parquet")) == []
    put(lake, rows("i2"))
    assert ids(lake) == ["i2"]


def test_a_change_is_of_the_rows_that_are_there_when_it_commits(lake):
    """Another writer's rows, committed meanwhile, are changed as well, and none is lost."""
    put(lake, rows("a"))
    seen = []

    def doubled(current):
        if not seen:
            put(lake, rows("a", "b"))
        seen.append(current.height)
        return current.with_columns(mention_count=pl.col("mention_count") * 2)

    where = {"domain": "phones", "platform": "reddit"}
    assert lake.change(SILVER_MENTIONS, where, HOUR_10, doubled, run={"run-id": "r"})
    assert seen == [1, 2]
    counts = lake.read(SILVER_MENTIONS).sort("item_id")["mention_count"].to_list()
    assert counts == [2, 2]
    assert not lake.change(SILVER_MENTIONS, where, HOUR_10, lambda same: same, run={"run-id": "r"})


def test_a_read_opens_only_the_files_of_its_slice(lake, tmp_path):
    """D07: predicates reach the files: what another day or domain wrote is not even looked at."""
    put(lake, rows("a"))
    later = T10 + timedelta(days=2)
    put(lake, rows("b", at=later), window=Window.hour(later))
    put(lake, rows("c", domain="cars"), domain="cars")
    for path in (tmp_path / "lake").rglob("*.parquet"):
        if f"created_at_day={T10:%Y-%m-%d}" not in str(path) or "domain=cars" in str(path):
            path.write_bytes(b"spoilt")
    found = lake.read(SILVER_MENTIONS, {"domain": "phones"}, HOUR_10)
    assert found["item_id"].to_list() == ["a"]
    with pytest.raises(HomeDamaged, match=r"silver\.mentions has a file that cannot be read"):
        lake.read(SILVER_MENTIONS, {"domain": "phones"})


def test_tables_lie_by_platform_or_domain_and_by_date():
    """E11, X1: hidden days of the item's own time, as ISO dates in the paths of their files."""
    from market_opinion.core.contracts import TABLES

    parts = {table.name: table.partition for table in TABLES}
    for name in ("bronze.items", "silver.items"):
        assert parts[name] == ("platform", "day(created_at)")
    for name in ("silver.mentions", "silver.opinions"):
        assert parts[name][0] == "domain"
        assert parts[name][-1] == "day(created_at)"
    for name in ("gold.daily_brand", "gold.daily_aspect", "gold.daily_platform"):
        assert parts[name] == ("platform", "full_date")


@needs_aws
def test_glue_is_opened_once_for_an_account(on_aws, tmp_path, monkeypatch):
    """Opening reads all of boto3's models; another account's catalogue is another one."""
    clients, make = [], boto3.Session.client
    monkeypatch.setattr(
        boto3.Session, "client", lambda *args, **own: clients.append(args[1]) or make(*args, **own)
    )
    put(open_lake("lakehouse", tmp_path), rows("a"))
    assert ids(open_lake("lakehouse", tmp_path)) == ["a"]
    assert clients.count("glue") == 1
    with monkeypatch.context() as other:
        other.setenv("AWS_ACCESS_KEY_ID", "999999999999")
        assert ids(open_lake("lakehouse", tmp_path)) == []
    assert ids(open_lake("lakehouse", tmp_path)) == ["a"]
    assert clients.count("glue") == 2
