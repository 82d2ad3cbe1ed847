"""Requests to platforms by hour and community, from the state."""

from datetime import datetime, timedelta

import polars as pl

from market_opinion.core.settings import Settings
from market_opinion.core.window import floor_hour
from market_opinion.storage.state.opening import open_state

_COLUMNS: dict[str, pl.DataType] = {
    "hour": pl.Datetime("us"),
    "platform": pl.String(),
    "community": pl.String(),
    "requests": pl.Int64(),
    "refused": pl.Int64(),
    "left": pl.Int64(),
}


def recent(settings: Settings, *, hours: int, now: datetime) -> pl.DataFrame:
    """Return one row an hour and community of the last hours, newest first."""
    rows = [
        (
            each.hour.replace(tzinfo=None),
            each.platform,
            each.community,
            each.request_count,
            each.refused_count,
            each.left_count,
        )
        for each in open_state(settings).requests(floor_hour(now) - timedelta(hours=hours))
    ]
    frame = pl.DataFrame(rows, schema=_COLUMNS, orient="row")
    return frame.sort("hour", "platform", "community", descending=[True, False, False])


def by_platform(rows: pl.DataFrame) -> pl.DataFrame:
    """Return requests and refusals by platform, and the lowest that was left in its newest hour."""
    newest = pl.col("hour") == pl.col("hour").max()
    return (
        rows.group_by("platform")
        .agg(
            pl.col("requests").sum(),
            pl.col("refused").sum(),
            pl.col("left").filter(newest).min(),
        )
        .sort("platform")
    )
