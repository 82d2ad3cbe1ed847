"""Half-open spans of UTC time, `[start, end)`, always on whole hours."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from market_opinion.core.errors import InvalidRequest

HOUR = timedelta(hours=1)
# No platform we read is older than this; a time before it is a broken clock or an unset field.
EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)


def as_utc(moment: datetime) -> datetime:
    """The same moment as a plain datetime in UTC; a naive time is taken to be UTC already."""
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return datetime.combine(utc.date(), utc.time(), UTC)


def floor_hour(moment: datetime) -> datetime:
    """The start of the UTC hour that holds the moment."""
    return as_utc(moment).replace(minute=0, second=0, microsecond=0)


def ceil_hour(moment: datetime) -> datetime:
    """The first whole UTC hour at or after the moment."""
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
            message = f"window ends {self.end.isoformat()} before or when it starts {self.start.isoformat()}: swap or widen them"
            raise InvalidRequest(message)

    @classmethod
    def hour(cls, start: datetime) -> "Window":
        """The window of the single hour that begins at `start`."""
        return cls(start, start + HOUR)

    def __contains__(self, moment: datetime) -> bool:
        """Whether the moment lies in the span."""
        return self.start <= moment < self.end

    def __str__(self) -> str:
        """Both ends to the minute, as `2026-01-01T00:00/2026-01-01T01:00`."""
        return f"{self.start:%Y-%m-%dT%H:%M}/{self.end:%Y-%m-%dT%H:%M}"

    @property
    def hour_count(self) -> int:
        """How many hours the span has; at least 1."""
        return int((self.end - self.start) / HOUR)

    def hours(self) -> Iterator["Window"]:
        """The hourly windows of the span, oldest first."""
        return (Window.hour(self.start + HOUR * n) for n in range(self.hour_count))

    def midnights(self) -> list[datetime]:
        """The beginnings of the UTC dates the span touches, oldest first."""
        return [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in self.dates()]

    def dates(self) -> list[date]:
        """The UTC dates the span touches, oldest first."""
        last = (self.end - HOUR).date()
        return [
            self.start.date() + timedelta(days=n)
            for n in range((last - self.start.date()).days + 1)
        ]


@dataclass(frozen=True)
class Slice:
    """What a stage replaces at once: a span of some communities of one platform."""

    platform: str
    communities: tuple[str, ...]
    window: Window

    def __str__(self) -> str:
        """Platform, communities and window, as an operator reads them."""
        return f"{self.platform}/{'+'.join(self.communities)} {self.window}"

    @property
    def where(self) -> dict[str, str | list[str]]:
        """The slice's columns but for its time."""
        return {"platform": self.platform, "community": list(self.communities)}

    def during(self, window: Window) -> "Slice":
        """The same communities in another span."""
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
    """The whole, closed hours inside `[start, end)`: the running hour is never part of it.

    Raises InvalidRequest when not one whole hour is left, naming the ends as given.
    """
    if as_utc(end) <= as_utc(start):
        message = (
            f"end {end.isoformat()} is not after start {start.isoformat()}: swap or widen them"
        )
        raise InvalidRequest(message)
    first, last = ceil_hour(start), min(floor_hour(end), floor_hour(now))
    if last <= first:
        message = f"no whole closed hour lies between {start.isoformat()} and {end.isoformat()} (it is {now.isoformat()}): widen the range"
        raise InvalidRequest(message)
    return Window(first, last)


def catch_up(watermark: datetime | None, *, now: datetime, limit: int) -> Window | None:
    """The contiguous closed hours that are due, oldest first and at most `limit` (starts at 1); None when none is.

    Without a watermark it is the previous full hour. The watermark is the end of the last certified hour.
    """
    closed = floor_hour(now)
    start = closed - HOUR if watermark is None else watermark
    end = min(closed, start + HOUR * limit)
    return Window(start, end) if end > start else None


def spans(counts: Sequence[tuple[Window, int]], *, max_items: int) -> list[Window]:
    """Contiguous hours joined until a span would exceed `max_items`: whole days, or hours of one day that is too large.

    `counts` are hourly windows in order with the items each holds. A gap between windows ends a span, and a single hour
    over the limit is a span of its own.
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
        last, held, were_days = result[-1] if result else (window, max_items, is_day)
        may_join = (is_day and were_days) or last.start.date() == window.start.date()
        if last.end == window.start and held + count <= max_items and may_join:
            result[-1] = (Window(last.start, window.end), held + count, were_days)
        else:
            result.append((window, count, is_day))
    return [window for window, _, _ in result]


def by_date(slices: Iterable[Slice]) -> list[list[Slice]]:
    """The slices in order, those of one date together: `spans` lets no other two share a date."""
    return [
        list(parts)
        for _, parts in itertools.groupby(slices, key=lambda span: span.window.start.date())
    ]


def whole_days(slices: Iterable[Slice]) -> list[Window]:
    """The fewest windows of whole days that hold the slices."""
    midnights = {midnight for span in slices for midnight in span.window.midnights()}
    return merged(Window(midnight, midnight + timedelta(days=1)) for midnight in midnights)


def merged(windows: Iterable[Window]) -> list[Window]:
    """The fewest windows that cover the same hours, oldest first."""
    result: list[Window] = []
    for window in sorted(windows):
        if result and window.start <= result[-1].end:
            result[-1] = Window(result[-1].start, max(result[-1].end, window.end))
        else:
            result.append(window)
    return result


def contiguous(hours: Iterable[datetime]) -> list[Window]:
    """The fewest windows that cover exactly the hours that begin at the given times, oldest first."""
    return merged(Window.hour(start) for start in set(hours))
