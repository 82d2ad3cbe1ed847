"""What is known of a community's hours: how far they are certified, and where some are missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from market_opinion.core.window import HOUR, Window, contiguous
from market_opinion.storage.state import WindowEntry, WindowState


@dataclass(frozen=True)
class Coverage:
    """One community from its first to its last known hour: spans that nothing is known of, and spans that are not certified."""

    platform: str
    community: str
    window: Window
    missing: list[Window]
    uncertified: list[Window]
    item_count: int

    @property
    def certified_count(self) -> int:
        """How many of its hours are certified."""
        return self.window.hour_count - sum(
            span.hour_count for span in (*self.missing, *self.uncertified)
        )


def coverage(entries: Iterable[WindowEntry]) -> list[Coverage]:
    """Every community of the ledger, in order; a community without an entry is in none."""
    known: dict[tuple[str, str], list[WindowEntry]] = {}
    for entry in entries:
        known.setdefault((entry.platform, entry.community), []).append(entry)
    return [
        _coverage(platform, community, hours)
        for (platform, community), hours in sorted(known.items())
    ]


def _coverage(platform: str, community: str, entries: list[WindowEntry]) -> Coverage:
    by_hour: dict[datetime, WindowEntry] = {entry.window_start: entry for entry in entries}
    window = Window(min(by_hour), max(by_hour) + HOUR)
    return Coverage(
        platform,
        community,
        window,
        contiguous(hour.start for hour in window.hours() if hour.start not in by_hour),
        contiguous(
            start
            for start, entry in sorted(by_hour.items())
            if entry.state is not WindowState.CERTIFIED
        ),
        sum(
            entry.counts.get("submission_count", 0) + entry.counts.get("comment_count", 0)
            for entry in entries
        ),
    )
