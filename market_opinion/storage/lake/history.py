"""Versions of a table: deletion of old snapshots, and of the files that only they need."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import fsspec
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.table import Table as IcebergTable

# A commit takes longer the more snapshots the table has, so old ones are deleted.
_SNAPSHOTS_MAX, _SNAPSHOTS_KEPT = 60, 30
_IN_FLIGHT = timedelta(days=1)


def expire(iceberg: IcebergTable) -> None:
    """Delete the oldest snapshots of more than 60, and the files that only they need."""
    snapshots = sorted(iceberg.snapshots(), key=lambda snapshot: snapshot.timestamp_ms)
    if len(snapshots) > _SNAPSHOTS_MAX:
        forget(iceberg, [snapshot.snapshot_id for snapshot in snapshots[:-_SNAPSHOTS_KEPT]])


def forget(iceberg: IcebergTable, snapshot_ids: Sequence[int]) -> int:
    """Expire these snapshots, except the current one; return the number of deleted files.

    Files that another snapshot needs stay. Nothing is deleted where another writer committed first;
    the next run tries again.
    """
    current = iceberg.current_snapshot()
    old = [
        snapshot_id
        for snapshot_id in snapshot_ids
        if current is None or snapshot_id != current.snapshot_id
    ]
    if not old:
        return 0
    before = _files(iceberg, dead_too=True)
    try:
        iceberg.maintenance.expire_snapshots().by_ids(old).commit()
    except (CommitFailedException, ValidationException):
        return 0
    dead = before - _files(iceberg.refresh())
    for path in dead:
        with suppress(FileNotFoundError):  # An earlier run deleted it and was cut off.
            iceberg.io.delete(path)
    return len(dead)


def sweep(iceberg: IcebergTable) -> int:
    """Delete the table's files that no snapshot names; return their number.

    A file of less than a day stays, since a writer may be about to commit it.
    """
    in_use = {path.partition("://")[2] or path for path in _files(iceberg)}
    in_use |= {
        path.partition("://")[2]
        for path in (
            iceberg.metadata_location,
            *(e.metadata_file for e in iceberg.metadata.metadata_log),
        )
    }
    fs, root = fsspec.url_to_fs(iceberg.location())
    young, deleted = datetime.now(UTC) - _IN_FLIGHT, 0
    for path, info in fs.find(root, detail=True).items():
        changed = info.get("LastModified") or datetime.fromtimestamp(info.get("mtime", 0), UTC)
        if path not in in_use and changed < young:
            fs.rm_file(path)
            deleted += 1
    return deleted


def _files(iceberg: IcebergTable, *, dead_too: bool = False) -> set[str]:
    """Return the data files, manifests and manifest lists that the table's snapshots need.

    `dead_too` adds data files that their manifests mark as deleted.
    """
    paths: set[str] = set()
    for snapshot in iceberg.snapshots():
        paths.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(iceberg.io):
            if manifest.manifest_path not in paths:
                paths.add(manifest.manifest_path)
                paths.update(
                    e.data_file.file_path
                    for e in manifest.fetch_manifest_entry(iceberg.io, discard_deleted=not dead_too)
                )
    return paths
