"""Upkeep of the lake: closed days in few files, old snapshots and orphans gone, and what waits."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from market_opinion.core.contracts import TABLES, Table
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import EARLIEST, Slice, Window, as_utc, merged, whole_days
from market_opinion.ops.counts import UpkeepCounts
from market_opinion.ops.run import Run
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.lake.upkeep import TableState


def tables_named(names: Sequence[str] | None) -> list[str]:
    """Return the names of tables, of all where none is named; raises InvalidRequest."""
    known = [table.name for table in TABLES]
    if unknown := sorted(set(names or ()) - set(known)):
        message = f"--table {', '.join(unknown)}: {', '.join(known)} are tables"
        raise InvalidRequest(message)
    return [name for name in known if not names or name in names]


def days_before(moment: datetime) -> Window:
    """Return all days that are over at a moment."""
    midnight = as_utc(moment).replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(EARLIEST, midnight)


def days_closed(slices: Sequence[Slice], now: datetime) -> list[Window]:
    """Return the days that slices bring to their end, as windows of whole days, oldest first.

    A day that is not over yet is none, and neither is one whose last hour lies in no slice.
    """
    over = days_before(now).end
    days = [
        Window(day, end)
        for whole in whole_days(slices)
        for day, end in zip(whole.midnights(), [*whole.midnights()[1:], whole.end], strict=True)
        if end <= over and any(_reaches(span.window, end) for span in slices)
    ]
    return merged(days)


def states(lake: Lake, now: datetime) -> Iterator[tuple[Table, TableState]]:
    """Yield each written table with what it consists of; its days that are over may wait."""
    for table in TABLES:
        if upkeep := lake.upkeep(table):
            yield table, upkeep.state(days_before(now))


def compact_days(run: Run, days: Window) -> UpkeepCounts:
    """Put the files of whole days together, in every table."""
    counts = UpkeepCounts()
    for table in TABLES:
        if upkeep := run.adapters.lake().upkeep(table):
            done = upkeep.compact(days, run=run.commit())
            counts += UpkeepCounts(
                done.replaced_file_count, done.written_file_count, done.left_file_count
            )
    return counts


def maintain(
    run: Run, name: str, older_than: datetime | None, *, dry_run: bool = False
) -> UpkeepCounts:
    """Compact the closed days of a table, then delete its old snapshots and its orphans.

    A dry run changes nothing and counts what would go; files of snapshots that a run would expire
    are no orphans yet.
    """
    (table,) = (table for table in TABLES if table.name == name)
    upkeep, days = run.adapters.lake().upkeep(table), days_before(run.now)
    older_than = as_utc(older_than) if older_than else None
    if upkeep is None:
        return UpkeepCounts()
    if dry_run:
        state, snapshots = upkeep.state(days), upkeep.old_snapshots(older_than)
        return UpkeepCounts(
            compacted_file_count=state.waiting_file_count,
            expired_snapshot_count=len(snapshots),
            orphan_file_count=len(upkeep.orphans(older_than)),
        )
    done = upkeep.compact(days, run=run.commit())
    return UpkeepCounts(
        done.replaced_file_count,
        done.written_file_count,
        done.left_file_count,
        upkeep.expire(older_than),
        upkeep.sweep(older_than),
    )


def _reaches(window: Window, end: datetime) -> bool:
    return window.start < end <= window.end
