"""Ingestion of a subreddit's windows, with the names that the ingestion contract gives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import praw

from market_opinion.core.window import Window
from market_opinion.sources.reddit import visits
from market_opinion.sources.reddit.profile import PLATFORM, Comments, RedditProfile
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state import StateStore

# One store holds the watermarks, ledger and runs of all platforms, so both names are the same.
RedditIngestionStateStore = StateStore
RedditIngestionRunRecorder = StateStore

# Takes a subreddit and a window; returns the starts of the hours before the window that are in the
# ledger, and the full names of their items.
LedgerLookup = Callable[[str, Window], tuple[set[datetime], set[str]]]


@dataclass(frozen=True)
class RedditIngestionResult:
    """Counts of one call, and the path of its first hour below the landing zone.

    The counts are of lines in the window's own hours. Times are seconds since 1970. `late_hours`
    are older hours that received items they did not have.
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
    """Service that reads windows of subreddits, as far back as listings go, and lands them."""

    def __init__(
        self,
        reddit: praw.Reddit,
        landing: Landing,
        *,
        known: LedgerLookup,
        now: datetime,
        comments: Comments = "listing",
        submissions_max: int | None = None,
    ) -> None:
        """Read with this client; `known` returns the items that were received before."""
        self._reddit = reddit
        self._landing = landing
        self._known = known
        self._now = now
        self._comments = comments
        self._submissions_max = submissions_max

    def ingest_window(
        self,
        subreddit: str,
        start: datetime | float,
        end: datetime | float,
        *,
        include_comments: bool = True,
    ) -> RedditIngestionResult:
        """Land the whole hours from `start` to `end`, which may be seconds since 1970.

        Raises CommunityClosed if the subreddit cannot be read, or SourceUnavailable if Reddit
        cannot; then nothing is landed.
        """
        start, end = (
            each if isinstance(each, datetime) else datetime.fromtimestamp(each, UTC)
            for each in (start, end)
        )
        window = Window(start, end)
        closed_starts, known_names = self._known(subreddit, window)
        comments = self._comments if include_comments else "none"
        visit = visits.close(
            self._reddit,
            self._landing,
            subreddit,
            window,
            known=known_names,
            closed=closed_starts,
            comments=comments,
            submissions_max=self._submissions_max,
            now=self._now,
        )
        manifests = [
            capture.manifest for capture in self._landing.captures(PLATFORM, [subreddit], window)
        ]
        return RedditIngestionResult(
            subreddit=subreddit,
            submissions_count=sum(manifest.lines("submission") for manifest in manifests),
            comments_count=sum(manifest.lines("comment") for manifest in manifests),
            s3_prefix=f"{PLATFORM}/{subreddit}/{start:%Y-%m-%d/%H%M%S}",
            window_start_ts=int(start.timestamp()),
            window_end_ts=int(end.timestamp()),
            late_hours=tuple(hour for hour in visit.hours if hour.start not in window),
            page_count=visit.page_count,
        )
