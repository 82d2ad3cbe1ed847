"""Where raw items come from. A source pushes the items of a window, in any order, and says why it stopped.

`catalogue` knows them by name. `files` reads what lies somewhere, `web` what a platform's interface gives; `live` lands the latter.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple, Protocol, Self

from market_opinion.core.settings import Settings
from market_opinion.core.window import Window
from market_opinion.domain.definition import Domain
from market_opinion.storage.known_formats import Told


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

    uri: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Stop:
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
    covered: dict[str, Covered] | None = None
    capped: tuple[str, ...] = ()


Sink = Callable[[RawItem], None]


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
    def forms(self) -> Told:
        """How its lines are read."""


@dataclass(frozen=True)
class Visit:
    """One reading of a community of a live platform, as the origin of a capture."""

    platform: str
    capture_path: str
    retrieved_at: datetime
    forms: Told
    token: str = field(default_factory=lambda: secrets.token_hex(3))

    @property
    def origin(self) -> str:
        """Name that only this visit has."""
        return f"{self.capture_path}-{self.retrieved_at:%Y%m%dT%H%M%S}-{self.token}"


class Pace(Protocol):
    """An allowance of requests."""

    def wait(self) -> None:
        """Return when the next request may be sent."""

    def note_refusal(self) -> None:
        """Remember that a request was refused for its rate."""


@dataclass(frozen=True)
class Opening:
    """What a source may need to be opened: where its files are and what maps them, or an allowance by account and requests a minute."""

    settings: Settings
    domain: Domain
    pace: Callable[[str, int], Pace]
    files: str | None = None
    mapping: str | None = None


class Listed(Protocol):
    """What is known of a source before it is opened.

    A live one has no end. `kinds` are the kinds of item that an hour has to be complete in, `access` is what a person has
    to have to read it.
    """

    is_live: ClassVar[bool]
    kinds: ClassVar[tuple[str, ...]]
    access: ClassVar[str]

    @classmethod
    def platform_of(cls, domain: Domain, mapping: str | None) -> str:
        """Whose items these are."""


class Source(Listed, Origin, Protocol):
    """A platform whose past can be read window by window.

    Of a live one, `retrieved_at` is its own clock as a reading began, and each `Stop` says what it `covered`.
    """

    @classmethod
    def open(cls, opening: Opening) -> Self:
        """Ready to be read; raises SettingsInvalid, InvalidRequest or SourceUnreadable that says what is missing."""

    def fetch(self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink) -> Stop:
        """Push every item of the communities written in the window, or ever; times after `now` are not believed."""
