"""Lines of files by community and hour, within the limits of a file."""

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import EARLIEST, HOUR, Window
from market_opinion.sources import Sink
from market_opinion.sources.file_limits import FileLimits
from market_opinion.storage.landing.origin import RawItem
from market_opinion.storage.line_format import LineFormat

# File systems take 255 bytes a name.
_NAME_BYTES_MAX = 200
_NAME = re.compile(r"(?![._])[\w.-]+")
_UNREADABLE_BYTES_MAX = 64_000_000
_OTHERS_MAX = 100_000
HOURS_MAX = 1_000_000
"""So many hours of all communities are read where a run names no communities."""
TOO_MANY_HOURS = (
    f"the files hold more than {HOURS_MAX:,} hours, those of all communities together:"
    " pass communities"
)


def community_name(text: str) -> str:
    """Return the name of a community's folder: lower case letters, digits, dots and dashes.

    It is empty for a text that holds none, or more than a name of a folder can.
    """
    return _folder_name(text) if len(text) <= _NAME_BYTES_MAX else ""


def is_community_name(text: str) -> bool:
    """Return whether a name can be the name of a community's folder, as it stands."""
    return bool(_NAME.fullmatch(text)) and len(text.encode(errors="replace")) <= _NAME_BYTES_MAX


@functools.lru_cache(maxsize=10_000)
def _folder_name(text: str) -> str:
    name = re.sub(r"[^\w.-]+", "_", text.lower()).strip("_.")
    return name if len(name.encode(errors="replace")) <= _NAME_BYTES_MAX else ""


class LineSorter:
    """Sorter of lines by community and hour, which passes on the lines that a run asks for."""

    def __init__(
        self,
        communities: frozenset[str],
        window: Window | None,
        *,
        latest: datetime,
        sink: Sink,
        limits: FileLimits,
    ) -> None:
        """Take all communities if none is named; a time that is not before `latest` is none."""
        self._communities = communities
        self._window = window
        self._sink = sink
        self._limits = limits
        self._earliest_s = EARLIEST.timestamp()
        self._latest_s = latest.timestamp()
        self._hours: dict[tuple[str, int], tuple[datetime, bool]] = {}
        self._line_counts: Counter[tuple[str, int]] = Counter()
        self.other_communities: Counter[str] = Counter()
        self.spoken: dict[str, set[datetime]] = defaultdict(set)
        self.extent: Window | None = None
        self._begin_file()

    def _begin_file(self) -> None:
        self._place: tuple[str, int] | None = None
        self._waiting: list[bytes] = []
        self._unreadable_count = self._unreadable_bytes = 0
        self._unkept_count = self._surplus_count = 0

    def sort(
        self, kind: str, community: str | None, line_format: LineFormat, lines: Iterator[bytes]
    ) -> None:
        """Pass on every line of one file that the run asks for.

        A line whose time or community cannot be read follows the line before it; `community` is
        that of lines that name none.
        """
        for line in lines:
            place = self._place_of(line, line_format, community)
            if place is None and not self._may_keep(line):
                self._unkept_count += 1
                continue
            if place is None and self._place is None:
                self._waiting.append(line)
                continue
            if self._waiting and place is not None:
                for early in self._waiting:
                    self._hand_on(kind, place, early)
                self._waiting.clear()
            self._place = place or self._place
            # One of the two is set here.
            self._hand_on(kind, self._place, line)  # type: ignore[arg-type]

    def finish_file(self) -> Iterator[tuple[str, str]]:
        """Yield reason and detail of what is wrong with the file as a whole, and forget it."""
        if self._waiting:
            yield "unreadable_file", "not one line has a readable community and time"
        if count := self._unkept_count:
            detail = (
                f"{count:,} more lines without a readable community and time were not kept:"
                " correct the file, or set FILES_UNREADABLE_LINES_MAX higher"
            )
            yield "unreadable_lines", detail
        if count := self._surplus_count:
            detail = (
                f"{count:,} lines were not kept, since {self._limits.lines_per_hour_max:,} others"
                " are of the same community and hour: set FILES_LINES_PER_HOUR_MAX higher if they"
                " are wanted"
            )
            yield "hour_too_large", detail
        self._begin_file()

    def _may_keep(self, line: bytes) -> bool:
        """Return whether one more line without a place is within the limits of the file."""
        self._unreadable_count += 1
        self._unreadable_bytes += len(line)
        return (
            self._unreadable_count <= self._limits.unreadable_lines_max
            and self._unreadable_bytes <= _UNREADABLE_BYTES_MAX
        )

    def _place_of(
        self, line: bytes, line_format: LineFormat, community: str | None
    ) -> tuple[str, int] | None:
        """Return a line's community and hour since 1970; None if either is missing or absurd."""
        place = line_format.place(line)
        own_name = place and (place.community or community)
        if place is None or not own_name or not self._earliest_s <= place.seconds < self._latest_s:
            return None
        name = community_name(own_name)
        return (name, int(place.seconds // 3600)) if name else None

    def _hand_on(self, kind: str, place: tuple[str, int], line: bytes) -> None:
        community, hour = place
        if self._communities and community not in self._communities:
            if len(self.other_communities) < _OTHERS_MAX or community in self.other_communities:
                self.other_communities[community] += 1
            return
        if (hour_start := self._hours.get(place)) is None:
            hour_start = self._hours[place] = self._meet(community, hour)
        start, is_wanted = hour_start
        if not is_wanted:
            return
        self._line_counts[place] += 1
        if self._line_counts[place] > self._limits.lines_per_hour_max:
            self._surplus_count += 1
        else:
            self._sink(RawItem(kind, community, start, line))

    def _meet(self, community: str, hour: int) -> tuple[datetime, bool]:
        """Note a new hour; return its start, and whether the run asks for it.

        Raises InvalidRequest where there are more than anybody reads without naming communities.
        """
        if len(self._hours) >= HOURS_MAX and not self._communities:
            raise InvalidRequest(TOO_MANY_HOURS)
        start = datetime.fromtimestamp(hour * 3600, UTC)
        self.spoken[community].add(start)
        extent = self.extent or Window.hour(start)
        self.extent = Window(min(extent.start, start), max(extent.end, start + HOUR))
        return start, self._window is None or start in self._window
