"""The forms of lines that are known by name: one for each kind of item of each platform."""

from collections.abc import Mapping
from typing import Any

import msgspec

from market_opinion.core.errors import LandingCorrupt
from market_opinion.storage.json_paths import read
from market_opinion.storage.line_format import LineFormat

# Either the name of known forms, or the forms themselves by kind, as a manifest holds them.
LineFormats = str | dict[str, dict[str, Any]]

# As Reddit's API and the archives of it have them; PRAW's own name for a fullname's type stands before ids.
_REDDIT: Mapping[str, Any] = {
    "item_id": "id",
    "created_at": "created_utc",
    "retrieved_at": "retrieved_utc|retrieved_on",
    "community": "subreddit",
    "author": "author",
    "votes": "score",
    "prefixes": ("t1_", "t3_"),
}
# Hits of hn.algolia.com/api.
_HACKERNEWS: Mapping[str, Any] = {
    "item_id": "objectID",
    "created_at": "created_at_i",
    "author": "author",
    "votes": "points",
}
# A post of X's API v2, as GET /2/tweets/search/recent gives it: docs.x.com, "Post object".
_X: Mapping[str, Any] = {
    "item_id": "id",
    "created_at": "created_at",
    "time": "iso",
    "thread_id": "conversation_id",
    "author": "author_id",
    "body": "text",
    "votes": "public_metrics.like_count",
    "reply_count": "public_metrics.reply_count",
}
# Graph API: Page Post and Comment, IG Media and IG Comment (developers.facebook.com/docs/graph-api/reference).
_FACEBOOK: Mapping[str, Any] = {
    "item_id": "id",
    "created_at": "created_time",
    "time": "iso",
    "author": "from.id",
    "body": "message",
}
_INSTAGRAM: Mapping[str, Any] = {
    "item_id": "id",
    "created_at": "timestamp",
    "time": "iso",
    "author": "username",
    "votes": "like_count",
}

KNOWN_FORMATS: Mapping[str, Mapping[str, LineFormat]] = {
    "reddit": {
        "submission": LineFormat(
            **_REDDIT, title="title", body="selftext", reply_count="num_comments"
        ),
        "comment": LineFormat(
            **_REDDIT, thread_id="link_id", parent_id="parent_id", title="link_title", body="body"
        ),
    },
    "hackernews": {
        "submission": LineFormat(
            **_HACKERNEWS, title="title", body="story_text", reply_count="num_comments"
        ),
        "comment": LineFormat(
            **_HACKERNEWS,
            thread_id="story_id",
            parent_id="parent_id",
            title="story_title",
            body="comment_text",
        ),
    },
    # partner.steamgames.com/doc/store/getreviews; `appid` is added, since an answer is about one app and does not say which.
    "steam": {
        "review": LineFormat(
            item_id="recommendationid",
            created_at="timestamp_created",
            thread_id="appid",
            author="author.steamid",
            body="review",
            votes="votes_up",
            reply_count="comment_count",
            is_recommended="voted_up",
        )
    },
    "x": {"submission": LineFormat(**_X), "comment": LineFormat(**_X)},
    "facebook": {
        "submission": LineFormat(**_FACEBOOK),
        "comment": LineFormat(
            **_FACEBOOK,
            thread_id="post_id",
            parent_id="parent.id",
            votes="like_count",
            reply_count="comment_count",
        ),
    },
    "instagram": {
        "submission": LineFormat(**_INSTAGRAM, body="caption", reply_count="comments_count"),
        "comment": LineFormat(
            **_INSTAGRAM, thread_id="media_id", parent_id="parent_id", body="text"
        ),
    },
    # learn.microsoft.com/linkedin/marketing/community-management/shares, "Posts API" and "Comments API".
    "linkedin": {
        "submission": LineFormat(
            item_id="id", created_at="publishedAt|createdAt", author="author", body="commentary"
        ),
        "comment": LineFormat(
            item_id="commentUrn|id",
            created_at="created.time",
            thread_id="object",
            parent_id="parentComment",
            author="actor",
            body="message.text",
            votes="likesSummary.totalLikes",
            reply_count="commentsSummary.totalFirstLevelComments",
        ),
    },
    # The columns of the sets of 2014 and 2018 and, after each bar, those of 2023 (McAuley lab): a review has no id of its own.
    "amazon": {
        "review": LineFormat(
            item_id=("reviewerID|user_id", "asin", "unixReviewTime|timestamp"),
            created_at="unixReviewTime|timestamp",
            community="category",
            thread_id="parent_asin|asin",
            author="reviewerID|user_id",
            title="summary|title",
            body="reviewText|text",
            votes="helpful_vote",
            rating="overall|rating",
            is_lenient=True,
        )
    },
}


def format_of(told: LineFormats, kind: str) -> LineFormat:
    """The form that a manifest tells for a kind of item; raises LandingCorrupt where there is none."""
    try:
        return (
            KNOWN_FORMATS[told][kind]
            if isinstance(told, str)
            else LineFormat.model_validate(told[kind])
        )
    except KeyError:
        known = told if isinstance(told, str) else "its own"
        message = f"a manifest says that its {kind}s are of form {known}, which has none: this version is older than what landed it"
        raise LandingCorrupt(message) from None


def kinds_of(told: LineFormats) -> list[str]:
    """The kinds of item that there are forms for."""
    return list(KNOWN_FORMATS[told] if isinstance(told, str) else told)


def likely_kind(told: LineFormats, line: bytes) -> str:
    """The kind whose form finds most in a line that does not say what it is; the first of them where that is a draw."""
    kinds = kinds_of(told)
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return kinds[0]
    return max(
        kinds,
        key=lambda kind: sum(
            isinstance(fields, dict) and read(fields, path) is not None
            for path in format_of(told, kind).spoken
        ),
    )
