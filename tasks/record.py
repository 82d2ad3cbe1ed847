"""Record: the state of every hour in the ledger, run records, and the watermarks."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prefect import get_run_logger

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    ITEM_KEY,
    OPS_REJECTIONS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.window import HOUR, Slice, Window, floor_hour
from market_opinion.ops import metrics
from market_opinion.ops.alerts import raise_alerts
from market_opinion.ops.backlog import late_alerts
from market_opinion.ops.counts import WindowCounts
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.stages import quality
from market_opinion.stages.authors import pepper_id
from market_opinion.stages.hours import (
    by_hour,
    due_slices,
    stale_slices,
    unread_entry,
    watermark_after,
    window_entry,
)
from market_opinion.stages.opinions import ACTIVE_SET
from market_opinion.storage.state import RunRecord, WindowEntry, WindowState
from tasks import task

_HOUR_KEY = ["community", "window_start"]


@task
def find_due_windows(run: Run, reading: Reading) -> list[Slice]:
    """Return the closed hours each community is due, oldest first, equal hours together.

    Without a watermark the previous full hour is due; of a backfill, its range. Raises
    WatermarkUnreadable rather than skip hours.
    """
    if run.mode == "backfill":
        return [reading.hours]
    state, platform = run.adapters.state(), reading.platform
    closed_at = run.now - (run.settings.close_lag if reading.is_live else timedelta(0))
    watermarks = {
        community: state.load_last_run_timestamp(platform, community)
        for community in reading.communities
    }
    return due_slices(platform, watermarks, now=closed_at, limit=reading.max_windows)


@task
def find_stale_windows(run: Run, reading: Reading, span: Window | None = None) -> list[Slice]:
    """Return closed hours of the span, or of the last day, with landed lines that the ledger lacks.

    The lines came late, or a run was cut off.
    """
    span = span or Window(floor_hour(run.now) - timedelta(days=1), floor_hour(run.now))
    whole = Slice(reading.platform, reading.communities, span)
    captures = run.adapters.landing().captures(whole.platform, whole.communities, span)
    return stale_slices(whole, captures, run.adapters.state().windows(whole.platform, span))


@task(task_run_name="record {span}")
def record_windows(run: Run, reading: Reading, span: Slice) -> WindowCounts:
    """Write the hours of the slice into the ledger: their state, stop reason and counts."""
    lake, where, window = run.adapters.lake(), span.where, span.window
    landing, place = run.adapters.landing(), (span.platform, span.communities, window)
    manifests_of = by_hour(landing.captures(*place))
    columns = [*_HOUR_KEY, "kind", "is_usable"]
    items = lake.read(SILVER_ITEMS, where, window, columns=columns)
    first_seen = lake.read(BRONZE_ITEMS, where, window, columns=[*_HOUR_KEY, "first_seen_at"])
    rejections = lake.read(OPS_REJECTIONS, {"stage": "bronze", **where}, window)
    counts = {
        (row.pop("community"), row.pop("window_start")): row
        for row in quality.count_windows(items, rejections).to_dicts()
    }
    lag, kinds = run.settings.close_lag, reading.kinds
    entries = [
        window_entry(
            span.platform, key, manifests, counts.get(key, {}), first_seen, lag=lag, kinds=kinds
        )
        for key, manifests in manifests_of.items()
    ]
    entries += [
        unread_entry(span.platform, key, folder)
        for key, folder in landing.damaged_hours(*place).items()
        if key not in manifests_of
    ]
    run.adapters.state().put_windows(entries)
    environment = run.settings.environment
    run.adapters.metrics().put(metrics.of_windows(entries, environment=environment))
    certified = sum(entry.state is WindowState.CERTIFIED for entry in entries)
    return WindowCounts(window_count=len(entries), certified_window_count=certified)


@task
def record_run(run: Run, reading: Reading, slices: list[Slice]) -> None:
    """Write one run record a window; an incremental run moves the watermarks, last of all.

    A watermark moves hour by hour and stops before the first hour that is not settled. A backfill
    never moves one.
    """
    state = run.adapters.state()
    entries = [
        entry
        for span in slices
        for entry in _with_judged(run, span, state.windows(span.platform, span.window))
    ]
    now, pepper = datetime.now(UTC), pepper_id(run.settings.pepper())
    records = [
        RunRecord(entry, entry.window_start + HOUR, run.run_id, run.mode, run.domain, now, pepper)
        for entry in entries
    ]
    state.put_runs(records)
    if run.mode == "incremental":
        environment = run.settings.environment
        run.adapters.metrics().put(metrics.of_runs(records, environment=environment))
        raise_alerts(late_alerts(records, run.settings, run.now), run.settings, get_run_logger())
        for community in reading.communities:
            _move_watermark(run, [entry for entry in entries if entry.community == community])


def _with_judged(run: Run, span: Slice, entries: list[WindowEntry]) -> list[WindowEntry]:
    """Return the slice's entries with what the domain's tables and its threads count."""
    lake, where = run.adapters.lake(), span.where
    of_domain = {"domain": run.domain, **where}
    columns = [*ITEM_KEY, "community", "window_start", "product_id"]
    mentions = lake.read(SILVER_MENTIONS, of_domain, span.window, columns=columns)
    active = {**of_domain, "score_set": ACTIVE_SET}
    opinions = lake.read(SILVER_OPINIONS, active, span.window, columns=columns)
    columns = [*_HOUR_KEY, "kind", "thread_id", "reply_count"]
    rows = lake.read(BRONZE_ITEMS, where, span.window, columns=columns)
    counts: dict[tuple[str, datetime], dict[str, int]] = defaultdict(dict)
    for frame in (quality.count_judged(mentions, opinions), quality.count_captured(rows)):
        for row in frame.to_dicts():
            counts[row.pop("community"), row.pop("window_start")].update(row)
    return [
        replace(entry, counts=entry.counts | counts[entry.community, entry.window_start])
        for entry in entries
        if entry.community in span.communities
    ]


def _move_watermark(run: Run, entries: list[WindowEntry]) -> None:
    """Move the watermark of one community past its settled hours."""
    if not entries:
        return
    state, platform, community = run.adapters.state(), entries[0].platform, entries[0].community
    before = state.load_last_run_timestamp(platform, community)
    after, held_by = watermark_after(before, entries)
    if after is not None and after != before:
        state.save_last_run_timestamp(platform, community, after)
    if held_by is not None:
        get_run_logger().warning(
            "watermark of %s/%s stays before %s: %s",
            platform,
            community,
            held_by.window_start.isoformat(),
            held_by.detail,
        )
