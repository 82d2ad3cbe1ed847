"""Record: what became of every hour, and how far the platform has come."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import BRONZE_ITEMS, OPS_REJECTIONS, SILVER_ITEMS
from market_opinion.core.settings import load_settings
from market_opinion.core.window import HOUR, Slice, Window, catch_up, floor_hour
from market_opinion.ops import metrics
from market_opinion.ops.adapters import open_adapters
from market_opinion.stages import quality
from market_opinion.storage.certificate import certify
from market_opinion.storage.landing.manifest import Manifest
from market_opinion.storage.state import RunRecord, StateStore, WindowEntry, WindowState
from tasks.request import Job


@task
def find_due_windows(job: Job) -> list[Slice]:
    """The closed hours each community is due, oldest first, communities with the same hours together.

    Without a watermark the previous full hour is due. Raises WatermarkUnreadable rather than skip hours.
    """
    state, closing_at = open_adapters().state(), job.now
    if job.is_live:
        closing_at -= load_settings().close_lag
    by_window: dict[Window, list[str]] = defaultdict(list)
    for community in job.communities:
        watermark = state.load_last_run_timestamp(job.platform, community)
        if window := catch_up(watermark, now=closing_at, limit=job.max_windows):
            by_window[window].append(community)
    return [
        Slice(job.platform, tuple(communities), window)
        for window, communities in sorted(by_window.items())
    ]


@task
def find_stale_windows(job: Job, span: Window | None = None) -> list[Slice]:
    """Closed hours in which something was landed that the ledger does not count: late, or cut off.

    Of the last day, or of the span.
    """
    span = span or Window(floor_hour(job.now) - timedelta(days=1), floor_hour(job.now))
    landed = Counter(
        (c.manifest.community, c.manifest.window_start)
        for c in open_adapters().landing().captures(job.platform, job.communities, span)
    )
    stale: dict[Window, list[str]] = defaultdict(list)
    for entry in open_adapters().state().windows(job.platform, span):
        is_ours = entry.community in job.communities and "capture_count" in entry.counts
        if is_ours and entry.counts["capture_count"] != landed[entry.community, entry.window_start]:
            stale[Window.hour(entry.window_start)].append(entry.community)
    return [
        Slice(job.platform, tuple(communities), hour) for hour, communities in sorted(stale.items())
    ]


@task
def record_windows(job: Job, span: Slice) -> dict[str, int]:
    """Write the hours of the slice into the ledger: their state, why fetching stopped, and their counts."""
    captures = open_adapters().landing().captures(span.platform, span.communities, span.window)
    items = (
        open_adapters()
        .lake()
        .read(
            SILVER_ITEMS,
            span.where,
            span.window,
            columns=["community", "window_start", "kind", "is_usable"],
        )
    )
    seen = (
        open_adapters()
        .lake()
        .read(
            BRONZE_ITEMS,
            span.where,
            span.window,
            columns=["community", "window_start", "first_seen_at"],
        )
    )
    refused = (
        open_adapters().lake().read(OPS_REJECTIONS, {"stage": "bronze", **span.where}, span.window)
    )
    counted = {
        (row.pop("community"), row.pop("window_start")): row
        for row in quality.count_windows(items, refused).to_dicts()
    }
    landed: dict[tuple[str, datetime], list[Manifest]] = defaultdict(list)
    for capture in captures:
        landed[capture.manifest.community, capture.manifest.window_start].append(capture.manifest)
    entries = [
        _entry(job, span, key, found, counted.get(key, {}), seen) for key, found in landed.items()
    ]
    open_adapters().state().put_windows(entries)
    open_adapters().metrics().put(
        metrics.of_windows(entries, environment=load_settings().environment)
    )
    complete = sum(entry.state is WindowState.CERTIFIED for entry in entries)
    return {"window_count": len(entries), "certified_window_count": complete}


def _entry(
    job: Job,
    span: Slice,
    key: tuple[str, datetime],
    landed: list[Manifest],
    counts: dict[str, int],
    seen: pl.DataFrame,
) -> WindowEntry:
    """What the captures of one hour prove, and what was received."""
    community, start = key
    certificate = certify(
        landed, Window.hour(start), lag=load_settings().close_lag, kinds=job.kinds
    )
    late = 0
    if certificate.certified_at and any(manifest.covered is not None for manifest in landed):
        late = seen.filter(
            pl.col("first_seen_at") > certificate.certified_at,
            community=community,
            window_start=start,
        ).height
    return WindowEntry(
        platform=span.platform,
        community=community,
        window_start=start,
        state=certificate.state,
        stop_reason=str(certificate.stop_reason),
        counts={
            "landed_line_count": sum(manifest.lines() for manifest in landed),
            "capture_count": len(landed),
            "late_item_count": late,
            **counts,
        },
        detail=certificate.detail,
    )


@task
def record_run(job: Job, slices: list[Slice]) -> None:
    """Write one run record a window, and for an incremental run move the watermarks, last of all.

    A watermark moves hour by hour and stops before the first hour that is not settled. A backfill never moves one.
    """
    state = open_adapters().state()
    entries = [
        entry
        for span in slices
        for entry in state.windows(span.platform, span.window)
        if entry.community in span.communities
    ]
    state.put_runs(
        RunRecord(
            entry, entry.window_start + HOUR, job.run_id, job.mode, job.domain, datetime.now(UTC)
        )
        for entry in entries
    )
    if job.mode == "incremental":
        for community in job.communities:
            _move_watermark(state, [entry for entry in entries if entry.community == community])


def _move_watermark(state: StateStore, entries: list[WindowEntry]) -> None:
    for entry in sorted(entries, key=lambda entry: entry.window_start):
        reached = state.load_last_run_timestamp(entry.platform, entry.community)
        if reached is not None and entry.window_start > reached:
            return  # An hour before this one is open, and was met in an earlier part of the run.
        if not entry.state.is_settled:
            hour = entry.window_start.isoformat()
            get_run_logger().warning(
                "watermark of %s/%s stays before %s: %s",
                entry.platform,
                entry.community,
                hour,
                entry.detail,
            )
            return
        state.save_last_run_timestamp(entry.platform, entry.community, entry.window_start + HOUR)
