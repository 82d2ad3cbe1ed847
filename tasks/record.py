"""Record: what became of every hour, and how far the platform has come."""

from collections import defaultdict
from datetime import UTC, datetime

from prefect import get_run_logger, task

from market_opinion import quality
from market_opinion.contracts import OPS_REJECTIONS, SILVER_ITEMS
from market_opinion.landing import Capture
from market_opinion.state import RunRecord, StateStore, WindowEntry, WindowState
from market_opinion.window import HOUR, Slice, Window, catch_up
from tasks import resources
from tasks.request import Job


@task
def find_due_windows(job: Job) -> list[Slice]:
    """The closed hours each community is due, oldest first, communities with the same hours together.

    Without a watermark the previous full hour is due. Raises WatermarkUnreadable rather than skip hours.
    """
    state = resources.state()
    by_window: dict[Window, list[str]] = defaultdict(list)
    for community in job.communities:
        watermark = state.load_last_run_timestamp(job.platform, community)
        if window := catch_up(watermark, now=job.now, limit=job.max_windows):
            by_window[window].append(community)
    return [Slice(job.platform, tuple(communities), window) for window, communities in sorted(by_window.items())]


@task
def record_windows(_job: Job, span: Slice) -> dict[str, int]:
    """Write the hours of the slice into the ledger: certified or not, why fetching stopped, and their counts."""
    captures = resources.landing().captures(span.platform, span.communities, span.window)
    items = resources.lake().read(SILVER_ITEMS, span.where, span.window, columns=["community", "window_start", "kind", "is_usable"])
    refused = resources.lake().read(OPS_REJECTIONS, {"stage": "bronze", **span.where}, span.window)
    counted = {(row.pop("community"), row.pop("window_start")): row for row in quality.count_windows(items, refused).to_dicts()}
    landed: dict[tuple[str, datetime], list[Capture]] = defaultdict(list)
    for capture in captures:
        landed[capture.manifest.community, capture.manifest.window_start].append(capture)
    entries = [_entry(span, community, start, found, counted.get((community, start), {})) for (community, start), found in landed.items()]
    resources.state().put_windows(entries)
    complete = sum(entry.state is WindowState.CERTIFIED for entry in entries)
    return {"window_count": len(entries), "certified_window_count": complete}


def _entry(span: Slice, community: str, start: datetime, captures: list[Capture], counts: dict[str, int]) -> WindowEntry:
    """An hour is certified when one capture of it is; else the last capture says why not."""
    stops = [capture.manifest.stop_reason for capture in captures]
    certifying = [stop for stop in stops if stop.certifies]
    return WindowEntry(
        platform=span.platform,
        community=community,
        window_start=start,
        state=WindowState.CERTIFIED if certifying else WindowState.INCOMPLETE,
        stop_reason=str((certifying or stops)[-1]),
        counts={"landed_line_count": sum(capture.manifest.lines() for capture in captures), **counts},
    )


@task
def record_run(job: Job, slices: list[Slice]) -> None:
    """Write one run record a window, and for an incremental run move the watermarks, last of all.

    A watermark moves hour by hour and stops before the first hour that is not certified. A backfill never moves one.
    """
    state = resources.state()
    entries = [entry for span in slices for entry in state.windows(span.platform, span.window) if entry.community in span.communities]
    state.put_runs(RunRecord(entry, entry.window_start + HOUR, job.run_id, job.mode, job.domain, datetime.now(UTC)) for entry in entries)
    if job.mode == "incremental":
        for community in job.communities:
            _move_watermark(state, [entry for entry in entries if entry.community == community])


def _move_watermark(state: StateStore, entries: list[WindowEntry]) -> None:
    for entry in sorted(entries, key=lambda entry: entry.window_start):
        if entry.state is not WindowState.CERTIFIED:
            get_run_logger().warning(
                "watermark of %s/%s stays before %s: %s", entry.platform, entry.community, entry.window_start.isoformat(), entry.stop_reason
            )
            return
        state.save_last_run_timestamp(entry.platform, entry.community, entry.window_start + HOUR)
