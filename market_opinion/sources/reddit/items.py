"""The fields of submissions and comments that are kept, as Reddit's archives have them.

Only what the listing carried is read, with `vars()`: to touch an attribute that it left out costs
PRAW a request.
"""

from typing import Any

import msgspec
from praw.models import Comment, Submission

_COMMON = (
    "id", "name", "created_utc", "edited", "permalink", "score", "stickied", "distinguished",
    "controversiality", "total_awards_received",
)  # fmt: skip
_SUBMISSION = (
    *_COMMON, "title", "selftext", "url", "num_comments", "upvote_ratio", "link_flair_text",
    "is_self", "over_18", "locked", "removed_by_category",
)  # fmt: skip
_COMMENT = (*_COMMON, "body", "link_id", "link_title", "parent_id", "is_submitter")


class SubmissionSerializer:
    """Submissions as dictionaries that JSON can hold."""

    @staticmethod
    def to_dict(submission: Submission) -> dict[str, Any]:
        """Return the kept fields that the listing carried.

        Author and subreddit are names; a deleted account has no author.
        """
        return _to_dict(submission, _SUBMISSION)


class CommentSerializer:
    """Comments as dictionaries that JSON can hold."""

    @staticmethod
    def to_dict(comment: Comment) -> dict[str, Any]:
        """Return the kept fields that the listing carried.

        Author and subreddit are names; a deleted account has no author.
        """
        return _to_dict(comment, _COMMENT)


def encode(item: Submission | Comment, *, retrieved_utc: float) -> bytes:
    """Return one line of JSON, stamped with Reddit's time of the answer."""
    fields = (
        SubmissionSerializer.to_dict(item)
        if isinstance(item, Submission)
        else CommentSerializer.to_dict(item)
    )
    return msgspec.json.encode({**fields, "retrieved_utc": retrieved_utc})


def _to_dict(item: Submission | Comment, fields: tuple[str, ...]) -> dict[str, Any]:
    attributes = vars(item)
    values = {name: attributes[name] for name in fields if name in attributes}
    return {
        **values,
        "author": _name(attributes.get("author")),
        "subreddit": _name(attributes.get("subreddit")),
    }


def _name(named: object) -> str | None:
    """Return the name of a Redditor or Subreddit; None for a deleted account."""
    return None if named is None else str(named)
