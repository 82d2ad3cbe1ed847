"""Windows of a subreddit into the landing zone, by the names of the ingestion contract."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import praw

from market_opinion.core.window import Window
from market_opinion.sources.reddit import visits
from market_opinion.sources.reddit.profile import RedditProfile
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state import StateStore

# One store keeps watermarks, ledger and runs of every platform.
RedditIngestionStateStore = StateStore
RedditIngestionRunRecorder = StateStore

# Returns the starts of a subreddit's hours before a window that are in the ledger, and the full
# names of their items.
LedgerLookup = Callable[[str, Window], tuple[set[datetime], set[str]]]


@dataclass(frozen=True)
class RedditIngestionResult:
    """Counts of one call, and where its first hour lies below the landing zone.

    Counts are lines of the window's own hours. Times are seconds since 1970. `late_hours` are
    older hours that got something they did not have.
    """

    subreddit: str
    submissions_count: int
    comments_count: int
    s3_prefix: str
    window_start_ts: int
    window_end_ts: int
    late_hours: tuple[Window, ...]
    page_count: int

    def __str__(self) -> str:
        """Return the counts as an operator reads them."""
        return (
            f"{self.submissions_count} submissions, {self.comments_count} comments,"
            f" {self.page_count} pages"
        )


class RedditIngestionService(RedditProfile):
    """Reads windows of subreddits back from now, as far as listings reach, and lands them."""

    def __init__(
        self,
        reddit: praw.Reddit,
        landing: Landing,
        *,
        known: LedgerLookup,
        now: datetime,
        comments: visits.Comments = "listing",
        submissions_max: int | None = None,
    ) -> None:
        """Land what the client reads; `known` tells late items from those that were received."""
        self._reddit = reddit
        self._landing = landing
        self._known = known
        self._now = now
        self._comments = comments
        self._submissions_max = submissions_max

    def ingest_window(
        self, subreddit: str, start: datetime, end: datetime, *, include_comments: bool = True
    ) -> RedditIngestionResult:
        """Land the whole hours from `start` to `end`.

        Raises CommunityClosed or SourceUnavailable where the subreddit or Reddit cannot be
        read; nothing was landed then.
        """
        window = Window(start, end)
        closed, known = self._known(subreddit, window)
        comments = self._comments if include_comments else "none"
        visited = visits.close(
            self._reddit,
            self._landing,
            subreddit,
            window,
            known=known,
            closed=closed,
            comments=comments,
            submissions_max=self._submissions_max,
            now=self._now,
        )
        manifests = [
            capture.manifest
            for capture in self._landing.captures(visits.PLATFORM, [subreddit], window)
        ]
        return RedditIngestionResult(
            subreddit=subreddit,
            submissions_count=sum(manifest.lines("submission") for manifest in manifests),
            comments_count=sum(manifest.lines("comment") for manifest in manifests),
            s3_prefix=f"{visits.PLATFORM}/{subreddit}/{start:%Y-%m-%d/%H%M%S}",
            window_start_ts=int(start.timestamp()),
            window_end_ts=int(end.timestamp()),
            late_hours=tuple(hour for hour in visited.hours if hour.start not in window),
            page_count=visited.page_count,
        )
