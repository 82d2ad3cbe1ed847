"""Facts about Reddit that need no client: the format of lines and the addresses of items."""

from collections.abc import Mapping
from typing import Any, ClassVar

from market_opinion.sources import SourceProfile
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


class RedditProfile(SourceProfile):
    """Reddit, read live through its API; a community is a subreddit."""

    platform = PLATFORM
    is_live = True
    kinds = KINDS
    markup = ("markdown",)
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
