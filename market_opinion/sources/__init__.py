"""Where raw items come from. A source pushes the items of a window, in any order, and says why it stopped.

`catalogue` knows them by name. `files` reads what lies somewhere, `web` what a platform's interface gives; `live` lands the latter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol, Self

from market_opinion.core.settings import Settings
from market_opinion.core.window import Window
from market_opinion.domain.definition import Domain
from market_opinion.storage.landing.origin import FetchResult, Origin, RawItem

Sink = Callable[[RawItem], None]


class Pace(Protocol):
    """An allowance of requests."""

    def wait(self) -> None:
        """Return when the next request may be sent."""

    def note_refusal(self) -> None:
        """Remember that a request was refused for its rate."""


@dataclass(frozen=True)
class SourceContext:
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

    Of a live one, `retrieved_at` is its own clock as a reading began, and each `FetchResult` says what it `covered`.
    """

    @classmethod
    def open(cls, opening: SourceContext) -> Self:
        """Ready to be read; raises SettingsInvalid, InvalidRequest or SourceUnreadable that says what is missing."""

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """Push every item of the communities written in the window, or ever; times after `now` are not believed."""
