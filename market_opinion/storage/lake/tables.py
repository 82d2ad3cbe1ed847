"""Tables of the lake: made from contracts, read by slice, replaced by slice in one commit."""

import contextlib
import functools
import os
import random
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchTableError,
    TableAlreadyExistsError,
    ValidationException,
)
from pyiceberg.expressions import BooleanExpression
from pyiceberg.table import Table as IcebergTable
from pyiceberg.utils.config import Config
from sqlalchemy.exc import OperationalError

from market_opinion.core import aws
from market_opinion.core.contracts import Table
from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import Window
from market_opinion.storage.lake.commits import Commit
from market_opinion.storage.lake.damage import (
    catalogue_damage_named,
    check_place,
    damage_named,
)
from market_opinion.storage.lake.history import erase_strays, expire, files_in_use, forget, sweep
from market_opinion.storage.lake.predicates import Where, check_slice, rows_of
from market_opinion.storage.lake.reading import read_rows
from market_opinion.storage.lake.replacement import data_snapshot_id
from market_opinion.storage.lake.schema import evolve, iceberg_schema, partition_spec
from market_opinion.storage.lake.upkeep import TableUpkeep

# With PyIceberg's own 4 retries, 8 racing processes lost 54 of 160 commits; with these, none. Files
# of 16 MB (uncompressed) are written in parallel; one file for a slice would leave a core idle.
# A read opens the manifests of its days, so each commit packs the small ones, up to 50 files:
# without, the last hour of a day takes three times the processor of its first.
_PROPERTIES = {
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "2",
    "commit.manifest.target-size-bytes": str(32 * 1024),
    "format-version": "2",
    "commit.retry.num-retries": "20",
    "commit.retry.min-wait-ms": "20",
    "commit.retry.max-wait-ms": "1000",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.target-file-size-bytes": str(16 * 1024 * 1024),
}
_ATTEMPTS = 20
# How many tables an embedded catalogue makes for itself.
_CATALOGUE = "catalog.db"
_OWN_TABLES = 2


class Lake:
    """Tables of one catalog; the first write creates a table."""

    def __init__(self, catalog: Catalog) -> None:
        """Use the catalog as it is."""
        self._catalog = catalog

    def read(
        self,
        table: Table,
        where: Where | None = None,
        window: Window | None = None,
        *,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Return the rows whose columns are among `where` and whose hour is in the window.

        The frame is empty before the first write.
        """
        schema = {name: table.schema[name] for name in columns or table.schema}
        with damage_named(table):
            try:
                iceberg = self._catalog.load_table(table.name)
            except NoSuchTableError:
                return pl.DataFrame(schema=schema)
            iceberg = _by_contract(iceberg, table)
            return read_rows(iceberg, rows_of(table, where or {}, window), schema)

    def overwrite(
        self,
        table: Table,
        frame: pl.DataFrame,
        where: Where,
        window: Window | None,
        *,
        run: Mapping[str, str],
    ) -> bool:
        """Replace the slice by the frame in one commit; return whether anything was committed.

        `run` is written into the snapshot. Nothing is committed for a slice that has exactly these
        rows, so a rerun creates no snapshot. Raises ContractBroken before anything is written,
        and CommitConflict when other writers won every race.
        """
        checked = table.check(frame)
        check_slice(table, checked, where, window)
        return self._replace(table, rows_of(table, where, window), lambda _: checked, run)

    def change(
        self,
        table: Table,
        where: Where,
        window: Window | None,
        change: Callable[[pl.DataFrame], pl.DataFrame],
        *,
        run: Mapping[str, str],
    ) -> bool:
        """Replace the rows of a slice by what a function makes of them, in one commit.

        If another writer commits first, the function is given the rows of that commit. Errors and
        the result are those of `overwrite`.
        """

        def made(current: pl.DataFrame) -> pl.DataFrame:
            checked = table.check(change(current))
            check_slice(table, checked, where, window)
            return checked

        return self._replace(table, rows_of(table, where, window), made, run)

    def _replace(
        self,
        table: Table,
        row_filter: BooleanExpression,
        made: Callable[[pl.DataFrame], pl.DataFrame],
        run: Mapping[str, str],
    ) -> bool:
        for attempt in range(_ATTEMPTS):
            with damage_named(table):
                iceberg = self._load_or_create(table)
                current = read_rows(iceberg, row_filter, table.schema)
            checked = made(current)
            if _same_rows(table, current, checked):
                return False
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings(
                        "ignore", "Delete operation did not match any records", UserWarning
                    )
                    with Commit(iceberg) as commit:
                        commit.overwrite(
                            checked.to_arrow(),
                            overwrite_filter=row_filter,
                            snapshot_properties=dict(run),
                        )
            except (CommitFailedException, ValidationException) as error:
                # Neither error is a subclass of the other. The table is loaded and read anew: an
                # overwrite after a mere refresh would delete the rows of another writer.
                if attempt == _ATTEMPTS - 1:
                    message = (
                        f"{table.name}: {_ATTEMPTS} commits for {row_filter} lost their race;"
                        " run the window again"
                    )
                    raise CommitConflict(message) from error
                # A random pause, so that the writers do not meet again.
                time.sleep(random.uniform(0.02, 0.2) * (attempt + 1))  # noqa: S311, no secret
            else:
                expire(iceberg)
                return True
        return False

    def append(self, table: Table, frame: pl.DataFrame, *, run: Mapping[str, str]) -> int:
        """Add the rows whose key is new to the table, in one commit; return their number.

        For tables without windows. Raises ContractBroken before anything is written. Two
        writers of one key at the same moment may both add it.
        """
        (key,) = table.key
        present = (
            self.read(table, {key: frame[key].to_list()}, columns=[key]) if frame.height else frame
        )
        new = table.check(frame).join(present, on=key, how="anti")
        if new.height:
            iceberg = self._load_or_create(table)
            with _conflicts_named(table), Commit(iceberg) as commit:
                commit.append(new.to_arrow(), snapshot_properties=dict(run))
            expire(iceberg)
        return new.height

    def delete(self, table: Table, where: Where, *, run: Mapping[str, str]) -> None:
        """Delete the rows whose columns are among `where`, in one commit."""
        try:
            iceberg = self._catalog.load_table(table.name)
        except NoSuchTableError:
            return
        with _conflicts_named(table), warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Delete operation did not match any records", UserWarning
            )
            with Commit(iceberg) as commit:
                commit.delete(rows_of(table, where, None), snapshot_properties=dict(run))

    def drop(self, table: Table) -> None:
        """Remove a table whose files are damaged; the next write makes it anew."""
        with contextlib.suppress(NoSuchTableError):
            self._catalog.drop_table(table.name)

    def forget_history(self, table: Table) -> int:
        """Delete the earlier snapshots and the files that only they need; return the files' number.

        Files that no snapshot names, left by a writer that was cut off, are deleted too once they
        are a day old; a writer may be about to commit a younger one.
        """
        try:
            iceberg = self._catalog.load_table(table.name)
        except NoSuchTableError:
            return 0
        for _ in range(_ATTEMPTS):
            deleted = forget(iceberg, [snapshot.snapshot_id for snapshot in iceberg.snapshots()])
            iceberg = iceberg.refresh()
            if len(list(iceberg.snapshots())) <= 1:
                return deleted + sweep(iceberg)
        message = (
            f"{table.name}: other writers kept committing, so its history could not be forgotten;"
            " run it again"
        )
        raise CommitConflict(message)

    def erase_strays(
        self,
        table: Table,
        is_meant: Callable[[pl.DataFrame], bool],
        only: Collection[str] | None = None,
    ) -> list[str]:
        """Delete data files that no snapshot names and whose rows are meant, or of these `only`.

        Returns those that are too young to be deleted: minutes, since a writer may be about to
        commit them.
        """
        try:
            return erase_strays(self._catalog.load_table(table.name), is_meant, only)
        except NoSuchTableError:
            return []

    def has_committed(self, table: Table, paths: Collection[str]) -> bool:
        """Return whether a version of the table names one of these files by now."""
        return not files_in_use(self._catalog.load_table(table.name)).isdisjoint(paths)

    def snapshot_id(self, table: Table) -> int | None:
        """Return the snapshot that last changed the table's rows; None before the first write.

        A compaction is a snapshot that changes none.
        """
        with damage_named(table):
            try:
                snapshot = self._catalog.load_table(table.name).current_snapshot()
            except NoSuchTableError:
                return None
        return data_snapshot_id(snapshot) if snapshot else None

    def has_rows_of(self, table: Table, run_id: str) -> bool:
        """Tell whether a commit of this run changed rows of the table.

        A compaction changes none; one whose rows are of a forgotten snapshot may have followed one
        that did.
        """
        try:
            snapshots = {
                snapshot.snapshot_id: snapshot
                for snapshot in self._catalog.load_table(table.name).snapshots()
            }
        except NoSuchTableError:
            return False
        return any(
            data_snapshot_id(snapshot) == snapshot_id or data_snapshot_id(snapshot) not in snapshots
            for snapshot_id, snapshot in snapshots.items()
            if snapshot.summary and snapshot.summary.additional_properties.get("run-id") == run_id
        )

    def snapshot_count(self, table: Table) -> int:
        """Return the number of versions of the table."""
        try:
            return len(list(self._catalog.load_table(table.name).snapshots()))
        except NoSuchTableError:
            return 0

    def upkeep(self, table: Table) -> TableUpkeep | None:
        """Return the upkeep of a table; None before the first write."""
        with damage_named(table):
            try:
                return TableUpkeep(table, self._catalog.load_table(table.name))
            except NoSuchTableError:
                return None

    def _load_or_create(self, table: Table) -> IcebergTable:
        try:
            return _with_properties(_by_contract(self._catalog.load_table(table.name), table))
        except NoSuchTableError:
            schema = iceberg_schema(table)
        namespace = table.name.partition(".")[0]
        # A role that may write tables need not be allowed to create namespaces.
        if not self._catalog.namespace_exists(namespace):
            self._create_namespace(namespace)
        try:
            return self._catalog.create_table(
                table.name,
                schema,
                partition_spec=partition_spec(table, schema),
                properties=_PROPERTIES,
            )
        except TableAlreadyExistsError:
            return self._catalog.load_table(table.name)

    def _create_namespace(self, namespace: str) -> None:
        try:
            self._catalog.create_namespace_if_not_exists(namespace)
        except Exception:
            # Another process made it at the same moment, for which each catalog has its own error.
            if not self._catalog.namespace_exists(namespace):
                raise


def open_lake(catalog_name: str, embedded_path: Path) -> Lake:
    """Return the lake of a catalog.

    The catalog is the one of this name in PyIceberg's configuration, else a SQLite file in the
    given folder.
    """
    if configured := Config().get_catalog_config(catalog_name):
        # PyIceberg types its own configuration too widely; the values are strings.
        properties: dict[str, str] = configured  # type: ignore[assignment]
        if properties.get("type", "").lower() != "glue":
            return Lake(load_catalog(catalog_name, **properties))
        kept = frozenset(properties.items())
        return Lake(_kept_glue_catalog(catalog_name, kept, aws.identity(), os.getpid()))
    embedded_path.mkdir(parents=True, exist_ok=True)
    file = embedded_path / _CATALOGUE
    # The time-out lets parallel writers wait for SQLite's one write lock instead of failing.
    place = f"sqlite:///{file}?timeout=60", f"file://{embedded_path}"
    with catalogue_damage_named():
        try:
            inode = file.stat().st_ino
        except FileNotFoundError:
            return Lake(_embedded_catalog(catalog_name, *place))
        return Lake(_kept_catalog(catalog_name, *place, inode, os.getpid()))


@functools.lru_cache(maxsize=4)
def _kept_catalog(name: str, uri: str, warehouse: str, inode: int, process: int) -> Catalog:
    """Return the catalogue of a file that is there, opened once a process.

    Each opening compiles all of its SQL anew: an eighth of the processor of a small run. A file
    that was put in its place is another one, and a process that was forked opens its own.
    """
    del inode, process
    catalog = _embedded_catalog(name, uri, warehouse)
    check_place(Path(warehouse.removeprefix("file://")) / _CATALOGUE)
    return catalog


@functools.lru_cache(maxsize=4)
def _kept_glue_catalog(
    name: str, properties: frozenset[tuple[str, str]], identity: object, process: int
) -> Catalog:
    """Return the catalogue in Glue, opened once a process and identity.

    Each opening reads all of boto3's models anew: two thirds of the processor of a small run.
    """
    del identity, process
    return load_catalog(name, **dict(properties))


def _embedded_catalog(name: str, uri: str, warehouse: str) -> Catalog:
    """Return the catalogue of a SQLite file, which is made at its first use."""
    for _ in range(_OWN_TABLES):
        try:
            return load_catalog(name, type="sql", uri=uri, warehouse=warehouse)
        except OperationalError as error:
            # Another process made one of the new catalogue's own tables at the same moment.
            if "already exists" not in str(error):
                raise
    return load_catalog(name, type="sql", uri=uri, warehouse=warehouse)


@contextmanager
def _conflicts_named(table: Table) -> Iterator[None]:
    """Turn a lost race into CommitConflict."""
    try:
        yield
    except (CommitFailedException, ValidationException) as error:
        message = f"{table.name}: a commit lost its race; run it again"
        raise CommitConflict(message) from error


def _same_rows(table: Table, left: pl.DataFrame, right: pl.DataFrame) -> bool:
    order = list(table.key or table.schema)
    return left.height == right.height and left.sort(order).equals(right.sort(order))


def _by_contract(iceberg: IcebergTable, table: Table) -> IcebergTable:
    """Return the table with the columns of its contract; those that are new have nulls."""
    try:
        evolve(iceberg, table)
    except CommitFailedException:  # another writer did
        iceberg.refresh()
    return iceberg


def _with_properties(iceberg: IcebergTable) -> IcebergTable:
    """Return the table with the properties that an older version did not give to it."""
    absent = {name: _PROPERTIES[name] for name in _PROPERTIES.keys() - iceberg.properties.keys()}
    if absent:
        try:
            with Commit(iceberg) as commit:
                commit.set_properties(absent)
        except CommitFailedException:  # another writer did, or committed rows
            iceberg.refresh()
    return iceberg
