"""Reddit's listings, read page by page, and the span of time that each reading covers.

PRAW's own generators are not used, since they end without saying why.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import praw
from praw.models import Comment, Submission

from market_opinion.core.errors import SourceUnavailable
from market_opinion.core.window import EARLIEST
from market_opinion.sources.reddit.client import asking, requestor_of
from market_opinion.storage.landing.origin import CoveredSpan, StopReason

Item = Submission | Comment
PAGE_ITEMS = 100
# Reddit ends every listing after about 1,000 places, and counts items that it no longer shows.
PAGES_MAX = 10
# An item may become visible, among older ones, up to this long after its own time.
OVERLAP = timedelta(seconds=120)
_ATTEMPTS = 3
# A listing with more than this share of the cap may have been cut off.
_SHORT = 0.8


@dataclass(frozen=True)
class ListingReading:
    """One reading of a listing: every item once, newest first, and the reason for its end.

    The reading saw every item of the span `covered` that was visible at `retrieved_at`, by Reddit's
    clock.
    """

    kind: str
    items: list[Item]
    retrieved_at: datetime
    stop_reason: StopReason
    covered: CoveredSpan | None
    page_count: int

    @property
    def names(self) -> set[str]:
        """Full names of all items, for example t3_abc."""
        return {item.fullname for item in self.items}


@dataclass
class _Pages:
    items: dict[str, Item] = field(default_factory=dict)
    retrieved_at: datetime = EARLIEST
    count: int = 0

    def end(self) -> StopReason:
        """Return the reason for a listing to end without a next page.

        A listing at Reddit's cap has no next page either, so only a clearly shorter one is taken
        for exhausted.
        """
        is_short = self.count < PAGES_MAX and len(self.items) <= _SHORT * PAGES_MAX * PAGE_ITEMS
        return StopReason.EXHAUSTED if is_short else StopReason.CAP_REACHED


class _AnchorLost(Exception):
    """The item after which the next page begins was deleted, so the listing only seems to end."""


def read_listing(
    reddit: praw.Reddit,
    community: str,
    kind: str,
    *,
    back_to: datetime,
    items_max: int | None = None,
) -> ListingReading:
    """Read until an item older than `back_to`, the listing's end, Reddit's cap or `items_max`.

    Raises CommunityClosed, CredentialsRefused or SourceUnavailable; the last also if the listing
    changes during every attempt.
    """
    earlier_names: set[str] = set()
    for _ in range(_ATTEMPTS):
        pages = _Pages()
        try:
            reason = _read_pages(reddit, community, kind, back_to, pages, items_max=items_max)
        except _AnchorLost:
            # A listing that ends after the same items twice ends there: what followed is deleted.
            if pages.items.keys() != earlier_names:
                earlier_names = set(pages.items)
                continue
            reason = pages.end()
        return ListingReading(
            kind,
            list(pages.items.values()),
            pages.retrieved_at,
            reason,
            _covered(pages, reason),
            pages.count,
        )
    message = (
        f"r/{community}: the listing of {kind}s changed at every attempt to read it: run again"
    )
    raise SourceUnavailable(message)


def _read_pages(
    reddit: praw.Reddit,
    community: str,
    kind: str,
    back_to: datetime,
    pages: _Pages,
    *,
    items_max: int | None,
) -> StopReason:
    path = f"r/{community}/{'new' if kind == 'submission' else 'comments'}"
    after: str | None = None
    while pages.count < PAGES_MAX:
        with asking(f"r/{community}"):
            page = reddit.get(
                path, params={"limit": PAGE_ITEMS, **({"after": after} if after else {})}
            )
        if pages.count == 0:
            pages.retrieved_at = requestor_of(reddit).server_time
        pages.count += 1
        if after and not len(page) and page.after is None:
            raise _AnchorLost
        pages.items |= {item.fullname: item for item in page.children}
        if len(page) and created_at(page[-1]) < back_to:
            return StopReason.PASSED_WINDOW_START
        after = page.after
        if after is None:
            return pages.end()
        if items_max is not None and len(pages.items) >= items_max:
            return StopReason.BUDGET
    return StopReason.CAP_REACHED


def _covered(pages: _Pages, reason: StopReason) -> CoveredSpan | None:
    """Return the span of which the pages show every item; None for an empty span.

    The span begins one second after the oldest item, whose own second may have more items, and ends
    `OVERLAP` before the reading, since later items may still become visible.
    """
    end = pages.retrieved_at - OVERLAP
    oldest = min((created_at(item) for item in pages.items.values()), default=EARLIEST)
    start = EARLIEST if reason is StopReason.EXHAUSTED else oldest + timedelta(seconds=1)
    return CoveredSpan(start, end) if start < end else None


def created_at(item: Item) -> datetime:
    """Return the time at which the item was written."""
    return datetime.fromtimestamp(vars(item)["created_utc"], UTC)


class SubmissionFetcher:
    """Fetcher of a community's submissions by the time at which they were written."""

    def __init__(self, reddit: praw.Reddit) -> None:
        """Read with this client."""
        self._reddit = reddit

    def iterate_window(
        self, subreddit: str, start_ts: float, end_ts: float
    ) -> Iterator[Submission]:
        """Yield the submissions written in `[start_ts, end_ts)`, seconds since 1970, oldest first.

        Raises SourceUnavailable if the listing ends at Reddit's cap before `start_ts`.
        """
        reading = read_listing(
            self._reddit, subreddit, "submission", back_to=datetime.fromtimestamp(start_ts, UTC)
        )
        if not reading.stop_reason.certifies:
            start = datetime.fromtimestamp(start_ts, UTC).isoformat()
            message = f"r/{subreddit}: the listing does not reach {start}; read an archive instead"
            raise SourceUnavailable(message)
        submissions = (item for item in reading.items if isinstance(item, Submission))
        inside = [item for item in submissions if start_ts <= vars(item)["created_utc"] < end_ts]
        yield from sorted(inside, key=lambda item: (vars(item)["created_utc"], item.fullname))


class CommentFetcher:
    """Fetcher of all comments below a submission, at every depth."""

    def __init__(self, reddit: praw.Reddit) -> None:
        """Read with this client."""
        self._reddit = reddit

    def iterate_comments(self, submission: Submission) -> Iterator[Comment]:
        """Yield every comment of the thread; each hundred collapsed ones cost another request."""
        with asking(f"the thread {submission.id}"):
            submission.comments.replace_more(limit=None)
            yield from (item for item in submission.comments.list() if isinstance(item, Comment))


def fetch_items(reddit: praw.Reddit, fullnames: list[str]) -> tuple[list[Item], datetime]:
    """Return the items that Reddit still has, and its time; asks for a hundred a request."""
    with asking(f"{len(fullnames)} known items"):
        items = [
            item
            for item in reddit.info(fullnames=fullnames)
            if isinstance(item, (Submission, Comment))
        ]
    return items, requestor_of(reddit).server_time
