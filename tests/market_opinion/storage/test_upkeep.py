"""Upkeep: fewer files, manifests and snapshots, and every row as it was."""

import itertools
import os
import random
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO

from market_opinion.core.contracts import SILVER_LABELS, SILVER_MENTIONS, TABLES
from market_opinion.core.errors import HomeDamaged
from market_opinion.core.polars_types import UTC_TIME
from market_opinion.core.window import EARLIEST, HOUR, Window
from market_opinion.storage.lake import compaction, history, tables
from market_opinion.storage.lake.predicates import day_column
from market_opinion.storage.lake.tables import open_lake
from tests.market_opinion.storage.test_lake import ids, put, rows

DAY_1 = datetime(2026, 3, 1, tzinfo=UTC)
DAY_2 = DAY_1 + timedelta(days=1)
CLOSED = Window(EARLIEST, DAY_2)
NAME = "a_catalog_nobody_configured"
RUN = {"run-id": "upkeep"}


@pytest.fixture
def lake(tmp_path):
    """An embedded lake."""
    return open_lake(NAME, tmp_path / "lake")


def put_hour(lake, hour, *names):
    at = DAY_1 + HOUR * hour
    return put(lake, rows(*(names or (f"i{hour}",)), at=at), window=Window.hour(at))


def upkeep(lake, table=SILVER_MENTIONS):
    return lake.upkeep(table)


def compact(lake, table=SILVER_MENTIONS, days=CLOSED):
    return upkeep(lake, table).compact(days, run=RUN)


def iceberg_of(lake, table=SILVER_MENTIONS):
    return lake._catalog.load_table(table.name)


def live(lake):
    """The data files that the current snapshot reads, by the day of their partition."""
    tasks = iceberg_of(lake).scan().plan_files()
    return sorted(Path(task.file.file_path).parent.name for task in tasks)


def unnamed(lake, tmp_path):
    """The files below the table that no snapshot names, and those that one names and lacks."""
    iceberg = iceberg_of(lake)
    named = {path.removeprefix("file://") for path in history._files(iceberg)}
    logged = [iceberg.metadata_location, *(e.metadata_file for e in iceberg.metadata.metadata_log)]
    named |= {path.removeprefix("file://") for path in logged}
    there = {str(path) for path in (tmp_path / "lake" / "silver").rglob("*") if path.is_file()}
    return there - named, named - there


def value(dtype, table, name, n):
    """Any value of a column's type; the day of the table's partition is the first one."""
    if dtype == UTC_TIME:
        return DAY_1 + timedelta(minutes=n)
    if dtype == pl.Date:
        return date(2026, 3, 1)
    if dtype == pl.String:
        is_partition = name in table.partition
        return "same" if is_partition else f"{name} {n}"
    return {pl.Int64: n, pl.Float64: n / 2, pl.Boolean: n % 2 == 0}[dtype]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_closed_day_of_any_table_becomes_one_file_with_the_same_rows(lake, monkeypatch, table):
    """And its rows are of the same snapshot as before, so that no reader takes them for new."""
    monkeypatch.setattr(compaction, "_UNDATED_FILES_MAX", 2)
    for n in range(3):
        row = {name: value(dtype, table, name, n) for name, dtype in table.schema.items()}
        lake._load_or_create(table).append(pl.DataFrame([row], schema=table.schema).to_arrow())
    before, snapshot_id = lake.read(table), lake.snapshot_id(table)
    done = compact(lake, table)
    assert (done.replaced_file_count, done.written_file_count) == (3, 1)
    assert upkeep(lake, table).state(CLOSED).file_count == 1
    assert lake.read(table).sort(list(table.schema)).equals(before.sort(list(table.schema)))
    assert lake.snapshot_id(table) == snapshot_id
    assert compact(lake, table) == compaction.Compaction()


def test_a_day_that_is_not_over_is_left(lake):
    """Its hours are still to come; so is a day that nobody asked for."""
    for hour in (21, 22, 23, 24, 25):
        put_hour(lake, hour)
    compact(lake)
    assert live(lake) == ["created_at_day=2026-03-01", *["created_at_day=2026-03-02"] * 2]
    assert ids(lake) == ["i21", "i22", "i23", "i24", "i25"]
    days = Window(DAY_2, DAY_2 + timedelta(days=1))
    assert compact(lake, days=days).replaced_file_count == 2


def test_an_incremental_reader_sees_nothing_new(lake):
    """The commit is a replace in Iceberg's words: what appended rows is what was there before."""
    for hour in range(3):
        put_hour(lake, hour)
    seen = iceberg_of(lake).current_snapshot().snapshot_id
    compact(lake)
    iceberg = iceberg_of(lake)
    assert iceberg.current_snapshot().summary.operation.value == "replace"
    assert iceberg.current_snapshot().summary.additional_properties["total-records"] == "3"
    assert list(iceberg.incremental_append_scan(from_snapshot_id_exclusive=seen).plan_files()) == []
    put_hour(lake, 5)
    iceberg = iceberg_of(lake)
    (new,) = iceberg.incremental_append_scan(from_snapshot_id_exclusive=seen).plan_files()
    assert new.file.record_count == 1


def test_a_slice_of_a_compacted_day_is_replaced_as_ever(lake):
    """Late items, a second look, an erasure: the neighbours in its file stay."""
    for hour in range(4):
        put_hour(lake, hour)
    compact(lake)
    assert put_hour(lake, 2, "late", "i2") is True
    assert put_hour(lake, 2, "late", "i2") is False
    lake.delete(SILVER_MENTIONS, {"item_id": ["i3"]}, run=RUN)
    assert ids(lake) == ["i0", "i1", "i2", "late"]
    compact(lake)
    assert (live(lake), ids(lake)) == (
        ["created_at_day=2026-03-01"],
        ["i0", "i1", "i2", "late"],
    )


def test_the_manifests_of_many_commits_become_few_and_settled_ones_stay(lake, monkeypatch):
    """So that a commit, and a plan, costs the same however many came before."""
    monkeypatch.setitem(tables._PROPERTIES, "commit.manifest-merge.enabled", "false")
    monkeypatch.setattr("market_opinion.storage.lake.replacement.SETTLED_FILES", 4)
    monkeypatch.setattr("market_opinion.storage.lake.upkeep._OPEN_MANIFESTS_MAX", 3)
    for day in range(6):
        put_hour(lake, 24 * day)
    everything = Window(EARLIEST, DAY_1 + timedelta(days=9))
    assert compact(lake, days=everything) == compaction.Compaction()
    manifests = iceberg_of(lake).current_snapshot().manifests(iceberg_of(lake).io)
    assert sorted(m.existing_files_count for m in manifests) == [2, 4]
    settled = {m.manifest_path for m in manifests if m.existing_files_count == 4}
    for day in range(6, 9):
        put_hour(lake, 24 * day)
    compact(lake, days=everything)
    after = iceberg_of(lake).current_snapshot().manifests(iceberg_of(lake).io)
    assert settled <= {m.manifest_path for m in after}
    assert len(ids(lake)) == 9


def test_the_hours_of_an_open_day_lie_in_few_manifests(lake):
    """So that the last hour of a day reads no more files than its first; and none is lost."""
    for hour in range(30):
        put_hour(lake, hour)
    put_hour(lake, 3, "late")
    iceberg = iceberg_of(lake)
    manifests = iceberg.current_snapshot().manifests(iceberg.io)
    assert len(manifests) <= 2
    assert len(ids(lake)) == 30


def test_a_commit_whose_tidying_fails_has_succeeded(lake, tmp_path, monkeypatch):
    """Storage that refuses a deletion leaves files for the sweep, and no error."""
    put_hour(lake, 0)

    def refuse(*_):
        message = "slow down"
        raise OSError(message)

    with monkeypatch.context() as broken:
        broken.setattr(PyArrowFileIO, "delete", refuse)
        assert put_hour(lake, 1) is True
    assert ids(lake) == ["i0", "i1"]
    assert unnamed(lake, tmp_path)[0]


def test_a_table_of_an_older_version_gets_the_properties_that_are_new(lake, monkeypatch):
    with monkeypatch.context() as older:
        older.delitem(tables._PROPERTIES, "commit.manifest-merge.enabled")
        put_hour(lake, 0)
        assert "commit.manifest-merge.enabled" not in iceberg_of(lake).properties
    put_hour(lake, 1)
    assert iceberg_of(lake).properties["commit.manifest-merge.enabled"] == "true"
    assert ids(lake) == ["i0", "i1"]


def test_a_writer_of_another_hour_is_in_nobody_s_way(lake, monkeypatch):
    """It commits while files are put together; the compaction is built upon its commit."""
    for hour in range(3):
        put_hour(lake, hour)
    real = compaction._write
    during(monkeypatch, lambda: put_hour(lake, 30), real)
    done = compact(lake)
    assert (done.replaced_file_count, done.left_file_count) == (3, 0)
    assert ids(lake) == ["i0", "i1", "i2", "i30"]
    parent = iceberg_of(lake).snapshots()[-2].snapshot_id
    assert lake.snapshot_id(SILVER_MENTIONS) == parent


def during(monkeypatch, act, real, times=1):
    """Let something happen while a compaction writes its file."""
    left = iter(range(times))

    def write(*args):
        if next(left, None) is not None:
            act()
        return real(*args)

    monkeypatch.setattr(compaction, "_write", write)


@pytest.mark.parametrize(("times", "left"), [(1, 0), (9, 4)])
def test_a_writer_of_the_same_day_wins(lake, monkeypatch, tmp_path, times, left):
    """Its rows stand; the compaction tries again, or leaves the day, and leaves no file behind."""
    for hour in range(3):
        put_hour(lake, hour)
    names = itertools.count()
    during(monkeypatch, lambda: put_hour(lake, 1, f"newer{next(names)}"), compaction._write, times)
    done = compact(lake)
    assert (done.written_file_count, done.left_file_count > 0) == (int(not left), bool(left))
    assert ids(lake) == ["i0", "i2", f"newer{min(times, 3) - 1}"]
    extra, missing = unnamed(lake, tmp_path)
    assert ([path for path in extra if path.endswith(".parquet")], missing) == ([], set())


def test_an_erasure_at_the_same_moment_is_not_undone(lake, monkeypatch, tmp_path):
    """Its history is forgotten while the compaction still holds the words in its hands."""
    for hour in range(3):
        put_hour(lake, hour)

    def erase():
        lake.delete(SILVER_MENTIONS, {"item_id": ["i1"]}, run=RUN)
        lake.forget_history(SILVER_MENTIONS)

    during(monkeypatch, erase, compaction._write)
    compact(lake)
    assert ids(lake) == ["i0", "i2"]
    lake.forget_history(SILVER_MENTIONS)
    found = [pl.read_parquet(path)["item_id"] for path in tmp_path.rglob("*.parquet")]
    assert sorted(pl.concat(found)) == ["i0", "i2"]


def test_files_with_other_rows_than_counted_are_left_as_they_are(lake, tmp_path):
    """Damage is told, never put together with what is whole."""
    for hour in range(2):
        put_hour(lake, hour, "a", "b")
    path = next(tmp_path.rglob("*.parquet"))
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path)[:1], path)
    snapshot = iceberg_of(lake).current_snapshot()
    with pytest.raises(HomeDamaged, match=r"silver\.mentions: 2 files have 3 rows where"):
        compact(lake)
    assert iceberg_of(lake).current_snapshot() == snapshot


class Killed(BaseException):
    """The end of a process; nothing catches it."""


@pytest.fixture
def killed_at(monkeypatch):
    """Let the process end at the n-th file that is written or deleted, or commit that is made."""
    left = [0]

    def count(real, *, after):
        def call(*args, **kwargs):
            result = real(*args, **kwargs) if after else None
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return result if after else real(*args, **kwargs)

        return call

    for owner, name, after in (
        (PyArrowFileIO, "new_output", False),
        (PyArrowFileIO, "delete", False),
        (SqlCatalog, "commit_table", False),
        (SqlCatalog, "commit_table", True),
    ):
        monkeypatch.setattr(owner, name, count(getattr(owner, name), after=after))

    def kill(n):
        left[0] = n

    return kill


def test_killed_at_any_moment_it_has_changed_no_row_and_the_next_time_finishes(
    lake, killed_at, tmp_path
):
    """Between any two files and commits, of compaction, expiry and sweep."""
    for hour in range(4):
        put_hour(lake, hour)
    expected, kills = ids(lake), 0
    for moment in itertools.count(1):
        killed_at(0)
        put_hour(lake, moment % 4, f"i{moment % 4}", f"late{moment}")
        expected = sorted({*ids(lake)})
        killed_at(moment)
        try:
            compact(lake)
            upkeep(lake).expire(datetime.now(UTC))
            upkeep(lake).sweep(None)
        except Killed:
            kills += 1
            assert ids(lake) == expected
            assert unnamed(lake, tmp_path)[1] == set()
        else:
            break
    killed_at(0)
    assert kills >= 10
    assert (live(lake), ids(lake)) == (["created_at_day=2026-03-01"], expected)
    for path in unnamed(lake, tmp_path)[0]:
        os.utime(path, (1, 1))
    upkeep(lake).sweep(None)
    assert unnamed(lake, tmp_path) == (set(), set())


def test_beside_a_writer_of_hours_nothing_is_lost(lake, tmp_path):
    """New hours, late items of closed hours, and upkeep over and over in another connection."""
    put_hour(lake, 0)
    errors, hours = [], [*range(1, 14), *range(0, 14, 3)]
    done = threading.Event()

    def write():
        try:
            own = open_lake(NAME, tmp_path / "lake")
            for n, hour in enumerate(hours):
                put_hour(own, hour, f"i{hour}", *([f"late{hour}"] if n >= 13 else []))
        except Exception as error:  # noqa: BLE001
            errors.append(error)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        mine = open_lake(NAME, tmp_path / "lake")
        compact(mine)
        upkeep(mine).expire(None)
    writer.join()
    assert errors == []
    compact(lake)
    expected = [*(f"i{hour}" for hour in range(14)), *(f"late{hour}" for hour in range(0, 14, 3))]
    assert ids(lake) == sorted(expected)
    assert live(lake) == ["created_at_day=2026-03-01"]
    assert unnamed(lake, tmp_path)[1] == set()


@pytest.mark.parametrize("seed", range(4))
def test_expiry_deletes_exactly_what_no_snapshot_names(lake, tmp_path, seed):
    """After any course of writes, deletes and compactions, and steps of any size."""
    chance = random.Random(seed)
    for n in range(12):
        kind = chance.choice(["write", "write", "write", "late", "delete", "compact", "expire"])
        if kind == "write" or n < 2:
            put_hour(lake, n)
        elif kind == "late":
            put_hour(lake, chance.randrange(n), f"late{n}")
        elif kind == "delete":
            lake.delete(SILVER_MENTIONS, {"item_id": [f"i{chance.randrange(n)}"]}, run=RUN)
        elif kind == "compact":
            compact(lake)
        snapshots = [each.snapshot_id for each in history._oldest_first(iceberg_of(lake))]
        if kind == "expire":
            history.forget(iceberg_of(lake), snapshots[: chance.randrange(len(snapshots))])
        assert unnamed(lake, tmp_path) == (set(), set())
    before = ids(lake)
    upkeep(lake).expire(datetime.now(UTC))
    assert unnamed(lake, tmp_path) == (set(), set())
    assert (lake.snapshot_count(SILVER_MENTIONS), ids(lake)) == (1, before)


def test_a_tagged_snapshot_stays_with_its_files(lake, tmp_path):
    """It is somebody's; others go around it."""
    for hour in range(3):
        put_hour(lake, hour)
    tagged = iceberg_of(lake).current_snapshot().snapshot_id
    iceberg_of(lake).manage_snapshots().create_tag(tagged, "mine").commit()
    put_hour(lake, 1, "newer")
    compact(lake)
    assert upkeep(lake).expire(datetime.now(UTC)) > 0
    old = iceberg_of(lake).scan(snapshot_id=tagged).to_arrow()
    assert sorted(old["item_id"].to_pylist()) == ["i0", "i1", "i2"]
    assert unnamed(lake, tmp_path) == (set(), set())


def test_snapshots_go_by_age_or_by_number(lake, monkeypatch):
    """All from before a time, or all but the last; ten at a time."""
    monkeypatch.setattr(history, "SNAPSHOTS_KEPT", 4)
    monkeypatch.setattr(history, "_SNAPSHOTS_A_STEP", 3)
    monkeypatch.setattr("market_opinion.storage.lake.tables.expire", lambda _: None)
    for hour in range(9):
        put_hour(lake, hour)
    middle = datetime.fromtimestamp(iceberg_of(lake).snapshots()[2].timestamp_ms / 1000, UTC)
    assert len(upkeep(lake).old_snapshots(middle)) == 2
    assert upkeep(lake).expire(None) == 5
    assert lake.snapshot_count(SILVER_MENTIONS) == 4
    assert len(ids(lake)) == 9


def test_expiries_at_the_same_moment_do_not_fail(lake, monkeypatch):
    """PyIceberg says ValueError of a snapshot that another run expired first."""
    for hour in range(4):
        put_hour(lake, hour)
    stale = iceberg_of(lake)
    old = [each.snapshot_id for each in history._oldest_first(stale)[:2]]
    assert history.forget(iceberg_of(lake), old) > 0
    assert history.forget(stale, old) == 0
    assert len(ids(lake)) == 4


def test_a_file_of_unknown_age_is_no_orphan(lake, monkeypatch, tmp_path):
    """Some file systems do not tell when a file was written; it may be a writer's of now."""
    put_hour(lake, 0)
    orphan = next(tmp_path.rglob("*.parquet")).with_name("orphan.parquet")
    orphan.write_bytes(b"x")
    os.utime(orphan, (1, 1))
    assert upkeep(lake).orphans(None) == [str(orphan)]
    assert upkeep(lake).orphans(datetime.fromtimestamp(0, UTC)) == []
    find = "fsspec.implementations.local.LocalFileSystem.find"
    monkeypatch.setattr(find, lambda *_, **__: {str(orphan): {"size": 1}})
    assert upkeep(lake).orphans(None) == []


def test_packs_are_bounded_and_come_to_an_end(lake, monkeypatch):
    """Large files are left; a rerun of what is packed has nothing to do."""
    for hour in range(6):
        put_hour(lake, hour)
    size = next(iter(iceberg_of(lake).scan().plan_files())).file.file_size_in_bytes
    monkeypatch.setattr(compaction, "_PACK_BYTES", 2 * size + 500)
    monkeypatch.setattr(compaction, "_PARTITIONS_A_COMMIT", 1)
    while compact(lake).replaced_file_count:
        pass
    assert 1 <= len(live(lake)) <= 3
    assert len(ids(lake)) == 6


def test_a_table_without_days_may_have_some_files(lake):
    """The labels of a domain never close; they are packed once there are many."""
    assert day_column(SILVER_LABELS) is None
    for n in range(3):
        table = SILVER_LABELS
        row = {name: value(dtype, table, name, n) for name, dtype in table.schema.items()}
        lake._load_or_create(table).append(pl.DataFrame([row], schema=table.schema).to_arrow())
    assert compact(lake, SILVER_LABELS) == compaction.Compaction()


def test_a_table_nobody_wrote_has_no_upkeep(lake):
    """There is nothing to keep up, written or empty."""
    assert lake.upkeep(SILVER_MENTIONS) is None
    lake._load_or_create(SILVER_MENTIONS)
    assert compact(lake) == compaction.Compaction()
    assert upkeep(lake).state(CLOSED).file_count == 0
