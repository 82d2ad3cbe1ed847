"""Polls of Reddit's communities: each is read as often as it moves."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from market_opinion.core.errors import CommunityClosed, SourceUnavailable
from market_opinion.core.log import Log
from market_opinion.core.window import Window
from market_opinion.ops.counts import PollCounts
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.sources.quota import Meter
from market_opinion.sources.reddit import visits
from market_opinion.sources.reddit.client import Reddit
from market_opinion.sources.reddit.profile import KINDS
from market_opinion.stages.hours import gap_entries

_TOPIC = "polls"


@dataclass(frozen=True)
class Poller:
    """A client of Reddit, and the communities that it polls."""

    run: Run
    reading: Reading
    reddit: Reddit
    meter: Meter
    log: Log

    def poll(self, now: datetime) -> tuple[PollCounts, timedelta]:
        """Poll the communities that are due, and return counts and the time until the next.

        A community that cannot be read stops no other, and is tried again by the next poll.
        """
        counts: Counter[str] = Counter()
        soonest = visits.POLL_MAX
        notes = self.run.adapters.state().notes(_TOPIC)
        for community in self.reading.communities:
            polls = _last_polls(notes, community)
            due_at = min(
                (last.retrieved_at + last.interval for last in polls.values()), default=now
            )
            if due_at <= now:
                try:
                    with self.meter.reading(self.reading.platform, community):
                        polls = self._poll(community, polls, now, counts)
                except (CommunityClosed, SourceUnavailable) as error:
                    self.log.warning("poll of r/%s failed: %s", community, error)
                    counts["failed_poll_count"] += 1
                    continue
                due_at = now + min(last.interval for last in polls.values())
            soonest = min(soonest, due_at - now)
        return PollCounts(**counts), soonest

    def _poll(
        self,
        community: str,
        polls: dict[str, visits.PollMark],
        now: datetime,
        counts: Counter[str],
    ) -> dict[str, visits.PollMark]:
        adapters = self.run.adapters
        visit, polls = visits.poll(self.reddit, adapters.landing(), community, seen=polls, now=now)
        notes = {f"{community}/{kind}": last.to_note() for kind, last in polls.items()}
        adapters.state().put_notes(_TOPIC, notes)
        counts["polled_listing_count"] += len(polls)
        counts["landed_line_count"] += visit.item_count
        counts["gap_count"] += self._record_gaps(community, visit.hours)
        return polls

    def _record_gaps(self, community: str, hours: list[Window]) -> int:
        """Put hours with a hole into the ledger at once, before they are closed, and count them."""
        adapters, platform = self.run.adapters, self.reading.platform
        entries = gap_entries(
            platform,
            community,
            {hour: adapters.landing().captures(platform, [community], hour) for hour in hours},
            lag=self.run.settings.close_lag,
            kinds=self.reading.kinds,
        )
        for entry in entries:
            hour = Window.hour(entry.window_start)
            self.log.warning("r/%s %s: %s, %s", community, hour, entry.state, entry.detail)
        state = adapters.state()
        present = {
            (entry.community, entry.window_start)
            for hour in hours
            for entry in state.windows(platform, hour)
        }
        state.put_windows(e for e in entries if (community, e.window_start) not in present)
        return len(entries)


def _last_polls(notes: dict[str, Any], community: str) -> dict[str, visits.PollMark]:
    """Return the note of the last poll of each listing of a community that has one."""
    return {
        kind: visits.PollMark.from_note(notes[name])
        for kind in KINDS
        if (name := f"{community}/{kind}") in notes
    }
