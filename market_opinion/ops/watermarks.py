"""Watermarks set anew from the ledger, where a stored one is damaged or wrong."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from market_opinion.core.errors import InvalidRequest, WatermarkUnreadable
from market_opinion.core.window import HOUR
from market_opinion.stages.hours import watermark_after
from market_opinion.storage.state import StateStore, WindowEntry


class Repair(NamedTuple):
    """A watermark before and after, and the open hour that it stops at."""

    platform: str
    community: str
    before: str
    after: datetime
    held_by: WindowEntry | None


def repair(state: StateStore, platform: str, community: str | None = None) -> Iterator[Repair]:
    """Set the watermarks of a platform's communities to what the ledger says; yield each.

    A watermark becomes the end of the last settled hour of the newest hours without a gap, and
    stops before the first open one, so that none is skipped. Raises InvalidRequest where the ledger
    has no hour of the community, or the first of these hours is open.
    """
    hours: dict[str, list[WindowEntry]] = {}
    for entry in state.windows(platform):
        if community in {None, entry.community}:
            hours.setdefault(entry.community, []).append(entry)
    if not hours:
        message = f"the ledger has no hour of {platform}/{community or '...'}: run flows.hourly"
        raise InvalidRequest(message)
    for name, entries in hours.items():
        newest = _newest_without_gap(entries)
        after, held_by = watermark_after(None, newest)
        if after is None:
            message = (
                f"{platform}/{name}: the hour {newest[0].window_start.isoformat()} is open, and no"
                " settled hour is right before it: read it by flows.backfill, then repair again"
            )
            raise InvalidRequest(message)
        before = _stored(state, platform, name)
        state.reset_last_run_timestamp(platform, name, after)
        yield Repair(platform, name, before, after, held_by)


def _newest_without_gap(entries: list[WindowEntry]) -> list[WindowEntry]:
    newest: list[WindowEntry] = []
    for entry in sorted(entries, key=lambda entry: entry.window_start, reverse=True):
        if newest and entry.window_start != newest[-1].window_start - HOUR:
            break
        newest.append(entry)
    return newest[::-1]


def _stored(state: StateStore, platform: str, community: str) -> str:
    try:
        moment = state.load_last_run_timestamp(platform, community)
    except WatermarkUnreadable:
        return "unreadable"
    return moment.isoformat() if moment else "none"
