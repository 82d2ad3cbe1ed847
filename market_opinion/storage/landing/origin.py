"""Where a capture came from, what one reading gave, and why it ended."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from market_opinion.core.window import Window
from market_opinion.storage.format_reference import FormatReference


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


class CoveredSpan(NamedTuple):
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

    uri: str
    reason: str
    detail: str


@dataclass(frozen=True)
class FetchResult:
    """Why a fetch stopped, and what was there to read.

    `communities` are those of the asked ones that the source holds. A source that is finite, as an archive is, says from
    when to when in `extent`, and what of its `files` could not be read or was not asked for; in `spoken` the hours by community,
    where it does not vouch for the others.
    """

    reason: StopReason
    communities: tuple[str, ...]
    extent: Window | None = None
    spoken: dict[str, list[datetime]] | None = None
    detail: str = ""
    files: list[str] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)
    other_communities: dict[str, int] = field(default_factory=dict)
    covered: dict[str, CoveredSpan] | None = None
    capped: tuple[str, ...] = ()


_READ_AS = ".as-"


def read_as(origin: str, how: str) -> str:
    """The name of the same material when it is read in this way: what was landed of it when it was read otherwise gives way."""
    return f"{origin}{_READ_AS}{hashlib.sha256(how.encode()).hexdigest()[:8]}"


def material_of(origin: str) -> str:
    """The name of what was read, in whatever way."""
    return origin.partition(_READ_AS)[0]


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

    @property
    def format_reference(self) -> FormatReference:
        """What a manifest says of how its lines are read."""


@dataclass(frozen=True)
class Visit:
    """One reading of a community of a live platform, as the origin of a capture."""

    platform: str
    capture_path: str
    retrieved_at: datetime
    format_reference: FormatReference
    token: str = field(default_factory=lambda: secrets.token_hex(3))

    @property
    def origin(self) -> str:
        """Name that only this visit has."""
        return f"{self.capture_path}-{self.retrieved_at:%Y%m%dT%H%M%S}-{self.token}"
