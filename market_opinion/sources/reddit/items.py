"""What is kept of Reddit's submissions and comments: a whitelist of what the listing carried, in the form of its archives.

Read with `vars()`: to touch an attribute that a listing left out costs PRAW a request.
"""

from typing import Any

import msgspec
from praw.models import Comment, Submission

_COMMON = (
    "id", "name", "created_utc", "edited", "permalink", "score", "stickied", "distinguished", "controversiality", "total_awards_received",
)  # fmt: skip
_SUBMISSION = (
    *_COMMON, "title", "selftext", "url", "num_comments", "upvote_ratio", "link_flair_text", "is_self", "over_18", "locked",
    "removed_by_category",
)  # fmt: skip
_COMMENT = (*_COMMON, "body", "link_id", "link_title", "parent_id", "is_submitter")


class SubmissionSerializer:
    """Submissions as dictionaries that JSON can hold."""

    @staticmethod
    def to_dict(submission: Submission) -> dict[str, Any]:
        """The whitelisted fields the listing carried; author and subreddit by name, no author where the account is gone."""
        return _to_dict(submission, _SUBMISSION)


class CommentSerializer:
    """Comments as dictionaries that JSON can hold."""

    @staticmethod
    def to_dict(comment: Comment) -> dict[str, Any]:
        """The whitelisted fields the listing carried; author and subreddit by name, no author where the account is gone."""
        return _to_dict(comment, _COMMENT)


def encode(item: Submission | Comment, *, retrieved_utc: float) -> bytes:
    """One line of JSON, stamped with when Reddit said it."""
    fields = (
        SubmissionSerializer.to_dict(item)
        if isinstance(item, Submission)
        else CommentSerializer.to_dict(item)
    )
    return msgspec.json.encode({**fields, "retrieved_utc": retrieved_utc})


def _to_dict(item: Submission | Comment, fields: tuple[str, ...]) -> dict[str, Any]:
    found = vars(item)
    kept = {name: found[name] for name in fields if name in found}
    return {
        **kept,
        "author": _name(found.get("author")),
        "subreddit": _name(found.get("subreddit")),
    }


def _name(named: object) -> str | None:
    """What a Redditor or Subreddit object is called; None for an account that is gone."""
    return None if named is None else str(named)
