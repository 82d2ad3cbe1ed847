"""Upkeep of one table: few files, few manifests, few snapshots, and nothing that nobody names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pyiceberg.table import Table as IcebergTable

from market_opinion.core.contracts import Table
from market_opinion.core.window import Window
from market_opinion.storage.lake import compaction, history
from market_opinion.storage.lake.compaction import Compaction
from market_opinion.storage.lake.damage import damage_named
from market_opinion.storage.lake.replacement import SETTLED_FILES, live_files

# More manifests of few files than this are packed: about those of a day of hours.
_OPEN_MANIFESTS_MAX = 48


@dataclass(frozen=True)
class TableState:
    """Files, manifests and snapshots of a table, and what of closed days waits for compaction."""

    file_count: int
    manifest_count: int
    snapshot_count: int
    waiting_partition_count: int
    waiting_file_count: int


class TableUpkeep:
    """Upkeep of one written table. Every method may be killed, and is safe beside writers."""

    def __init__(self, table: Table, iceberg: IcebergTable) -> None:
        """Use the table as it was loaded; each commit loads it anew."""
        self._table = table
        self._iceberg = iceberg

    def state(self, days: Window) -> TableState:
        """Return what the table consists of, and the partitions of whole days that wait."""
        with damage_named(self._table):
            current = self._iceberg.current_snapshot()
            manifests = current.manifests(self._iceberg.io) if current else []
            packs = compaction.find_packs(self._iceberg, self._table, days)
            return TableState(
                sum(map(live_files, manifests)),
                len(manifests),
                len(self._iceberg.snapshots()),
                len({str(pack[0].partition) for pack in packs}),
                sum(map(len, packs)),
            )

    def compact(self, days: Window, *, run: Mapping[str, str]) -> Compaction:
        """Put the small files of whole days together, and pack the manifests; no row changes."""
        with damage_named(self._table):
            if self._iceberg.current_snapshot() is None:
                return Compaction()
            done = compaction.compact(self._iceberg, self._table, days, run=run)
            if not done.replaced_file_count and self._open_manifests() > _OPEN_MANIFESTS_MAX:
                compaction.pack_manifests(self._iceberg, run=run)
            history.expire(self._iceberg.refresh())
        return done

    def old_snapshots(self, older_than: datetime | None) -> list[int]:
        """Return the snapshots that `expire` would delete."""
        return history.expired(self._iceberg.refresh(), older_than)

    def expire(self, older_than: datetime | None) -> int:
        """Delete all snapshots but the last 30, or all of before, and the files only they need.

        They go ten at a time. The current snapshot stays. Return how many went.
        """
        with damage_named(self._table):
            return history.expire_all(self._iceberg, self.old_snapshots(older_than))

    def orphans(self, older_than: datetime | None) -> list[str]:
        """Return the files that `sweep` would delete."""
        with damage_named(self._table):
            return history.orphans(self._iceberg.refresh(), older_than)

    def sweep(self, older_than: datetime | None) -> int:
        """Delete files that no snapshot names and that are a day old, and return their number."""
        with damage_named(self._table):
            return history.sweep(self._iceberg.refresh(), older_than)

    def _open_manifests(self) -> int:
        current = self._iceberg.refresh().current_snapshot()
        manifests = current.manifests(self._iceberg.io) if current else []
        return sum(live_files(manifest) < SETTLED_FILES for manifest in manifests)
