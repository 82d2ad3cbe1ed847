"""Origins of captures, and the results of readings."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from market_opinion.core.window import Window
from market_opinion.storage.format_reference import FormatReference


class StopReason(StrEnum):
    """Reason for the end of a fetch; only the first two certify that nothing is missing."""

    PASSED_WINDOW_START = "passed_window_start"
    EXHAUSTED = "exhausted"
    CAP_REACHED = "cap_reached"
    BUDGET = "budget"
    ERROR = "error"

    @property
    def certifies(self) -> bool:
        """Whether nothing of the window is missing."""
        return self in {StopReason.PASSED_WINDOW_START, StopReason.EXHAUSTED}


class CoveredSpan(NamedTuple):
    """A span `[start, end)`, to the second, of which everything visible was seen."""

    start: datetime
    end: datetime


class RawItem(NamedTuple):
    """One line as received; `hour` is the start of the hour of its own time."""

    kind: str
    community: str
    hour: datetime
    line: bytes


@dataclass(frozen=True)
class RefusedFile:
    """A file of a source that could not be read, or not in full, and the reason."""

    uri: str
    reason: str
    detail: str


@dataclass(frozen=True)
class FetchResult:
    """Reason for the end of a fetch, and a description of what was read.

    `communities` are the asked communities that the source has. A finite source, as an archive,
    gives its `extent`, its `files`, the `refused` ones, and the line counts of communities that
    nobody asked for. Where it does not vouch for all hours of its extent, `spoken` has the hours
    with items, by community.
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
    """Return the origin of a material that is read in one of several ways.

    Captures of the same material that were read in another way are withdrawn for this one.
    """
    return f"{origin}{_READ_AS}{hashlib.sha256(how.encode()).hexdigest()[:8]}"


def material_of(origin: str) -> str:
    """Return the name of the material, without the way to read it."""
    return origin.partition(_READ_AS)[0]


class Origin(Protocol):
    """Origin of a capture; equal values of `origin` stand for the same items."""

    @property
    def platform(self) -> str:
        """Name of the platform."""

    @property
    def capture_path(self) -> str:
        """Way of the items to us: `archive`, `listing` and so on."""

    @property
    def origin(self) -> str:
        """Unique name of this reading, fit for a folder."""

    @property
    def retrieved_at(self) -> datetime:
        """Time of the reading, by the platform's clock where it has one."""

    @property
    def format_reference(self) -> FormatReference:
        """The entry of a manifest that names the format of the lines."""


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
        """Unique name of this visit."""
        return f"{self.capture_path}-{self.retrieved_at:%Y%m%dT%H%M%S}-{self.token}"
