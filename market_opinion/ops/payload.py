"""The payload of an existing ingestion service: mode, subreddit, start_ts and end_ts.

It is another way to say communities and range. Both ways may be used together where they agree.
"""

from datetime import UTC, datetime
from typing import Literal

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import as_utc

IngestionMode = Literal["incremental", "backfill"]


def read_communities(communities: list[str] | None, subreddit: str | None) -> list[str] | None:
    """Return the communities that either of them names; raise InvalidRequest if they differ."""
    if subreddit is None:
        return communities
    if communities and {name.lower() for name in communities} != {subreddit.lower()}:
        message = (
            f"subreddit {subreddit} and communities {', '.join(communities)} contradict each other:"
            " give one of them"
        )
        raise InvalidRequest(message)
    return [subreddit]


def read_moment(name: str, moment: datetime | None, seconds: int | None) -> datetime | None:
    """Return the time that either of them says, `seconds` since 1970; the name is `start` or `end`.

    Raises InvalidRequest if they differ, and for a number that is no time.
    """
    if seconds is None:
        return moment
    try:
        said = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        message = f"{name}_ts {seconds} is no time: write seconds since 1970, as 1730419200"
        raise InvalidRequest(message) from None
    if moment is not None and as_utc(moment) != said:
        message = (
            f"{name} {moment.isoformat()} and {name}_ts {seconds} ({said.isoformat()}) contradict"
            " each other: give one of them"
        )
        raise InvalidRequest(message)
    return said


def is_backfill(mode: IngestionMode | None, start: datetime | None, end: datetime | None) -> bool:
    """Whether an hourly run was asked for past hours, by its mode or by a range.

    Raises InvalidRequest for an incremental run of a range, and for a backfill without one.
    """
    has_range = start is not None or end is not None
    if mode == "incremental" and has_range:
        message = (
            "mode incremental takes the hours that are due: leave out start_ts and end_ts,"
            " or say mode backfill"
        )
        raise InvalidRequest(message)
    if mode == "backfill" and not has_range:
        message = (
            "mode backfill needs start_ts and end_ts; the flow backfill reads all that a source has"
        )
        raise InvalidRequest(message)
    return has_range


def check_backfill_mode(mode: IngestionMode | None) -> None:
    """Raise InvalidRequest where a backfill was asked to be incremental."""
    if mode == "incremental":
        message = "mode incremental is what the flow hourly does: run hourly, or leave out mode"
        raise InvalidRequest(message)
