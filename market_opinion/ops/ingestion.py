"""The ingestion service by the names that its callers know, in seconds since 1970.

Everything is opened from the environment, as a run of a flow does it. For example::

    service = RedditIngestionService()
    result = service.ingest_window("iphone", 1762000000, 1762003600, include_comments=True)
    RedditIngestionStateStore().load_last_run_timestamp("iphone")

Nothing here moves a watermark or fills the lake: `flows.hourly` does.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from market_opinion.ops.adapters import Adapters, open_adapters
from market_opinion.ops.readers import items_before
from market_opinion.sources.quota import Priority
from market_opinion.sources.reddit import ingestion
from market_opinion.sources.reddit.client import Reddit
from market_opinion.sources.reddit.ingestion import RedditIngestionResult
from market_opinion.sources.reddit.items import CommentSerializer, SubmissionSerializer
from market_opinion.sources.reddit.listings import CommentFetcher, SubmissionFetcher
from market_opinion.sources.reddit.profile import PLATFORM
from market_opinion.sources.reddit.settings import RedditSettings

__all__ = [
    "CommentFetcher",
    "CommentSerializer",
    "RedditClientFactory",
    "RedditIngestionResult",
    "RedditIngestionService",
    "RedditIngestionStateStore",
    "SubmissionFetcher",
    "SubmissionSerializer",
]


class RedditClientFactory:
    """Factory of clients of Reddit."""

    @staticmethod
    def create() -> Reddit:
        """Return a client with the credentials of the environment; raises SettingsInvalid."""
        return open_adapters().reddit(Priority.CLOSE)


@dataclass(frozen=True)
class RedditIngestionStateStore:
    """Watermarks of subreddits: the ends of their last certified hours."""

    adapters: Adapters = field(default_factory=open_adapters)

    def load_last_run_timestamp(self, subreddit: str) -> int | None:
        """Return the end of the last certified hour; None before the first run.

        Raises WatermarkUnreadable for a damaged watermark.
        """
        moment = self.adapters.state().load_last_run_timestamp(PLATFORM, subreddit)
        return int(moment.timestamp()) if moment else None

    def save_last_run_timestamp(self, subreddit: str, timestamp: float) -> bool:
        """Move the watermark forward to the end of an hour; return whether it moved."""
        moment = datetime.fromtimestamp(timestamp, UTC)
        return self.adapters.state().save_last_run_timestamp(PLATFORM, subreddit, moment)


@dataclass(frozen=True)
class RedditIngestionService:
    """Service that lands windows of subreddits."""

    adapters: Adapters = field(default_factory=open_adapters)

    def ingest_window(
        self,
        subreddit_name: str,
        start_ts: float,
        end_ts: float,
        include_comments: bool = True,  # noqa: FBT001, FBT002, callers pass it by place
    ) -> RedditIngestionResult:
        """Land the whole hours from start to end, and return their counts.

        Raises InvalidRequest for a span that is not of whole hours, CommunityClosed if the
        subreddit cannot be read, and SourceUnavailable if Reddit cannot.
        """
        adapters = self.adapters
        service = ingestion.RedditIngestionService(
            adapters.reddit(Priority.CLOSE),
            adapters.landing(),
            known=partial(items_before, adapters, PLATFORM),
            now=datetime.now(UTC),
            submissions_max=adapters.settings.group(RedditSettings).max_submissions,
        )
        return service.ingest_window(
            subreddit_name, start_ts, end_ts, include_comments=include_comments
        )
