"""Fields of submissions and comments that are landed, named as in Reddit's archives.

They are read by `vars()`, and so only if the listing contained them: PRAW sends a request for an
attribute that the listing left out.
"""

from typing import Any

from praw.models import Comment, Submission

from market_opinion.storage.json_line import line_of

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
    """Serializer of submissions to dictionaries that can be written as JSON."""

    @staticmethod
    def to_dict(submission: Submission) -> dict[str, Any]:
        """Return the fields to land, as far as the listing contained them.

        Author and subreddit are given by name; the author of a deleted account is None.
        """
        return _to_dict(submission, _SUBMISSION)


class CommentSerializer:
    """Serializer of comments to dictionaries that can be written as JSON."""

    @staticmethod
    def to_dict(comment: Comment) -> dict[str, Any]:
        """Return the fields to land, as far as the listing contained them.

        Author and subreddit are given by name; the author of a deleted account is None.
        """
        return _to_dict(comment, _COMMENT)


def encode(item: Submission | Comment, *, retrieved_utc: float) -> bytes:
    """Return one line of JSON, with `retrieved_utc` as Reddit's time of the answer."""
    fields = (
        SubmissionSerializer.to_dict(item)
        if isinstance(item, Submission)
        else CommentSerializer.to_dict(item)
    )
    return line_of({**fields, "retrieved_utc": retrieved_utc})


def _to_dict(item: Submission | Comment, fields: tuple[str, ...]) -> dict[str, Any]:
    attributes = vars(item)
    values = {name: attributes[name] for name in fields if name in attributes}
    return {
        **values,
        "author": _name(attributes.get("author")),
        "subreddit": _name(attributes.get("subreddit")),
    }


def _name(owner: object) -> str | None:
    """Return the name of a Redditor or Subreddit; None for a deleted account."""
    return None if owner is None else str(owner)
