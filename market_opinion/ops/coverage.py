"""Coverage of a community: how far its hours are certified, and where hours are missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from market_opinion.core.window import HOUR, Window, contiguous
from market_opinion.storage.state import WindowEntry, WindowState


@dataclass(frozen=True)
class Coverage:
    """One community from its first to its last hour in the ledger.

    `missing` are spans without an entry, `uncertified` spans whose entries are not certified.
    """

    platform: str
    community: str
    window: Window
    missing: list[Window]
    uncertified: list[Window]
    item_count: int

    @property
    def certified_count(self) -> int:
        """The number of certified hours."""
        return self.window.hour_count - sum(
            span.hour_count for span in (*self.missing, *self.uncertified)
        )

    def holes(self) -> list[str]:
        """Return a line for every span that is missing or not certified."""
        reasons = ((self.missing, "nothing is known"), (self.uncertified, "not certified"))
        return [
            f"{self.platform}/{self.community} {span}: {reason}"
            for spans, reason in reasons
            for span in spans
        ]


def coverage(entries: Iterable[WindowEntry]) -> list[Coverage]:
    """Return the coverage of every community that has an entry, in the order of their names."""
    hours: dict[tuple[str, str], list[WindowEntry]] = {}
    for entry in entries:
        hours.setdefault((entry.platform, entry.community), []).append(entry)
    return [_coverage(*place, entries) for place, entries in sorted(hours.items())]


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
