"""Compaction: the small files of a closed day become one, in a commit that changes no row."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan, _dataframe_to_data_files
from pyiceberg.manifest import DataFile
from pyiceberg.table import FileScanTask
from pyiceberg.table import Table as IcebergTable

from market_opinion.core.contracts import Table
from market_opinion.core.errors import HomeDamaged
from market_opinion.core.window import Window
from market_opinion.storage.lake.predicates import day_column, days_of
from market_opinion.storage.lake.replacement import Replacement

# Files are put together up to this size on disk, several times as much in memory.
_PACK_BYTES = 32 * 1024 * 1024
# In partitions without a day, which never close, so many files may lie.
_UNDATED_FILES_MAX = 24
# The predicate of a commit's partitions is a tree of theirs, so a commit has a month of them.
_PARTITIONS_A_COMMIT = 30
_ATTEMPTS = 3
# Errors that another writer's commit causes, or an expiry that deletes what a stale plan names.
_LOST = (CommitFailedException, ValidationException, FileNotFoundError)
# A pack is one file, whatever size writers aim at; rows of an hour lie together in row groups.
_WRITING = {
    "write.target-file-size-bytes": str(1024 * 1024 * 1024),
    "write.parquet.row-group-limit": str(64 * 1024),
}


@dataclass(frozen=True)
class Compaction:
    """Files that were replaced, files that replace them, and files that were left to another time.

    Files are left where a writer replaced one of them at the same moment.
    """

    replaced_file_count: int = 0
    written_file_count: int = 0
    left_file_count: int = 0

    def __add__(self, other: "Compaction") -> "Compaction":
        """Return the sum."""
        return Compaction(
            self.replaced_file_count + other.replaced_file_count,
            self.written_file_count + other.written_file_count,
            self.left_file_count + other.left_file_count,
        )


def find_packs(iceberg: IcebergTable, table: Table, days: Window) -> list[list[DataFile]]:
    """Return the files of whole days that are to become one, each pack of one partition.

    A partition without a day has packs once it has more than 24 files.
    """
    partitions: dict[tuple[int, str], list[DataFile]] = defaultdict(list)
    for predicate in days_of(table, days):
        for task in iceberg.scan(row_filter=predicate).plan_files():
            if not task.delete_files:  # we write none; another engine's are left alone
                partitions[task.file.spec_id, str(task.file.partition)].append(task.file)
    return [
        pack
        for (spec_id, _), files in sorted(partitions.items())
        if spec_id == iceberg.metadata.default_spec_id and len(files) > _files_max(table, files[0])
        for pack in _packs(files)
    ]


def compact(
    iceberg: IcebergTable, table: Table, days: Window, *, run: Mapping[str, str]
) -> Compaction:
    """Put the small files of whole days together, and pack the manifests; no row changes.

    Each month of partitions is one commit. A commit that loses its race against a writer of one of
    its files is tried twice again, then left. Raises HomeDamaged, before anything is committed,
    where files have other rows than their manifests count.
    """
    done = Compaction()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            for packs in _batched(find_packs(iceberg, table, days)):
                done += _replace(iceberg, table, packs, run)
        except _LOST as error:
            iceberg.refresh()
            if attempt == _ATTEMPTS and isinstance(error, FileNotFoundError):
                raise  # damage, since the table was loaded anew
        else:
            return done
    left = sum(map(len, find_packs(iceberg, table, days)))
    return done + Compaction(left_file_count=left)


def pack_manifests(iceberg: IcebergTable, *, run: Mapping[str, str]) -> bool:
    """Pack the manifests of few files in a commit of its own; return whether it won its race."""
    try:
        _commit(iceberg, [], [], run)
    except _LOST:
        return False
    return True


def _replace(
    iceberg: IcebergTable, table: Table, packs: Sequence[list[DataFile]], run: Mapping[str, str]
) -> Compaction:
    written: list[DataFile] = []
    try:
        for pack in packs:
            written += _write(iceberg, table, pack)
        replaced = list(itertools.chain.from_iterable(packs))
        _commit(iceberg, replaced, written, run)
    except _LOST:
        # The commit is not there, so nobody names the new files. After any other error it may be.
        for file in written:
            iceberg.io.delete(file.file_path)
        raise
    return Compaction(len(replaced), len(written))


def _write(iceberg: IcebergTable, table: Table, pack: Sequence[DataFile]) -> list[DataFile]:
    """Write the rows of the files into one, by time and key, and return it."""
    metadata, schema = iceberg.metadata, iceberg.schema()
    scan = ArrowScan(metadata, iceberg.io, schema, AlwaysTrue())
    rows: pa.Table = scan.to_table([FileScanTask(file) for file in pack])
    expected = sum(file.record_count for file in pack)
    if rows.num_rows != expected:
        message = (
            f"table {table.name}: {len(pack)} files have {rows.num_rows} rows where their manifests"
            f" count {expected}, so they were left as they are: run `python -m flows.rebuild"
            f" --platform NAME --damaged {table.name}` for each platform"
        )
        raise HomeDamaged(message)
    columns = dict.fromkeys(("window_start", *table.key))
    order = [(name, "ascending") for name in columns if name in rows.column_names]
    sizes = metadata.model_copy(update={"properties": {**metadata.properties, **_WRITING}})
    return list(_dataframe_to_data_files(sizes, rows.sort_by(order), iceberg.io))


def _commit(
    iceberg: IcebergTable,
    replaced: Iterable[DataFile],
    written: Iterable[DataFile],
    run: Mapping[str, str],
) -> None:
    with (
        iceberg.transaction() as transaction,
        Replacement(transaction, iceberg.io, dict(run)) as replacement,
    ):
        for file in replaced:
            replacement.delete_data_file(file)
        for file in written:
            replacement.append_data_file(file)


def _files_max(table: Table, file: DataFile) -> int:
    """Return how many files may lie in the partition of the file."""
    day = file.partition[len(table.partition) - 1]
    return _UNDATED_FILES_MAX if day is None or day_column(table) is None else 1


def _packs(files: Iterable[DataFile]) -> list[list[DataFile]]:
    """Return the files in packs of at most 32 MB; a file that stays alone is in none."""
    packs: list[list[DataFile]] = [[]]
    for file in sorted(files, key=lambda file: (file.file_size_in_bytes, file.file_path)):
        size = sum(each.file_size_in_bytes for each in packs[-1])
        if size + file.file_size_in_bytes > _PACK_BYTES:
            packs.append([])
        packs[-1].append(file)
    return [pack for pack in packs if len(pack) > 1]


def _batched(packs: Sequence[list[DataFile]]) -> list[list[list[DataFile]]]:
    """Return the packs in groups for one commit each, of a month of partitions."""
    return [
        list(packs[n : n + _PARTITIONS_A_COMMIT])
        for n in range(0, len(packs), _PARTITIONS_A_COMMIT)
    ]
