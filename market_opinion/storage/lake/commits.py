"""Transactions of PyIceberg that make a table's metadata once, and leave no manifest over."""

from contextlib import suppress

from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate, update_table_metadata


class Commit(Transaction):
    """A transaction that commits when its block ends; an error leaves the table as it was.

    PyIceberg 0.12 copies all snapshots, deeply, at each of the thirty looks of a commit at its
    metadata, more of them the longer the table is written to. The updates are a tuple, so the
    same tuple means the same metadata. Drop this once PyIceberg keeps them itself.
    """

    _made: tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        """The metadata of the table with what this transaction has changed so far."""
        base, updates = self._table.metadata, self._updates
        if self._made is None or self._made[0] is not base or self._made[1] is not updates:
            self._made = base, updates, update_table_metadata(base, updates)
        return self._made[2]

    def _cleanup_uncommitted_manifests(self) -> None:
        """Delete, after the commit, the manifests that it packed into others of its own.

        PyIceberg 0.12 leaves them, one small file a commit that no snapshot names. The commit has
        succeeded, so storage that fails here is let pass; a sweep takes what is left.
        """
        super()._cleanup_uncommitted_manifests()
        for producer in self._snapshot_producers:
            snapshot = self._table.metadata.snapshot_by_id(producer.snapshot_id)
            if snapshot is None:
                continue
            with suppress(OSError):
                named = {manifest.manifest_path for manifest in snapshot.manifests(self._table.io)}
                for path in set(producer._written_manifests) - named:  # noqa: SLF001
                    self._table.io.delete(path)
