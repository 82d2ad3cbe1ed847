"""Backlogs of communities: closed hours that are not settled yet, and what of them is told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from market_opinion.core.settings import Settings
from market_opinion.core.window import HOUR, floor_hour
from market_opinion.ops.alerts import Alert
from market_opinion.ops.metrics import Metric, place_of
from market_opinion.storage.state import RunRecord, StateStore


@dataclass(frozen=True)
class Backlog:
    """A community's watermark, and how far it lies behind the last closed hour."""

    platform: str
    community: str
    watermark: datetime
    closed_until: datetime
    now: datetime

    @property
    def hour_count(self) -> int:
        """The number of closed hours after the watermark."""
        return max(0, int((floor_hour(self.closed_until) - self.watermark) / HOUR))

    @property
    def age(self) -> timedelta:
        """The time since the newest settled hour ended."""
        return self.now - self.watermark


def backlogs(
    state: StateStore,
    platform: str,
    communities: Iterable[str],
    *,
    now: datetime,
    close_lag: timedelta,
) -> list[Backlog]:
    """Return the backlog of each community that has a watermark.

    Raises WatermarkUnreadable for a damaged one.
    """
    watermarks = (
        (community, state.load_last_run_timestamp(platform, community)) for community in communities
    )
    return [
        Backlog(platform, community, watermark, now - close_lag, now)
        for community, watermark in watermarks
        if watermark is not None
    ]


def metrics_of(backlogs: Iterable[Backlog], *, environment: str) -> Iterator[Metric]:
    """Yield the age of the newest settled hour, and the hours of the backlog."""
    for each in backlogs:
        dimensions = {"Environment": environment, **place_of(each.platform, each.community)}
        age = each.age.total_seconds()
        yield Metric("NewestSettledAgeSeconds", age, "Seconds", each.now, dimensions)
        yield Metric("BacklogHours", each.hour_count, "Count", each.now, dimensions)


def late_alerts(records: Iterable[RunRecord], settings: Settings, now: datetime) -> list[Alert]:
    """Return an alert for each hour that was due first now, and took too long to the mart.

    Hours that waited in a backlog are told by that.
    """
    most = settings.alerts.hours_to_mart
    alerts = []
    for record in records:
        hours = (record.ingested_at - record.entry.window_start) / HOUR
        if hours > most and record.window_end + HOUR > now:
            place = f"{record.entry.platform}/{record.entry.community}"
            text = (
                f"{place}: {hours:.1f} hours from writing to mart for the hour"
                f" {record.entry.window_start.isoformat()}, more than ALERT_HOURS_TO_MART={most}"
            )
            alerts.append(Alert("mart_late", text))
    return alerts


def alerts_of(backlogs: Iterable[Backlog], settings: Settings) -> list[Alert]:
    """Return an alert for each community that is further behind than the settings allow."""
    most = settings.alerts.backlog_hours
    return [
        Alert(
            "backlog",
            f"{each.platform}/{each.community}: {each.hour_count:,} closed hours are not settled"
            f" (since {each.watermark.isoformat()}), more than ALERT_BACKLOG_HOURS={most}",
        )
        for each in backlogs
        if each.hour_count > most
    ]
