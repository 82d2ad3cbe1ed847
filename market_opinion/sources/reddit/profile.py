"""Facts about Reddit: the format of lines, the addresses of items, and whether an app is set up."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from market_opinion.core.settings import Settings
from market_opinion.sources import DoctorLine, PaceOf, SourceProfile
from market_opinion.sources.reddit.settings import RedditSettings
from market_opinion.storage.line_format import LineFormat

# Names of Reddit's API and its archives. An id may begin with the kind of the item: t1_ or t3_.
_COMMON: Mapping[str, Any] = {
    "item_id": "id",
    "created_at": "created_utc",
    "retrieved_at": "retrieved_utc|retrieved_on",
    "community": "subreddit",
    "author": "author",
    "votes": "score",
    "prefixes": ("t1_", "t3_"),
    "is_base36": True,
}
KINDS = ("submission", "comment")
PLATFORM = "reddit"
# Where the comments of a window are read.
Comments = Literal["listing", "tree", "none"]


def fullname(kind: str, item_id: str) -> str:
    """Return Reddit's full name of an item, with its kind before the id: `t3_abc`."""
    return f"{'t3' if kind == 'submission' else 't1'}_{item_id}"


class RedditProfile(SourceProfile):
    """Reddit, read live through its API; a community is a subreddit."""

    platform = PLATFORM
    is_live = True
    kinds = KINDS
    markup = ("markdown",)
    settings_group = RedditSettings
    reads, access = "communities, live", "an approved app"
    line_formats: ClassVar = {
        "submission": LineFormat(
            **_COMMON, title="title", body="selftext", reply_count="num_comments"
        ),
        "comment": LineFormat(
            **_COMMON, thread_id="link_id", parent_id="parent_id", title="link_title", body="body"
        ),
    }
    item_address = "https://www.reddit.com/comments/{thread_id}/"
    comment_address = "https://www.reddit.com/comments/{thread_id}/_/{item_id}/"

    @classmethod
    def preset_communities(cls, settings: Settings) -> tuple[str, ...]:
        """Return the subreddits of DEFAULT_SUBREDDIT."""
        return settings.group(RedditSettings).default_subreddits

    @classmethod
    def secrets(cls) -> dict[str, str]:
        """Return none, since REDDIT_SECRET_ARN names one secret that holds all."""
        return {}

    @classmethod
    def doctor_line(cls, settings: Settings, pace: PaceOf) -> DoctorLine | None:
        """Return whether Reddit accepts the app, by one small request; off without an app."""
        own = settings.group(RedditSettings)
        if not any((own.client_id, own.client_secret, own.secret_block, own.secret_arn)):
            return DoctorLine(
                "off",
                "no app: REDDIT_CLIENT_ID and the others, REDDIT_SECRET_BLOCK or"
                " REDDIT_SECRET_ARN, to read it live",
            )
        # PRAW takes a while to import, and most runs read no Reddit.
        from market_opinion.sources.reddit.client import check_access, open_client
        from market_opinion.sources.reddit.credentials import read_credentials

        check_access(open_client(settings, pace))
        account = read_credentials(settings).client_id
        text = f"{own.requests_per_minute} requests a minute"
        if refusals := pace(account, own.requests_per_minute).refusal_count():
            return DoctorLine("bad", f"{text}, {refusals} refused lately: lower it")
        return DoctorLine("ok", text)
