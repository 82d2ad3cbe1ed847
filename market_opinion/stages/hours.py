"""Hours of a reading: the due, open and stale ones, and their entries in the ledger."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from market_opinion.core.window import HOUR, Slice, Window, catch_up, spans
from market_opinion.storage.certificate import certify
from market_opinion.storage.landing.manifest import Capture, Manifest
from market_opinion.storage.landing.origin import StopReason
from market_opinion.storage.state import WindowEntry, WindowState


def slices_of(platform: str, hours: Mapping[Window, Iterable[str]]) -> list[Slice]:
    """Return one slice a window, in order, with its communities in alphabetical order."""
    return [
        Slice(platform, tuple(sorted(names)), window) for window, names in sorted(hours.items())
    ]


def lines_an_hour(window: Window, captures: Iterable[Capture]) -> list[tuple[Window, int]]:
    """Return the number of landed lines of each hour of the window, in order."""
    counts = dict.fromkeys(window.hours(), 0)
    for capture in captures:
        counts[capture.manifest.window] += capture.manifest.lines()
    return list(counts.items())


def cut(whole: Slice, captures: Iterable[Capture], *, max_items: int) -> list[Slice]:
    """Return the slice in parts that fit in memory, by the number of landed lines of its hours."""
    counts = lines_an_hour(whole.window, captures)
    return [whole.during(window) for window in spans(counts, max_items=max_items)]


def due_slices(
    platform: str,
    watermarks: Mapping[str, datetime | None],
    *,
    now: datetime,
    limit: int,
) -> list[Slice]:
    """Return the closed hours that each community is due, oldest first, equal hours together.

    Without a watermark the previous full hour is due.
    """
    communities: dict[Window, list[str]] = defaultdict(list)
    for community, watermark in watermarks.items():
        if window := catch_up(watermark, now=now, limit=limit):
            communities[window].append(community)
    return [Slice(platform, tuple(names), window) for window, names in sorted(communities.items())]


def stale_slices(
    whole: Slice, captures: Iterable[Capture], entries: Iterable[WindowEntry]
) -> list[Slice]:
    """Return the hours whose number of captures differs from the ledger's count.

    Such captures came late, or their run broke off.
    """
    capture_counts = Counter((c.manifest.community, c.manifest.window_start) for c in captures)
    stale: dict[Window, list[str]] = defaultdict(list)
    for entry in entries:
        count = entry.counts.get("capture_count")
        if entry.community not in whole.communities or count is None:
            continue
        if count != capture_counts[entry.community, entry.window_start]:
            stale[Window.hour(entry.window_start)].append(entry.community)
    return [Slice(whole.platform, tuple(names), hour) for hour, names in sorted(stale.items())]


def open_hours(
    window: Window, captures: Iterable[Capture], *, lag: timedelta, kinds: Sequence[str]
) -> list[datetime]:
    """Return the starts of the window's hours that the captures of one community do not certify."""
    manifests: dict[datetime, list[Manifest]] = defaultdict(list)
    for capture in captures:
        manifests[capture.manifest.window_start].append(capture.manifest)
    states = {
        hour.start: certify(manifests[hour.start], hour, lag=lag, kinds=kinds).state
        for hour in window.hours()
    }
    return [start for start, state in states.items() if state is not WindowState.CERTIFIED]


def by_hour(captures: Iterable[Capture]) -> dict[tuple[str, datetime], list[Manifest]]:
    """Return the manifests of each community and hour."""
    manifests: dict[tuple[str, datetime], list[Manifest]] = defaultdict(list)
    for capture in captures:
        manifest = capture.manifest
        manifests[manifest.community, manifest.window_start].append(manifest)
    return manifests


def window_entry(
    platform: str,
    key: tuple[str, datetime],
    manifests: list[Manifest],
    counts: Mapping[str, int],
    first_seen: pl.DataFrame,
    *,
    lag: timedelta,
    kinds: Sequence[str],
) -> WindowEntry:
    """Return the ledger's entry of one hour: its state by its captures, and its counts.

    `first_seen` are bronze rows with `community`, `window_start` and `first_seen_at`.
    """
    community, start = key
    certificate = certify(manifests, Window.hour(start), lag=lag, kinds=kinds)
    late_count = 0
    if certificate.certified_at and any(m.covered is not None for m in manifests):
        is_late = pl.col("first_seen_at") > certificate.certified_at
        late_count = first_seen.filter(is_late, community=community, window_start=start).height
    return WindowEntry(
        platform=platform,
        community=community,
        window_start=start,
        state=certificate.state,
        stop_reason=str(certificate.stop_reason),
        counts={
            "landed_line_count": sum(manifest.lines() for manifest in manifests),
            "capture_count": len(manifests),
            "late_item_count": late_count,
            **counts,
        },
        detail=certificate.detail,
    )


def unread_entry(platform: str, key: tuple[str, datetime], folder: str) -> WindowEntry:
    """Return the entry of an hour all of whose captures are damaged, as the one in this folder.

    Its lines are landed, and none of them is in the lake.
    """
    community, start = key
    return WindowEntry(
        platform,
        community,
        start,
        WindowState.INCOMPLETE,
        str(StopReason.ERROR),
        {"landed_line_count": 0, "capture_count": 0},
        f"the manifest of landed {folder} cannot be read",
    )


def gap_entries(
    platform: str,
    community: str,
    captures: Mapping[Window, list[Capture]],
    *,
    lag: timedelta,
    kinds: Sequence[str],
) -> list[WindowEntry]:
    """Return an entry for every hour that a poll has left with a hole."""
    entries = []
    for hour, of_hour in captures.items():
        manifests = [capture.manifest for capture in of_hour]
        certificate = certify(manifests, hour, lag=lag, kinds=kinds)
        if certificate.state in {WindowState.GAP, WindowState.UNRECOVERABLE}:
            entries.append(
                WindowEntry(
                    platform,
                    community,
                    hour.start,
                    certificate.state,
                    str(certificate.stop_reason),
                    {"landed_line_count": sum(manifest.lines() for manifest in manifests)},
                    certificate.detail,
                )
            )
    return entries


def watermark_after(
    reached: datetime | None, entries: Iterable[WindowEntry]
) -> tuple[datetime | None, WindowEntry | None]:
    """Return the watermark after these hours of one community, and the hour that holds it.

    The watermark moves hour by hour and stops before the first hour that is not settled.
    """
    for entry in sorted(entries, key=lambda entry: entry.window_start):
        if reached is not None and entry.window_start > reached:
            return reached, None  # an earlier part of the run stopped at an earlier, open hour
        if not entry.state.is_settled:
            return reached, entry
        end = entry.window_start + HOUR
        reached = end if reached is None else max(reached, end)
    return reached, None
