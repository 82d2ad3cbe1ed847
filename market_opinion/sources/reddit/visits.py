"""Visits to a community that grows: polls, a last look that closes hours, second looks.

Each lands what it saw beside what others landed, with the span it proves to have seen. No visit
decides whether an hour is complete: `certificate` does, from all of them together.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import praw
from praw.models import Submission

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
from market_opinion.sources.reddit.profile import KINDS, RedditProfile
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
from market_opinion.storage.landing.redaction import GONE_TEXTS
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.landing.zone import Landing

PLATFORM = RedditProfile.platform
Comments = Literal["listing", "tree", "none"]
POLL_MIN, POLL_MAX = timedelta(minutes=2), timedelta(minutes=30)
_NEWEST_KEPT = 20
# A poll may be late by its interval again before all that a listing showed has moved out of it.
_SHARE_OF_CAP = 0.5


@dataclass(frozen=True)
class PollMark:
    """Memory of the last poll of one listing: how far it saw, its newest items, items an hour."""

    retrieved_at: datetime
    newest_at: datetime
    newest: tuple[str, ...]
    per_hour: float

    def to_note(self) -> dict[str, Any]:
        """Return the mark as JSON can hold it."""
        return {
            **vars(self),
            "retrieved_at": self.retrieved_at.isoformat(),
            "newest_at": self.newest_at.isoformat(),
        }

    @classmethod
    def from_note(cls, note: Mapping[str, Any]) -> "PollMark":
        """Return the mark that `to_note` wrote."""
        times = {name: datetime.fromisoformat(note[name]) for name in ("retrieved_at", "newest_at")}
        return cls(newest=tuple(note["newest"]), per_hour=note["per_hour"], **times)

    @property
    def interval(self) -> timedelta:
        """Time until the next poll, in which at most half of what a listing shows can come."""
        minutes = _SHARE_OF_CAP * PAGE_ITEMS * PAGES_MAX / max(self.per_hour / 60, 1e-9)
        return min(max(timedelta(minutes=min(minutes, 1e6)), POLL_MIN), POLL_MAX)


@dataclass(frozen=True)
class VisitResult:
    """Effect of a visit: the hours it touched, the items it landed, and Reddit's time of it."""

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
    """Read both listings back past the end of the last poll, land them, and return new marks.

    A poll that meets none of the newest items of the last poll cannot prove that nothing lies
    between: its span begins where the last poll was read, so that a hole stays open for the
    closer.
    """
    first = floor_hour(now) - HOUR
    readings, back_to = {}, {}
    for kind in KINDS:
        last = seen.get(kind)
        back_to[kind] = min(last.newest_at, last.retrieved_at) - OVERLAP if last else first
        readings[kind] = read_listing(reddit, community, kind, back_to=back_to[kind])
    covered = {
        kind: _proved(reading, seen.get(kind), back_to[kind])
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
    return result, {kind: _next(reading, seen.get(kind)) for kind, reading in readings.items()}


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
    """Read the hours of the window to their beginning and land them, and late items with them.

    Late are items of `closed` hours, given by their starts, whose full names are not `known`.
    `comments` is `listing`, `none`, or `tree`, which expands the window's submissions, misses
    later comments and certifies submissions only. An hour that `submissions_max` cut off is not
    certified.
    """
    most = {"submission": submissions_max}
    kinds = KINDS if comments == "listing" else KINDS[:1]
    readings = {
        kind: read_listing(
            reddit, community, kind, back_to=window.start - OVERLAP, items_max=most.get(kind)
        )
        for kind in kinds
    }
    items = [item for reading in readings.values() for item in reading.items]
    inside = [item for item in items if created_at(item) in window]
    late = [
        item
        for item in items
        if floor_hour(created_at(item)) in closed and item.fullname not in known
    ]
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
    others = late
    if comments == "tree":
        tree = CommentFetcher(reddit)
        others = [
            *late,
            *(c for s in inside if isinstance(s, Submission) for c in tree.iterate_comments(s)),
        ]
    more = land_items(
        landing,
        community,
        others,
        path="tree" if comments == "tree" else "listing",
        retrieved_at=retrieved_at,
        now=now,
    )
    pages = sum(reading.page_count for reading in readings.values())
    return VisitResult(
        [*result.hours, *more.hours], result.item_count + more.item_count, retrieved_at, pages
    )


def land_items(
    landing: Landing,
    community: str,
    items: Iterable[Item],
    *,
    path: str,
    retrieved_at: datetime,
    now: datetime,
) -> VisitResult:
    """Land items in their own hours, without a claim about other items."""
    raw = [_raw(item, community, retrieved_at) for item in items]
    return VisitResult(
        land_apart(landing, _visit(path, retrieved_at), community, raw, now=now),
        len(raw),
        retrieved_at,
    )


def fullname(kind: str, item_id: str) -> str:
    """Return Reddit's name of an item: its kind, then its id."""
    return f"{'t3' if kind == 'submission' else 't1'}_{item_id}"


def expand(
    reddit: praw.Reddit,
    landing: Landing,
    community: str,
    thread_id: str,
    *,
    known: Collection[str],
    now: datetime,
) -> VisitResult:
    """Land a whole thread's comments whose full names are not `known`, each in its own hour."""
    comments = list(CommentFetcher(reddit).iterate_comments(reddit.submission(thread_id)))
    new = [comment for comment in comments if comment.fullname not in known]
    return land_items(
        landing, community, new, path="tree", retrieved_at=requestor_of(reddit).server_time, now=now
    )


class RedditSecondLook:
    """Known items, asked for again by their full names, a hundred a request."""

    format_reference, line_formats = PLATFORM, RedditProfile.line_formats

    def __init__(self, reddit: praw.Reddit) -> None:
        """Ask with this client."""
        self._reddit = reddit
        self.retrieved_at = EARLIEST

    def look_again(
        self, community: str, _window: Window, known: Collection[KnownItem]
    ) -> SecondLookResult:
        """Return the items as they are now; those deleted or removed are gone."""
        by_name = {fullname(item.kind, item.item_id): item for item in known}
        items, self.retrieved_at = fetch_items(self._reddit, list(by_name))
        gone = frozenset(by_name[item.fullname] for item in items if _is_gone(item))
        standing = (item for item in items if by_name[item.fullname] not in gone)
        return SecondLookResult(
            [_raw(item, community, self.retrieved_at) for item in standing], gone
        )


def _is_gone(item: Item) -> bool:
    text = vars(item).get("selftext" if isinstance(item, Submission) else "body")
    return text in GONE_TEXTS or bool(vars(item).get("removed_by_category"))


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
    known: list[Capture] = []
    if not apart and hours:
        known = landing.captures(PLATFORM, [community], Window(hours[0].start, hours[-1].end))
    writer = WindowWriter(landing, visit, known=known, apart=apart)
    count, starts = 0, {hour.start for hour in hours}
    for item in items:
        if floor_hour(created_at(item)) in starts:
            writer.add(_raw(item, community, visit.retrieved_at))
            count += 1
    writer.close([community], hours, stop=stop, now=now)
    return VisitResult(hours, count, visit.retrieved_at)


def _stop(readings: Mapping[str, ListingReading], covered: dict[str, CoveredSpan]) -> FetchResult:
    """Return the result of both listings together: the cap where either met it."""
    capped = tuple(
        kind for kind, reading in readings.items() if reading.stop_reason is StopReason.CAP_REACHED
    )
    reasons = [reading.stop_reason for reading in readings.values()]
    if StopReason.BUDGET in reasons and not capped:
        return FetchResult(
            StopReason.BUDGET,
            (),
            detail="MAX_SUBMISSIONS cut it off: raise it, and the hour is read again",
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


def _proved(reading: ListingReading, last: PollMark | None, back_to: datetime) -> CoveredSpan:
    """Return the span that a poll proves, from the end of the last one where they do not meet."""
    start, end = reading.covered or CoveredSpan(reading.retrieved_at, reading.retrieved_at)
    start = max(start, back_to)
    if last and last.newest and not reading.names.intersection(last.newest):
        start = max(start, last.retrieved_at)
    return CoveredSpan(start, max(start, end))


def _next(reading: ListingReading, last: PollMark | None) -> PollMark:
    """Return the mark for the next poll.

    A rate rises at once and falls slowly, so that a burst is neither missed nor forgotten.
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
