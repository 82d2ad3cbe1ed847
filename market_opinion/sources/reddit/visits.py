"""Visits to a subreddit: polls, the closing of hours, and second looks at known items.

Each visit lands its items in a capture of its own, with the span of time that it covers. No visit
decides whether an hour is complete; `certificate` does, from all visits together.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import praw
from praw.models import Comment, Submission

from market_opinion.core.notices import says_gone
from market_opinion.core.window import EARLIEST, HOUR, Window, floor_hour
from market_opinion.sources.reddit.client import requestor_of
from market_opinion.sources.reddit.items import encode
from market_opinion.sources.reddit.listings import (
    OVERLAP,
    PAGE_ITEMS,
    PAGES_MAX,
    CommentFetcher,
    Item,
    ListingReading,
    created_at,
    fetch_items,
    read_listing,
)
from market_opinion.sources.reddit.profile import KINDS, PLATFORM, Comments, RedditProfile, fullname
from market_opinion.sources.second_look import KnownItem, SecondLookResult
from market_opinion.sources.windowed import land_apart
from market_opinion.storage.landing.manifest import Capture
from market_opinion.storage.landing.origin import (
    CoveredSpan,
    FetchResult,
    RawItem,
    StopReason,
    Visit,
)
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.landing.zone import Landing

POLL_MIN, POLL_MAX = timedelta(minutes=2), timedelta(minutes=30)
_NEWEST_KEPT = 20
# With half of the cap, a poll may be late by one more interval before a listing loses items.
_SHARE_OF_CAP = 0.5


@dataclass(frozen=True)
class PollMark:
    """Mark of the last poll of a listing: its time, its newest items and the items an hour."""

    retrieved_at: datetime
    newest_at: datetime
    newest: tuple[str, ...]
    per_hour: float

    def to_note(self) -> dict[str, Any]:
        """Return the mark as a dictionary that can be written as JSON."""
        return {
            **vars(self),
            "retrieved_at": self.retrieved_at.isoformat(),
            "newest_at": self.newest_at.isoformat(),
        }

    @classmethod
    def from_note(cls, note: Mapping[str, Any]) -> "PollMark":
        """Return the mark from a dictionary that `to_note` returned."""
        times = {name: datetime.fromisoformat(note[name]) for name in ("retrieved_at", "newest_at")}
        return cls(newest=tuple(note["newest"]), per_hour=note["per_hour"], **times)

    @property
    def interval(self) -> timedelta:
        """Time until the next poll, in which at most half a listing of new items is expected."""
        minutes = _SHARE_OF_CAP * PAGE_ITEMS * PAGES_MAX / max(self.per_hour / 60, 1e-9)
        return min(max(timedelta(minutes=min(minutes, 1e6)), POLL_MIN), POLL_MAX)


@dataclass(frozen=True)
class VisitResult:
    """Result of a visit: its hours, the number of items it landed, and Reddit's time of it."""

    hours: list[Window]
    item_count: int
    retrieved_at: datetime
    page_count: int = 0


def poll(
    reddit: praw.Reddit,
    landing: Landing,
    community: str,
    *,
    seen: Mapping[str, PollMark],
    now: datetime,
) -> tuple[VisitResult, dict[str, PollMark]]:
    """Read both listings back past the last poll, land their items, and return new marks.

    `seen` has the marks of the last poll. If a listing shows none of that poll's newest items,
    there may be items between the two: the covered span then begins at the time of the last poll,
    and the gap before it is left to `close`.
    """
    first = floor_hour(now) - HOUR
    readings, back_to = {}, {}
    for kind in KINDS:
        last = seen.get(kind)
        back_to[kind] = min(last.newest_at, last.retrieved_at) - OVERLAP if last else first
        readings[kind] = read_listing(reddit, community, kind, back_to=back_to[kind])
    covered = {
        kind: _poll_span(reading, seen.get(kind), back_to[kind])
        for kind, reading in readings.items()
        if reading.covered
    }
    retrieved_at = min(reading.retrieved_at for reading in readings.values())
    since = min(back_to.values())
    hours = [
        Window.hour(hour)
        for hour in _hours(max(since, retrieved_at - timedelta(days=2)), retrieved_at)
    ]
    items = [
        item
        for kind, reading in readings.items()
        for item in reading.items
        if created_at(item) >= back_to[kind]
    ]
    result = _land(
        landing,
        community,
        items,
        hours,
        visit=_visit("listing", retrieved_at),
        stop=_stop(readings, covered),
        now=now,
        apart=True,
    )
    return result, {kind: _next_mark(reading, seen.get(kind)) for kind, reading in readings.items()}


def close(
    reddit: praw.Reddit,
    landing: Landing,
    community: str,
    window: Window,
    *,
    known: Collection[str],
    closed: Collection[datetime],
    comments: Comments = "listing",
    submissions_max: int | None = None,
    now: datetime,
) -> VisitResult:
    """Read both listings back to the window's start, and land its hours and late items.

    A late item is of an hour whose start is in `closed`, and its full name is not in `known`.
    `comments` says how comments are read: `listing`; `none`; or `tree`, which reads the threads of
    the window's submissions, misses later comments and certifies submissions only. An hour that
    `submissions_max` cut off is not certified.
    """
    items_max = {"submission": submissions_max}
    kinds = KINDS if comments == "listing" else KINDS[:1]
    readings = {
        kind: read_listing(
            reddit, community, kind, back_to=window.start - OVERLAP, items_max=items_max.get(kind)
        )
        for kind in kinds
    }
    items = [item for reading in readings.values() for item in reading.items]
    inside = [item for item in items if created_at(item) in window]
    late = _late_items(items, known=known, closed=closed)
    retrieved_at = min(reading.retrieved_at for reading in readings.values())
    covered = {kind: reading.covered for kind, reading in readings.items() if reading.covered}
    result = _land(
        landing,
        community,
        inside,
        list(window.hours()),
        visit=_visit("listing", retrieved_at),
        stop=_stop(readings, covered),
        now=now,
    )
    replies = _thread_comments(reddit, inside) if comments == "tree" else []
    more = land_items(
        landing,
        community,
        [*late, *replies],
        path="tree" if comments == "tree" else "listing",
        retrieved_at=retrieved_at,
        now=now,
    )
    pages = sum(reading.page_count for reading in readings.values())
    return VisitResult(
        [*result.hours, *more.hours], result.item_count + more.item_count, retrieved_at, pages
    )


def _late_items(
    items: Iterable[Item], *, known: Collection[str], closed: Collection[datetime]
) -> list[Item]:
    """Return the items of closed hours that are not known."""
    return [
        item
        for item in items
        if floor_hour(created_at(item)) in closed and item.fullname not in known
    ]


def _thread_comments(reddit: praw.Reddit, items: Iterable[Item]) -> list[Comment]:
    """Return all comments below the submissions among the items."""
    fetcher = CommentFetcher(reddit)
    return [
        comment
        for item in items
        if isinstance(item, Submission)
        for comment in fetcher.iterate_comments(item)
    ]


def land_items(
    landing: Landing,
    community: str,
    items: Iterable[Item],
    *,
    path: str,
    retrieved_at: datetime,
    now: datetime,
) -> VisitResult:
    """Land items in their own hours, without certifying these."""
    raw = [_raw(item, community, retrieved_at) for item in items]
    return VisitResult(
        land_apart(landing, _visit(path, retrieved_at), community, raw, now=now),
        len(raw),
        retrieved_at,
    )


def expand(
    reddit: praw.Reddit,
    landing: Landing,
    community: str,
    thread_id: str,
    *,
    known: Collection[str],
    now: datetime,
) -> VisitResult:
    """Land the comments of a thread whose full names are not in `known`, in their own hours."""
    comments = list(CommentFetcher(reddit).iterate_comments(reddit.submission(thread_id)))
    new = [comment for comment in comments if comment.fullname not in known]
    return land_items(
        landing, community, new, path="tree", retrieved_at=requestor_of(reddit).server_time, now=now
    )


class RedditSecondLook:
    """Second look at known items, which are fetched by their full names, a hundred a request."""

    format_reference, line_formats = PLATFORM, RedditProfile.line_formats

    def __init__(self, reddit: praw.Reddit) -> None:
        """Read with this client."""
        self._reddit = reddit
        self.retrieved_at = EARLIEST

    def look_again(
        self, community: str, _window: Window, known: Collection[KnownItem]
    ) -> SecondLookResult:
        """Return the items as they are now; deleted and removed items are `gone`."""
        by_name = {fullname(item.kind, item.item_id): item for item in known}
        items, self.retrieved_at = fetch_items(self._reddit, list(by_name))
        gone = frozenset(by_name[item.fullname] for item in items if _is_gone(item))
        standing = (item for item in items if by_name[item.fullname] not in gone)
        return SecondLookResult(
            [_raw(item, community, self.retrieved_at) for item in standing], gone
        )


def _is_gone(item: Item) -> bool:
    text = vars(item).get("selftext" if isinstance(item, Submission) else "body")
    return says_gone(text) or bool(vars(item).get("removed_by_category"))


def _raw(item: Item, community: str, retrieved_at: datetime) -> RawItem:
    kind = "submission" if isinstance(item, Submission) else "comment"
    return RawItem(
        kind,
        community,
        floor_hour(created_at(item)),
        encode(item, retrieved_utc=retrieved_at.timestamp()),
    )


def _visit(path: str, retrieved_at: datetime) -> Visit:
    return Visit(PLATFORM, path, retrieved_at, PLATFORM)


def _land(
    landing: Landing,
    community: str,
    items: Iterable[Item],
    hours: list[Window],
    *,
    visit: Visit,
    stop: FetchResult,
    now: datetime,
    apart: bool = False,
) -> VisitResult:
    captures: list[Capture] = []
    if not apart and hours:
        captures = landing.captures(PLATFORM, [community], Window(hours[0].start, hours[-1].end))
    writer = WindowWriter(landing, visit, known=captures, apart=apart)
    count, starts = 0, {hour.start for hour in hours}
    for item in items:
        if floor_hour(created_at(item)) in starts:
            writer.add(_raw(item, community, visit.retrieved_at))
            count += 1
    writer.close([community], hours, stop=stop, now=now)
    return VisitResult(hours, count, visit.retrieved_at)


def _stop(readings: Mapping[str, ListingReading], covered: dict[str, CoveredSpan]) -> FetchResult:
    """Return one result for all listings: the cap if any of them reached it."""
    capped = tuple(
        kind for kind, reading in readings.items() if reading.stop_reason is StopReason.CAP_REACHED
    )
    reasons = [reading.stop_reason for reading in readings.values()]
    if StopReason.BUDGET in reasons and not capped:
        return FetchResult(
            StopReason.BUDGET,
            (),
            detail="MAX_SUBMISSIONS cut the hour off: raise the setting to read the hour again",
            covered=covered,
        )
    reason = (
        StopReason.CAP_REACHED
        if capped
        else max(reasons, key=lambda r: r is StopReason.PASSED_WINDOW_START)
    )
    pages = ", ".join(
        f"{reading.page_count} pages of {kind}s" for kind, reading in readings.items()
    )
    return FetchResult(reason, (), detail=pages, covered=covered, capped=capped)


def _poll_span(reading: ListingReading, last: PollMark | None, back_to: datetime) -> CoveredSpan:
    """Return the span that a poll covers.

    The span begins at the time of the last poll if the listing shows none of its newest items.
    """
    start, end = reading.covered or CoveredSpan(reading.retrieved_at, reading.retrieved_at)
    start = max(start, back_to)
    if last and last.newest and not reading.names.intersection(last.newest):
        start = max(start, last.retrieved_at)
    return CoveredSpan(start, max(start, end))


def _next_mark(reading: ListingReading, last: PollMark | None) -> PollMark:
    """Return the mark for the next poll.

    The rate rises at once and falls slowly, so that polls stay frequent after a burst.
    """
    ordered = sorted(reading.items, key=created_at, reverse=True)
    newest_at = (
        created_at(ordered[0]) if ordered else (last.newest_at if last else reading.retrieved_at)
    )
    hours = max(
        (reading.retrieved_at - (last.retrieved_at if last else reading.retrieved_at - HOUR))
        / HOUR,
        1 / 60,
    )
    since = reading.retrieved_at - timedelta(hours=hours)
    rate = sum(created_at(item) >= since for item in ordered) / hours
    page = ordered[:PAGE_ITEMS]
    latest = (
        len(page) / max((reading.retrieved_at - created_at(page[-1])) / HOUR, 1 / 60)
        if len(page) == PAGE_ITEMS
        else 0.0
    )
    per_hour = max(rate, latest, 0.7 * last.per_hour if last else 0.0)
    newest = tuple(item.fullname for item in ordered[:_NEWEST_KEPT]) or (
        last.newest if last else ()
    )
    return PollMark(reading.retrieved_at, newest_at, newest, per_hour)


def _hours(start: datetime, end: datetime) -> list[datetime]:
    first = floor_hour(start.astimezone(UTC))
    return [first + HOUR * n for n in range(int((floor_hour(end) - first) / HOUR) + 1)]
