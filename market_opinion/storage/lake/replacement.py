"""A commit of Iceberg's operation `replace`: other files and manifests, the same rows.

PyIceberg 0.12 has none of its own (`update_snapshot` knows append, overwrite and delete), so this
is one of its snapshot producers; drop it once PyIceberg rewrites files itself.
"""

from collections.abc import Iterable
from typing import Any

from pyiceberg.exceptions import ValidationException
from pyiceberg.io import FileIO
from pyiceberg.manifest import (
    DataFile,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
)
from pyiceberg.table import Transaction
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update.snapshot import _OverwriteFiles

# A manifest with so many files is settled: it is read and written again only where a file of it
# goes. A read opens the manifests of its days, and decodes each of their files in 0.1 ms.
SETTLED_FILES = 200
# Property of a replacing snapshot: the snapshot that its rows are of.
_ROWS_OF = "rows-of-snapshot-id"


def data_snapshot_id(snapshot: Snapshot) -> int:
    """Return the id of the snapshot that last changed the rows of this snapshot's table."""
    rows_of = snapshot.summary.additional_properties.get(_ROWS_OF) if snapshot.summary else None
    return int(rows_of) if rows_of else snapshot.snapshot_id


def live_files(manifest: ManifestFile) -> int:
    """Return the number of data files that a manifest adds or keeps."""
    return (manifest.added_files_count or 0) + (manifest.existing_files_count or 0)


class Replacement(_OverwriteFiles):
    """Replaces data files by files with the same rows, and packs the manifests of few files.

    Manifests are packed by the last field of the partition, which is the day where there is one, so
    that a read of some days opens few of them. Raises ValidationException where a file to replace
    is gone; rows that others add at the same time stay as they are.
    """

    def __init__(self, transaction: Transaction, io: FileIO, properties: dict[str, str]) -> None:
        """Begin with nothing replaced; the properties are written into the snapshot."""
        super().__init__(Operation.OVERWRITE, transaction, io, snapshot_properties=properties)

    def _validate_concurrency(self) -> None:
        """Leave it to `_manifests`: only files that are gone are in the way of a replacement."""

    def _summary(self, snapshot_properties: dict[str, str] = {}) -> Summary:  # noqa: B006, PyIceberg's signature
        """Return the summary, which names the snapshot whose rows stay; another a retry."""
        parent = self._parent()
        properties = {**snapshot_properties, _ROWS_OF: str(data_snapshot_id(parent))}
        # PyIceberg adds up the totals of the three operations that it knows.
        totals = super()._summary(properties).additional_properties
        return Summary(operation=Operation.REPLACE, **totals)

    def _manifests(self) -> list[ManifestFile]:
        """Return the manifests after the replacement."""
        self._build_delete_files_partition_predicate()
        may_hold = self._build_manifest_evaluator(self._transaction.table_metadata.default_spec_id)
        kept: list[ManifestFile] = []
        live: list[ManifestEntry] = [
            self._entry(ManifestEntryStatus.ADDED, file) for file in self._added_data_files
        ]
        gone: list[ManifestEntry] = []
        for manifest in self._parent().manifests(self._io):
            if not live_files(manifest) and manifest.content == ManifestContent.DATA:
                continue
            if not self._is_current(manifest) or (
                self._is_settled(manifest) and not may_hold(manifest)
            ):
                kept.append(manifest)
                continue
            entries = self.fetch_manifest_entry(manifest)
            found = [entry for entry in entries if entry.data_file in self._deleted_data_files]
            if not found and self._is_settled(manifest):
                kept.append(manifest)
                continue
            gone += found
            live += [entry for entry in entries if entry.data_file not in self._deleted_data_files]
        if len(gone) < len(self._deleted_data_files):
            message = f"{len(self._deleted_data_files) - len(gone)} files to replace are gone"
            raise ValidationException(message)
        live.sort(key=_day_and_path)
        packs = [live[n : n + SETTLED_FILES] for n in range(0, len(live), SETTLED_FILES)]
        written = [self._write(map(self._kept_entry, pack)) for pack in packs]
        if gone:
            deleted = (self._entry(ManifestEntryStatus.DELETED, e.data_file, e) for e in gone)
            written.append(self._write(deleted))
        return written + kept

    def _is_current(self, manifest: ManifestFile) -> bool:
        spec_id = self._transaction.table_metadata.default_spec_id
        return manifest.content == ManifestContent.DATA and manifest.partition_spec_id == spec_id

    @staticmethod
    def _is_settled(manifest: ManifestFile) -> bool:
        return live_files(manifest) >= SETTLED_FILES

    def _parent(self) -> Snapshot:
        metadata, parent_id = self._transaction.table_metadata, self._parent_snapshot_id
        snapshot = metadata.snapshot_by_id(parent_id) if parent_id is not None else None
        if snapshot is None:
            message = "the table has no snapshot whose files could be replaced"
            raise ValidationException(message)
        return snapshot

    def _kept_entry(self, entry: ManifestEntry) -> ManifestEntry:
        """Return an entry of the new manifest: added by this commit, or there before."""
        if entry.status == ManifestEntryStatus.ADDED and entry.snapshot_id == self._snapshot_id:
            return entry
        return self._entry(ManifestEntryStatus.EXISTING, entry.data_file, entry)

    def _entry(
        self, status: ManifestEntryStatus, file: DataFile, before: ManifestEntry | None = None
    ) -> ManifestEntry:
        is_kept = before is not None and status == ManifestEntryStatus.EXISTING
        return ManifestEntry.from_args(
            status=status,
            snapshot_id=before.snapshot_id if before and is_kept else self._snapshot_id,
            sequence_number=before.sequence_number if before else None,
            file_sequence_number=before.file_sequence_number if before else None,
            data_file=file,
        )

    def _write(self, entries: Iterable[ManifestEntry]) -> ManifestFile:
        with self.new_manifest_writer(self._transaction.table_metadata.spec()) as writer:
            for entry in entries:
                writer.add_entry(entry)
        return writer.to_manifest_file()


def _day_and_path(entry: ManifestEntry) -> tuple[bool, Any, str]:
    partition = entry.data_file.partition
    last = partition[len(partition) - 1] if len(partition) else None
    return last is None, last, entry.data_file.file_path
