"""Half-open spans of UTC time, `[start, end)`, always on whole hours."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from market_opinion.core.errors import InvalidRequest

HOUR = timedelta(hours=1)
# Every platform is younger than this; an earlier time is a broken clock or an unset field.
EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)


def as_utc(moment: datetime) -> datetime:
    """Return the moment as a plain datetime in UTC; a naive time counts as UTC."""
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return datetime.combine(utc.date(), utc.time(), UTC)


def floor_hour(moment: datetime) -> datetime:
    """Return the start of the UTC hour that contains the moment."""
    return as_utc(moment).replace(minute=0, second=0, microsecond=0)


def ceil_hour(moment: datetime) -> datetime:
    """Return the first whole UTC hour at or after the moment."""
    floor = floor_hour(moment)
    return floor if floor == as_utc(moment) else floor + HOUR


@dataclass(frozen=True, order=True)
class Window:
    """A span of whole UTC hours: `start` is inside, `end` is not."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse anything that is not a non-empty span of whole UTC hours."""
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment.tzinfo is None or floor_hour(moment) != moment:
                message = f"window {name} {moment.isoformat()} is not a whole hour in UTC"
                raise InvalidRequest(message)
        if self.end <= self.start:
            message = (
                f"window end {self.end.isoformat()} is not after its start"
                f" {self.start.isoformat()}: swap or widen them"
            )
            raise InvalidRequest(message)

    @classmethod
    def hour(cls, start: datetime) -> "Window":
        """Return the window of the single hour that begins at `start`."""
        return cls(start, start + HOUR)

    def __contains__(self, moment: datetime) -> bool:
        """Whether the moment lies in the span."""
        return self.start <= moment < self.end

    def __str__(self) -> str:
        """Return both ends to the minute, as `2026-01-01T00:00/2026-01-01T01:00`."""
        return f"{self.start:%Y-%m-%dT%H:%M}/{self.end:%Y-%m-%dT%H:%M}"

    @property
    def hour_count(self) -> int:
        """Number of hours in the span; at least 1."""
        return int((self.end - self.start) / HOUR)

    def hours(self) -> Iterator["Window"]:
        """Yield the hourly windows of the span, oldest first."""
        return (Window.hour(self.start + HOUR * n) for n in range(self.hour_count))

    def midnights(self) -> list[datetime]:
        """Return the starts of the UTC dates that the span touches, oldest first."""
        return [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in self.dates()]

    def dates(self) -> list[date]:
        """Return the UTC dates that the span touches, oldest first."""
        last = (self.end - HOUR).date()
        return [
            self.start.date() + timedelta(days=n)
            for n in range((last - self.start.date()).days + 1)
        ]


@dataclass(frozen=True)
class Slice:
    """The unit that a stage replaces: a span of some communities of one platform."""

    platform: str
    communities: tuple[str, ...]
    window: Window

    def __str__(self) -> str:
        """Return platform, communities and window, for an operator."""
        return f"{self.platform}/{'+'.join(self.communities)} {self.window}"

    @property
    def where(self) -> dict[str, str | list[str]]:
        """The slice as column values, without its time."""
        return {"platform": self.platform, "community": list(self.communities)}

    def during(self, window: Window) -> "Slice":
        """Return a slice of the same communities in another span."""
        return Slice(self.platform, self.communities, window)


def both_ends(
    start: datetime | None, end: datetime | None, *, otherwise: str
) -> tuple[datetime, datetime] | None:
    """Return both ends of a range, or None where neither is given.

    Raises InvalidRequest for half a range; `otherwise` says what a command takes without one.
    """
    if start is not None and end is not None:
        return start, end
    if start is None and end is None:
        return None
    flag = "--start" if start is None else "--end"
    message = f"{flag} is missing: give --start and --end, or neither for {otherwise}"
    raise InvalidRequest(message)


def clip(start: datetime, end: datetime, *, now: datetime) -> Window:
    """Return the whole, closed hours inside `[start, end)`, without the current hour.

    Raises InvalidRequest, which names both ends, if no whole hour is left.
    """
    if as_utc(end) <= as_utc(start):
        message = (
            f"end {end.isoformat()} is not after start {start.isoformat()}: swap or widen them"
        )
        raise InvalidRequest(message)
    first, last = ceil_hour(start), min(floor_hour(end), floor_hour(now))
    if last <= first:
        message = (
            f"no whole closed hour lies between {start.isoformat()} and {end.isoformat()}"
            f" (it is {now.isoformat()}): widen the range"
        )
        raise InvalidRequest(message)
    return Window(first, last)


def catch_up(watermark: datetime | None, *, now: datetime, limit: int) -> Window | None:
    """Return the due hours, oldest first and at most `limit` (at least 1), or None if none is due.

    Without a watermark, the previous full hour is due. The watermark is the end of the last settled
    hour.
    """
    closed = floor_hour(now)
    start = closed - HOUR if watermark is None else watermark
    end = min(closed, start + HOUR * limit)
    return Window(start, end) if end > start else None


def spans(counts: Sequence[tuple[Window, int]], *, max_items: int) -> list[Window]:
    """Join contiguous hours into spans of at most `max_items` items.

    A span is made of whole days, or of hours of one day that is too large. `counts` are hourly
    windows in order with their number of items. A gap between windows ends a span, and a single
    hour over the limit is a span of its own.
    """
    units: list[tuple[Window, int, bool]] = []
    for _, group in itertools.groupby(counts, key=lambda pair: pair[0].start.date()):
        hours = list(group)
        day = Window(hours[0][0].start, hours[-1][0].end)
        total = sum(count for _, count in hours)
        is_whole = total <= max_items and day.hour_count == len(hours)
        units.extend(
            [(day, total, True)] if is_whole else [(hour, count, False) for hour, count in hours]
        )
    result: list[tuple[Window, int, bool]] = []
    for window, count, is_day in units:
        last, last_count, were_days = result[-1] if result else (window, max_items, is_day)
        may_join = (is_day and were_days) or last.start.date() == window.start.date()
        if last.end == window.start and last_count + count <= max_items and may_join:
            result[-1] = (Window(last.start, window.end), last_count + count, were_days)
        else:
            result.append((window, count, is_day))
    return [window for window, _, _ in result]


def by_date(slices: Iterable[Slice]) -> list[list[Slice]]:
    """Group slices by date, in order; a date's slices are its parts, as `spans` makes them."""
    return [
        list(parts)
        for _, parts in itertools.groupby(slices, key=lambda span: span.window.start.date())
    ]


def whole_days(slices: Iterable[Slice]) -> list[Window]:
    """Return the fewest windows of whole days that contain the slices."""
    midnights = {midnight for span in slices for midnight in span.window.midnights()}
    return merged(Window(midnight, midnight + timedelta(days=1)) for midnight in midnights)


def merged(windows: Iterable[Window]) -> list[Window]:
    """Return the fewest windows that cover the same hours, oldest first."""
    result: list[Window] = []
    for window in sorted(windows):
        if result and window.start <= result[-1].end:
            result[-1] = Window(result[-1].start, max(result[-1].end, window.end))
        else:
            result.append(window)
    return result


def contiguous(hours: Iterable[datetime]) -> list[Window]:
    """Return the fewest windows of exactly the hours that begin at these times, oldest first."""
    return merged(Window.hour(start) for start in set(hours))
