"""The Iceberg lake: tables made from their contracts, read by slice, and written by replacing a slice in one commit."""

import random
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchTableError,
    TableAlreadyExistsError,
    ValidationException,
)
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo, GreaterThanOrEqual, In, LessThan, LessThanOrEqual
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.transforms import DayTransform, IdentityTransform, Transform
from pyiceberg.types import BooleanType, DateType, DoubleType, IcebergType, LongType, NestedField, StringType, TimestamptzType
from pyiceberg.utils.config import Config

from market_opinion.columns import UTC_TIME
from market_opinion.contracts import Table
from market_opinion.errors import CommitConflict, ContractBroken
from market_opinion.window import Window

# With PyIceberg's own 4 retries, 54 of 160 commits of 8 racing processes were lost; with these, none. Files of this size
# (uncompressed) are written side by side, where one for a whole slice would leave a core idle.
_PROPERTIES = {
    "format-version": "2",
    "commit.retry.num-retries": "20",
    "commit.retry.min-wait-ms": "20",
    "commit.retry.max-wait-ms": "1000",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.target-file-size-bytes": str(16 * 1024 * 1024),
}
_ATTEMPTS = 20
# A commit grows dearer with the number of snapshots it carries along, so the history rolls.
_SNAPSHOTS_MAX, _SNAPSHOTS_KEPT = 60, 30
_IN_FLIGHT = timedelta(days=1)
_PARTITION_FIELD_IDS_FROM = 1000
# Aggregates have days where other tables have hours.
_DAY = "full_date"

Where = Mapping[str, str | Sequence[str]]


class Lake:
    """Tables of one catalog. Tables are made when they are first written."""

    def __init__(self, catalog: Catalog) -> None:
        """Use the catalog as it is."""
        self._catalog = catalog

    def read(
        self, table: Table, where: Where | None = None, window: Window | None = None, *, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Rows whose columns equal `where` (or are among its values) and whose hour lies in the window; empty before the first write."""
        schema = {name: table.schema[name] for name in columns or table.schema}
        try:
            iceberg = self._catalog.load_table(table.name)
        except NoSuchTableError:
            return pl.DataFrame(schema=schema)
        scan = iceberg.scan(row_filter=_filter(table, where or {}, window), selected_fields=tuple(schema))
        return _from_arrow(scan.to_arrow(), schema)

    def overwrite(self, table: Table, frame: pl.DataFrame, where: Where, window: Window | None, *, run: Mapping[str, str]) -> bool:
        """Replace the slice by the frame in one commit, with `run` in its snapshot; whether anything was committed.

        A slice that holds these very rows already is left alone, so that a rerun makes no new snapshot. Raises
        ContractBroken before anything is written, CommitConflict when other writers won the race every time.
        """
        checked = table.check(frame)
        _check_slice(table, checked, where, window)
        row_filter = _filter(table, where, window)
        for attempt in range(_ATTEMPTS):
            iceberg = self._load_or_create(table)
            current = _from_arrow(iceberg.scan(row_filter=row_filter).to_arrow(), table.schema)
            if _same_rows(table, current, checked):
                return False
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "Delete operation did not match any records", UserWarning)
                    iceberg.overwrite(checked.to_arrow(), overwrite_filter=row_filter, snapshot_properties=dict(run))
            except (CommitFailedException, ValidationException) as error:
                # Neither is a subclass of the other. The table is loaded anew: refreshing it between the read and the
                # overwrite would let rows of another writer vanish.
                if attempt == _ATTEMPTS - 1:
                    message = f"{table.name}: {_ATTEMPTS} commits for {window} lost their race; run the window again"
                    raise CommitConflict(message) from error
                time.sleep(random.uniform(0.02, 0.2) * (attempt + 1))  # noqa: S311, spreads writers, no secret
            else:
                _expire(iceberg)
                return True
        return False

    def append(self, table: Table, frame: pl.DataFrame, *, run: Mapping[str, str]) -> int:
        """Add the rows whose key the table does not hold yet, in one commit; how many. For tables without windows.

        Raises ContractBroken before anything is written. Two writers of one key at the same moment may both add it.
        """
        (key,) = table.key
        held = self.read(table, {key: frame[key].to_list()}, columns=[key]) if frame.height else frame
        new = table.check(frame).join(held, on=key, how="anti")
        if new.height:
            iceberg = self._load_or_create(table)
            with _conflicts_named(table):
                iceberg.append(new.to_arrow(), snapshot_properties=dict(run))
            _expire(iceberg)
        return new.height

    def delete(self, table: Table, where: Where, *, run: Mapping[str, str]) -> None:
        """Delete the rows whose columns are among `where`, in one commit."""
        try:
            iceberg = self._catalog.load_table(table.name)
        except NoSuchTableError:
            return
        with _conflicts_named(table), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Delete operation did not match any records", UserWarning)
            iceberg.delete(_filter(table, where, None), snapshot_properties=dict(run))

    def forget_history(self, table: Table) -> int:
        """Leave nothing of what earlier snapshots held and the current one does not: returns how many files were deleted.

        Files that no snapshot names, left by a writer that was cut off, go too once they are a day old; a younger one may be
        on its way into a commit.
        """
        try:
            iceberg = self._catalog.load_table(table.name)
        except NoSuchTableError:
            return 0
        for _ in range(_ATTEMPTS):
            deleted = _forget(iceberg, [snapshot.snapshot_id for snapshot in iceberg.snapshots()])
            iceberg = iceberg.refresh()
            if len(list(iceberg.snapshots())) <= 1:
                return deleted + _sweep(iceberg)
        message = f"{table.name}: other writers kept committing, so its history could not be forgotten; run it again"
        raise CommitConflict(message)

    def snapshot_id(self, table: Table) -> int | None:
        """The table's current snapshot; none before the first write."""
        try:
            snapshot = self._catalog.load_table(table.name).current_snapshot()
        except NoSuchTableError:
            return None
        return snapshot.snapshot_id if snapshot else None

    def snapshot_count(self, table: Table) -> int:
        """How many versions of the table are kept."""
        try:
            return len(list(self._catalog.load_table(table.name).snapshots()))
        except NoSuchTableError:
            return 0

    def _load_or_create(self, table: Table) -> IcebergTable:
        try:
            return self._catalog.load_table(table.name)
        except NoSuchTableError:
            schema = _iceberg_schema(table)
        namespace = table.name.partition(".")[0]
        # Asked first, since who writes tables may not be allowed to make namespaces.
        if not self._catalog.namespace_exists(namespace):
            self._catalog.create_namespace_if_not_exists(namespace)
        try:
            return self._catalog.create_table(table.name, schema, partition_spec=_partition_spec(table, schema), properties=_PROPERTIES)
        except TableAlreadyExistsError:
            return self._catalog.load_table(table.name)


def open_lake(catalog_name: str, embedded_path: Path) -> Lake:
    """The lake of a catalog that PyIceberg's own configuration knows, else of a SQLite catalog in the given folder."""
    if configured := Config().get_catalog_config(catalog_name):
        return Lake(load_catalog(catalog_name, **configured))  # type: ignore[arg-type]  # strings, as it read them
    embedded_path.mkdir(parents=True, exist_ok=True)
    # The time-out lets parallel writers wait for SQLite's one write lock instead of failing.
    uri = f"sqlite:///{embedded_path / 'catalog.db'}?timeout=60"
    return Lake(load_catalog(catalog_name, type="sql", uri=uri, warehouse=embedded_path.as_uri()))


@contextmanager
def _conflicts_named(table: Table) -> Iterator[None]:
    """Turn a race lost for good into our own error."""
    try:
        yield
    except (CommitFailedException, ValidationException) as error:
        message = f"{table.name}: a commit lost its race; run it again"
        raise CommitConflict(message) from error


def _filter(table: Table, where: Where, window: Window | None) -> BooleanExpression:
    parts: list[BooleanExpression] = [_equals(column, value) for column, value in where.items()]
    if window is not None:
        # An item's hour is its own time's, so where there is a partition by time the same span prunes it.
        parts += [_between(column, window) for column in ("window_start", "created_at") if column in table.schema]
        parts += [_among_days(window) for column in table.schema if column == _DAY]
    return And(AlwaysTrue(), AlwaysTrue(), *parts)


# The predicates are pydantic models with an __init__ of their own, which mypy's pydantic plugin does not see.
def _equals(column: str, value: str | Sequence[str]) -> BooleanExpression:
    return EqualTo(column, value) if isinstance(value, str) else In(column, list(value))  # type: ignore[call-arg]


def _between(column: str, window: Window) -> BooleanExpression:
    start, end = window.start.isoformat(), window.end.isoformat()
    return And(GreaterThanOrEqual(column, start), LessThan(column, end))  # type: ignore[call-arg]


def _among_days(window: Window) -> BooleanExpression:
    days = window.dates()
    return And(GreaterThanOrEqual(_DAY, str(days[0])), LessThanOrEqual(_DAY, str(days[-1])))  # type: ignore[call-arg]


def _same_rows(table: Table, left: pl.DataFrame, right: pl.DataFrame) -> bool:
    order = list(table.key or table.schema)
    return left.height == right.height and left.sort(order).equals(right.sort(order))


def _check_slice(table: Table, frame: pl.DataFrame, where: Where, window: Window | None) -> None:
    """Refuse rows outside the slice that is about to be replaced: running it again would double them."""
    inside = pl.lit(value=True)
    for column, value in where.items():
        inside &= pl.col(column).is_in([value] if isinstance(value, str) else list(value))
    if window is not None:
        days = window.dates()
        is_ours = pl.col(_DAY).is_between(days[0], days[-1]) if _DAY in frame.columns else _is_during(window)
        inside &= is_ours
    outside = frame.filter(~inside.fill_null(value=False)).height
    if outside:
        message = f"{table.name}: {outside} rows lie outside the slice {dict(where)} {window} they would replace"
        raise ContractBroken(message)


def _is_during(window: Window) -> pl.Expr:
    return pl.col("window_start").is_between(window.start, window.end, closed="left")


def _from_arrow(arrow: Any, schema: Mapping[str, Any]) -> pl.DataFrame:  # noqa: ANN401, pyarrow is untyped
    frame = pl.from_arrow(arrow)
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())  # type: ignore[union-attr]  # a table gives a frame


_TYPES: dict[Any, Callable[[], IcebergType]] = {
    pl.String: StringType,
    pl.Int64: LongType,
    pl.Float64: DoubleType,
    pl.Boolean: BooleanType,
    UTC_TIME: TimestamptzType,
    pl.Date: DateType,
}


def _iceberg_schema(table: Table) -> Schema:
    columns = table.contract.to_schema().columns
    fields = [
        NestedField(number, name, _TYPES[dtype](), required=False, doc=columns[name].description)
        for number, (name, dtype) in enumerate(table.schema.items(), start=1)
    ]
    return Schema(*fields)


def _partition_spec(table: Table, schema: Schema) -> PartitionSpec:
    fields = []
    for number, term in enumerate(table.partition):
        is_day = term.startswith("day(")
        column = term.removeprefix("day(").removesuffix(")")
        transform: Transform[Any, Any] = DayTransform() if is_day else IdentityTransform()
        name = f"{column}_day" if is_day else column
        fields.append(PartitionField(schema.find_field(column).field_id, _PARTITION_FIELD_IDS_FROM + number, transform, name))
    return PartitionSpec(*fields)


def _expire(iceberg: IcebergTable) -> None:
    """Forget the oldest snapshots once there are many, and what only they held."""
    snapshots = sorted(iceberg.snapshots(), key=lambda snapshot: snapshot.timestamp_ms)
    if len(snapshots) > _SNAPSHOTS_MAX:
        _forget(iceberg, [snapshot.snapshot_id for snapshot in snapshots[:-_SNAPSHOTS_KEPT]])


def _forget(iceberg: IcebergTable, snapshot_ids: Sequence[int]) -> int:
    """Expire these snapshots and delete the files that no other one needs; how many. The current one stays.

    Nothing is deleted where another writer was quicker: the next time tries again.
    """
    current = iceberg.current_snapshot()
    old = [snapshot_id for snapshot_id in snapshot_ids if current is None or snapshot_id != current.snapshot_id]
    if not old:
        return 0
    held = _files(iceberg, dead_too=True)
    try:
        iceberg.maintenance.expire_snapshots().by_ids(old).commit()
    except (CommitFailedException, ValidationException):
        return 0
    dead = held - _files(iceberg.refresh())
    for path in dead:
        with suppress(FileNotFoundError):  # A run that was cut off here had begun.
            iceberg.io.delete(path)
    return len(dead)


def _sweep(iceberg: IcebergTable) -> int:
    """Delete the files in the table's data and metadata folders that no snapshot names and no writer can still be writing."""
    named = {path.partition("://")[2] or path for path in _files(iceberg)}
    named |= {path.partition("://")[2] for path in (iceberg.metadata_location, *(e.metadata_file for e in iceberg.metadata.metadata_log))}
    fs, root = fsspec.url_to_fs(iceberg.location())
    young, deleted = datetime.now(UTC) - _IN_FLIGHT, 0
    for path, info in fs.find(root, detail=True).items():
        changed = info.get("LastModified") or datetime.fromtimestamp(info.get("mtime", 0), UTC)
        if path not in named and changed < young:
            fs.rm_file(path)
            deleted += 1
    return deleted


def _files(iceberg: IcebergTable, *, dead_too: bool = False) -> set[str]:
    """Every data file, manifest and manifest list that the snapshots of the table need; `dead_too`: and data files they say are gone."""
    found: set[str] = set()
    for snapshot in iceberg.snapshots():
        found.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(iceberg.io):
            if manifest.manifest_path not in found:
                found.add(manifest.manifest_path)
                found.update(e.data_file.file_path for e in manifest.fetch_manifest_entry(iceberg.io, discard_deleted=not dead_too))
    return found
