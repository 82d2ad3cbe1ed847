"""Versions of a table: deletion of old snapshots, and of the files that only they need."""

import io
import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import fsspec
import polars as pl
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot

from market_opinion.storage.file_age import IN_FLIGHT, changed_at

# A commit takes longer the more snapshots the table has, so old ones are deleted, few at a time.
SNAPSHOTS_KEPT = 30
_SNAPSHOTS_A_STEP = 10
# An erasure does not wait so long: from its first file to its commit a writer takes minutes.
STRAY_AGE = timedelta(minutes=15)


def expire(iceberg: IcebergTable) -> int:
    """Delete the oldest ten snapshots of more than 40, and the files that only they need.

    Return the number of deleted snapshots.
    """
    snapshots = _oldest_first(iceberg)
    if len(snapshots) <= SNAPSHOTS_KEPT + _SNAPSHOTS_A_STEP:
        return 0
    old = [snapshot.snapshot_id for snapshot in snapshots[:_SNAPSHOTS_A_STEP]]
    forget(iceberg, old)
    return len(old)


def expired(iceberg: IcebergTable, older_than: datetime | None) -> list[int]:
    """Return the snapshots that are too old, oldest first: all but the last 30, or those of before.

    The current snapshot is never among them.
    """
    snapshots = _oldest_first(iceberg)
    if older_than is None:
        return [snapshot.snapshot_id for snapshot in snapshots[:-SNAPSHOTS_KEPT]]
    before = older_than.timestamp() * 1000
    return [each.snapshot_id for each in snapshots[:-1] if each.timestamp_ms < before]


def expire_all(iceberg: IcebergTable, snapshot_ids: Sequence[int]) -> int:
    """Delete snapshots and the files that only they need, ten at a time; return how many went.

    It stops where another writer deletes them at the same time; the next run goes on.
    """
    count = 0
    for start in range(0, len(snapshot_ids), _SNAPSHOTS_A_STEP):
        there = {snapshot.snapshot_id for snapshot in iceberg.snapshots()}
        step = [each for each in snapshot_ids[start : start + _SNAPSHOTS_A_STEP] if each in there]
        forget(iceberg, step)
        iceberg.refresh()
        left = {snapshot.snapshot_id for snapshot in iceberg.snapshots()}
        count += len(set(step) - left)
    return count


def forget(iceberg: IcebergTable, snapshot_ids: Iterable[int]) -> int:
    """Expire these snapshots, except the current one; return the number of deleted files.

    Files that another snapshot needs stay. Nothing is deleted where another writer committed first;
    the next run tries again. Killed in between, it leaves files that no snapshot names.
    """
    chosen = set(snapshot_ids) - {ref.snapshot_id for ref in iceberg.metadata.refs.values()}
    old = [each for each in _oldest_first(iceberg) if each.snapshot_id in chosen]
    if not old:
        return 0
    try:
        dead = _files_only_of(iceberg, old)
        iceberg.maintenance.expire_snapshots().by_ids([each.snapshot_id for each in old]).commit()
    except (CommitFailedException, ValidationException):
        return 0
    except (FileNotFoundError, ValueError):
        # Another run expired one of these snapshots first, for which PyIceberg has no error.
        if _are_there(iceberg.refresh(), old):
            raise
        return 0
    for path in dead:
        with suppress(FileNotFoundError):  # An earlier run deleted it and was cut off.
            iceberg.io.delete(path)
    return len(dead)


def orphans(iceberg: IcebergTable, older_than: datetime | None = None) -> list[str]:
    """Return the table's files that no snapshot names, as paths of its file system.

    A file of less than a day is none, since a writer may be about to commit it.
    """
    in_use = files_in_use(iceberg)
    in_use |= {
        path.partition("://")[2]
        for path in (
            iceberg.metadata_location,
            *(e.metadata_file for e in iceberg.metadata.metadata_log),
        )
    }
    fs, root = fsspec.url_to_fs(iceberg.location())
    young = datetime.now(UTC) - IN_FLIGHT
    bound = min(young, older_than) if older_than else young
    return [
        path
        for path, info in fs.find(root, detail=True).items()
        if path not in in_use and changed_at(info) < bound
    ]


def erase_strays(
    iceberg: IcebergTable,
    is_meant: Callable[[pl.DataFrame], bool],
    only: Collection[str] | None = None,
) -> list[str]:
    """Delete data files that no snapshot names and that hold something; return those left.

    Left are those so young that their writer may be about to commit them. What cannot be read, such
    as a file that was cut off, may hold something. With `only`, no other file is looked at.
    """
    fs, root = fsspec.url_to_fs(iceberg.location())
    in_use = files_in_use(iceberg)
    old, left = datetime.now(UTC) - STRAY_AGE, list[str]()
    for path, info in fs.find(root, detail=True).items():
        is_asked = only is None or path in only
        if path in in_use or not path.endswith(".parquet") or not is_asked:
            continue
        with suppress(FileNotFoundError):  # another run sweeps as well
            if not _holds(fs.cat_file(path), is_meant):
                continue
            if changed_at(info) < old:
                fs.rm_file(path)
            else:
                left.append(path)
    return left


def files_in_use(iceberg: IcebergTable) -> set[str]:
    """Return the files that snapshots need, as paths of the table's file system."""
    return {path.partition("://")[2] or path for path in _files(iceberg)}


def _holds(content: bytes, is_meant: Callable[[pl.DataFrame], bool]) -> bool:
    try:
        return is_meant(pl.read_parquet(io.BytesIO(content)))
    except pl.exceptions.ComputeError:
        return True


def sweep(iceberg: IcebergTable, older_than: datetime | None = None) -> int:
    """Delete the table's files that no snapshot names, and return their number."""
    fs, _ = fsspec.url_to_fs(iceberg.location())
    paths = orphans(iceberg, older_than)
    for path in paths:
        with suppress(FileNotFoundError):  # another run sweeps as well
            fs.rm_file(path)
    return len(paths)


def _oldest_first(iceberg: IcebergTable) -> list[Snapshot]:
    return sorted(iceberg.snapshots(), key=lambda snapshot: snapshot.sequence_number or 0)


def _are_there(iceberg: IcebergTable, snapshots: Iterable[Snapshot]) -> bool:
    ids = {snapshot.snapshot_id for snapshot in iceberg.snapshots()}
    return all(snapshot.snapshot_id in ids for snapshot in snapshots)


def _files_only_of(iceberg: IcebergTable, old: Sequence[Snapshot]) -> set[str]:
    """Return the files that no snapshot but these needs.

    In one line of snapshots a file that two of them need is needed by all between, so the snapshot
    after the oldest ones tells for all later ones what they share with those. Elsewhere (a branch,
    a tag, a snapshot taken back) all snapshots are read.
    """
    snapshots = _oldest_first(iceberg)
    if snapshots[: len(old)] != list(old) or not _is_one_line(iceberg, snapshots):
        rest = [each for each in snapshots if each not in old]
        return _files(iceberg, old) - _files(iceberg, rest)
    kept = {each.manifest_path: each for each in snapshots[len(old)].manifests(iceberg.io)}
    gone = {
        manifest.manifest_path: manifest
        for snapshot in old
        for manifest in snapshot.manifests(iceberg.io)
        if manifest.manifest_path not in kept
    }
    # A manifest names no file of a later one, so only later ones may hold a file of those that go.
    first = min((manifest.sequence_number or 0 for manifest in gone.values()), default=0)
    later = [manifest for manifest in kept.values() if (manifest.sequence_number or 0) > first]
    lists = {snapshot.manifest_list for snapshot in old}
    return lists | gone.keys() | (_named(iceberg, gone.values()) - _named(iceberg, later))


def _is_one_line(iceberg: IcebergTable, snapshots: Sequence[Snapshot]) -> bool:
    """Whether each snapshot is the parent of the next, up to the current one."""
    current = iceberg.current_snapshot()
    return (
        len(iceberg.metadata.refs) == 1
        and current is not None
        and snapshots[-1].snapshot_id == current.snapshot_id
        and all(
            later.parent_snapshot_id == earlier.snapshot_id
            for earlier, later in itertools.pairwise(snapshots)
        )
    )


def _files(iceberg: IcebergTable, snapshots: Iterable[Snapshot] | None = None) -> set[str]:
    """Return the data files, manifests and manifest lists that snapshots need, or all of them."""
    manifests: dict[str, ManifestFile] = {}
    paths: set[str] = set()
    for snapshot in iceberg.snapshots() if snapshots is None else snapshots:
        paths.add(snapshot.manifest_list)
        manifests |= {each.manifest_path: each for each in snapshot.manifests(iceberg.io)}
    return paths | manifests.keys() | _named(iceberg, manifests.values())


def _named(iceberg: IcebergTable, manifests: Iterable[ManifestFile]) -> set[str]:
    """Return the data files that manifests name and do not mark as deleted."""
    return {
        entry.data_file.file_path
        for manifest in manifests
        for entry in manifest.fetch_manifest_entry(iceberg.io)
    }
