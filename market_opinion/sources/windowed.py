"""Sources that can be asked for a span of time: base class, and landing of their items."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from market_opinion.core.errors import InvalidRequest, MarketOpinionError, SourceUnreadable
from market_opinion.core.window import EARLIEST, Window, floor_hour
from market_opinion.sources import Source, SourceProfile
from market_opinion.sources.paging import ListingBroken
from market_opinion.sources.web import Web
from market_opinion.storage.json_line import line_of
from market_opinion.storage.landing.origin import (
    CoveredSpan,
    FetchResult,
    RawItem,
    StopReason,
    Visit,
)
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.line_format import LineFormat

# An item may become visible up to this long after its own time.
OVERLAP = timedelta(minutes=2)
# Errors of an answer that has another form than the platform describes.
_UNEXPECTED = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


@dataclass(frozen=True)
class IngestionResult:
    """Counts of the items that one reading landed, by kind.

    `late_hours` are older hours that received items they did not have.
    """

    counts: Mapping[str, int]
    late_hours: tuple[Window, ...]
    detail: str

    def __str__(self) -> str:
        """Return the counts as an operator reads them."""
        return ", ".join(
            [*(f"{count} {kind}s" for kind, count in self.counts.items()), self.detail]
        )


class Ingestion(Protocol):
    """Reader of whole hours of a community into the landing zone."""

    def ingest_window(self, community: str, start: datetime, end: datetime) -> Any:  # noqa: ANN401, an IngestionResult, or Reddit's own
        """Land the hours from `start` to `end`.

        Raises CommunityClosed or SourceUnavailable, and then lands nothing.
        """


class WindowIngestion:
    """The ingestion of every source that can be asked for a window."""

    def __init__(self, source: Source, landing: Landing, *, now: datetime) -> None:
        """Land the items of this source."""
        self._source = source
        self._landing = landing
        self._now = now

    def ingest_window(self, community: str, start: datetime, end: datetime) -> IngestionResult:
        """Land the whole hours from `start` to `end`.

        The items stay in memory until the source stops, so that a failure lands nothing.
        """
        window, source, items = Window(start, end), self._source, list[RawItem]()
        try:
            stop = source.fetch((community,), window, now=self._now, sink=items.append)
        except ListingBroken as error:
            stop = FetchResult(StopReason.ERROR, (community,), detail=str(error), covered={})
        except _UNEXPECTED as error:
            # A platform's answer had another form than all others before it.
            lacks = f": no {error}" if isinstance(error, KeyError) else ""
            message = f"an answer of {source.platform} for {community} cannot be read{lacks}"
            raise SourceUnreadable(message) from error
        visit = Visit(
            source.platform, source.capture_path, source.retrieved_at, source.format_reference
        )
        writer = WindowWriter(
            self._landing, visit, known=self._landing.captures(source.platform, [community], window)
        )
        for item in items:
            writer.add(item)
        writer.close([community], window.hours(), stop=stop, now=self._now)
        counts = {kind: sum(item.kind == kind for item in items) for kind in source.kinds}
        return IngestionResult(counts, (), stop.detail or str(stop.reason))


class WebSource(SourceProfile):
    """A source that is read through its platform's API and goes by the platform's clock.

    For example::

        class Notes(WebSource):
            platform, kinds, line_formats = "notes", ("review",), {"review": LineFormat(...)}

            def fetch(self, communities, window, *, now, sink):
                window, (desk,) = self.asked_for(window), communities
                for note in self.web.get("notes", {"desk": desk}, what=f"desk {desk}"):
                    if item := self.file_item("review", desk, note, window):
                        sink(item)
                return read_to_start(window, self.kinds, at=self.retrieved_at)
    """

    is_live = True
    capture_path = "search"

    def __init__(self, web: Web) -> None:
        """Read through this client."""
        self.web = web

    @property
    def origin(self) -> str:
        """Name of the platform; the landing zone adds a name for each reading."""
        return self.platform

    @property
    def retrieved_at(self) -> datetime:
        """Time of the first answer of this reading, by the platform's clock."""
        return self.web.began_at or datetime.now(UTC)

    def asked_for(self, window: Window | None) -> Window:
        """Begin a new reading and return its window; raises InvalidRequest without one."""
        if window is None:
            message = f"source {self.platform} needs start and end: it has no first hour"
            raise InvalidRequest(message)
        self.web.begin()
        return window

    def file_item(
        self, kind: str, community: str, fields: Mapping[str, Any], window: Window
    ) -> RawItem | None:
        """Return an item of the platform's answer as a line to land; None outside the window."""
        return file_item(kind, community, fields, window, line_format=self.line_formats[kind])

    def is_older(self, kind: str, fields: Mapping[str, Any], than: datetime) -> bool:
        """Return whether an item is known to be older than this; one without a time is not."""
        place = self.line_formats[kind].place(line_of(fields))
        return place is not None and EARLIEST.timestamp() <= place.seconds < than.timestamp()


def land_apart(
    landing: Landing, visit: Visit, community: str, items: list[RawItem], *, now: datetime
) -> list[Window]:
    """Land items in their own hours, without certifying these; return the hours."""
    hours = [Window.hour(start) for start in sorted({item.hour for item in items})]
    writer = WindowWriter(landing, visit, known=[], apart=True)
    for item in items:
        writer.add(item)
    writer.close(
        [community],
        hours,
        stop=FetchResult(StopReason.EXHAUSTED, (community,), covered={}),
        now=now,
    )
    return hours


def land_failure(
    landing: Landing,
    platform: str,
    community: str,
    window: Window,
    error: MarketOpinionError,
    *,
    now: datetime,
) -> None:
    """Write into the landing zone the reason why these hours could not be read."""
    stop = FetchResult(StopReason.ERROR, (community,), detail=str(error), covered={})
    writer = WindowWriter(landing, Visit(platform, "failure", now, platform), known=[], apart=True)
    writer.close([community], window.hours(), stop=stop, now=now)


def read_to_start(
    window: Window,
    kinds: Iterable[str],
    *,
    at: datetime,
    since: datetime | None = None,
    overlap: timedelta = OVERLAP,
    detail: str = "",
) -> FetchResult:
    """Return the result of a reading that saw the part of the window before `at`.

    `since` is the platform's cap: the time before which it shows nothing. The last `overlap` before
    `at` is not covered, since items may still become visible there.
    """
    start = max(window.start, since) if since else window.start
    covered = {
        kind: CoveredSpan(start, min(window.end, at - overlap))
        for kind in kinds
        if start < min(window.end, at - overlap)
    }
    if start > window.start:
        return FetchResult(
            StopReason.CAP_REACHED, (), detail=detail, covered=covered, capped=tuple(kinds)
        )
    return FetchResult(StopReason.PASSED_WINDOW_START, (), detail=detail, covered=covered)


def file_item(
    kind: str, community: str, fields: Mapping[str, Any], window: Window, *, line_format: LineFormat
) -> RawItem | None:
    """Return an item as a line to land, filed by its own time; None outside the window.

    An item without a readable time is filed under the window's first hour, and bronze refuses it
    there.
    """
    line = line_of(fields)
    place = line_format.place(line)
    if place is None:
        return RawItem(kind, community, window.start, line)
    at = datetime.fromtimestamp(place.seconds, UTC)
    return RawItem(kind, community, floor_hour(at), line) if at in window else None
