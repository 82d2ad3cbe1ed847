"""Where raw items come from. A source pushes the items of a window, in any order, and says why it stopped."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from market_opinion.window import Window


class StopReason(StrEnum):
    """Why a fetch ended; only the first two certify that nothing is missing."""

    PASSED_WINDOW_START = "passed_window_start"
    EXHAUSTED = "exhausted"
    CAP_REACHED = "cap_reached"
    BUDGET = "budget"
    ERROR = "error"

    @property
    def certifies(self) -> bool:
        """Whether the window is complete."""
        return self in {StopReason.PASSED_WINDOW_START, StopReason.EXHAUSTED}


class Covered(NamedTuple):
    """A span `[start, end)` of which everything was seen that was visible then; to the second, not the hour."""

    start: datetime
    end: datetime


class RawItem(NamedTuple):
    """One line as received, with what is needed to file it: `hour` is the start of the hour of its own time."""

    kind: str
    community: str
    hour: datetime
    line: bytes


@dataclass(frozen=True)
class RefusedFile:
    """A file of a source of which something could not be read, and why."""

    name: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Stop:
    """Why a fetch stopped, and what was there to read.

    `communities` are those of the asked ones that the source holds. A source that is finite, as an archive is, says from
    when to when in `extent`, and what of its `files` could not be read or was not asked for.
    """

    reason: StopReason
    communities: tuple[str, ...]
    extent: Window | None = None
    detail: str = ""
    files: list[str] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)
    other_communities: dict[str, int] = field(default_factory=dict)
    covered: dict[str, Covered] | None = None
    capped: tuple[str, ...] = ()


Sink = Callable[[RawItem], None]


class Origin(Protocol):
    """What a capture came from. The same `origin` gives the same items; `retrieved_at` is when the platform was read."""

    @property
    def platform(self) -> str:
        """Name of the platform."""

    @property
    def capture_path(self) -> str:
        """The road the items took: `archive`, `listing`, ..."""

    @property
    def origin(self) -> str:
        """Name that only this reading has, fit for a folder."""

    @property
    def retrieved_at(self) -> datetime:
        """When the platform was read, by its own clock where it has one."""


class Source(Origin, Protocol):
    """A platform whose past can be read window by window."""

    def fetch(self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink) -> Stop:
        """Push every item of the communities written in the window, or ever; times after `now` are not believed."""
