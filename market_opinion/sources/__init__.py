"""Sources of raw items: each reads the items of a window and reports why it stopped.

Reading order: this module for the contract of a source, `catalogue` for the sources by name,
`files` for sources that read files, `web` and `windowed` for sources that call a platform's API,
`inbox_files` and `topics` for files and messages that arrive by themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar, Literal, NamedTuple, Protocol, Self

from market_opinion.core.markup import Markup
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.settings import Settings
from market_opinion.core.window import Window
from market_opinion.domain.definition import Domain
from market_opinion.storage.format_reference import FormatReference, LineFormats
from market_opinion.storage.landing.origin import FetchResult, Origin, RawItem

Sink = Callable[[RawItem], None]


class Pace(Protocol):
    """An allowance of requests."""

    def wait(self) -> None:
        """Block until the next request may be sent."""

    def note_refusal(self) -> None:
        """Record that the platform refused a request because too many were sent."""

    def note_left(self, count: int) -> None:
        """Record how many more requests the platform says that it allows."""

    def refusal_count(self) -> int:
        """Return how many requests the platform refused lately."""


PaceOf = Callable[[str, int], Pace]
"""Takes an account and its requests a minute, and returns their allowance."""


@dataclass(frozen=True)
class SourceContext:
    """Everything a source may need to be opened.

    `pace` takes an account and its requests a minute, and returns their allowance. `files` is the
    folder, file or URI that the run reads; `mapping` names the section `[files.NAME]` of
    `domain.toml` that maps its columns. For example::

        settings = context.settings.group(NotesSettings)
        pace = context.pace(settings.token.get_secret_value(), settings.requests_per_minute)
    """

    settings: Settings
    domain: Domain
    pace: PaceOf
    files: str | None = None
    mapping: str | None = None


class DoctorLine(NamedTuple):
    """State of a source as `doctor` shows it; `off` means not set up, which is no fault."""

    state: Literal["ok", "off", "bad"]
    text: str


class SourceProfile:
    """Facts about a source that are known before it is opened; the base class of every source.

    For example::

        class Notes(SourceProfile):
            platform, kinds = "notes", ("review",)
            access, reads = "a token of your server", "notes that people leave"
            line_formats = {"review": LineFormat(item_id="id", created_at="at", body="text")}
            item_address = "https://notes.example/{item_id}"
            settings_group = NotesSettings

            # then the members of `Source`: open, fetch, capture_path, origin and retrieved_at

    docs/sources.md shows the whole class.
    """

    # The name of the platform; empty if only the opened source knows it.
    platform: str = ""
    # Whether items keep coming and there is no first hour, so that a run needs a window.
    is_live: ClassVar[bool] = False
    # The kinds of item that must all have been read before an hour counts as complete.
    kinds: ClassVar[tuple[str, ...]]
    # Two cells of the README's table: what the source reads, and what a person needs to read it.
    reads: ClassVar[str] = ""
    access: ClassVar[str]
    # The format of the platform's lines for each kind of item; empty if the run supplies it.
    line_formats: ClassVar[LineFormats] = MappingProxyType({})
    # Templates of the addresses of items. They use ids only, since an address as received may hold
    # words of a title or a user's name. Without a `comment_address`, comments use `item_address`.
    item_address: ClassVar[str | None] = None
    comment_address: ClassVar[str | None] = None
    # The markup in which people write there, which cleaning takes out; none for plain text.
    markup: ClassVar[tuple[Markup, ...]] = ()
    # The settings of the source; its secrets are the fields of type SecretStr.
    settings_group: ClassVar[type[SettingsGroup] | None] = None

    @property
    def format_reference(self) -> FormatReference:
        """Reference in a manifest to the format of its lines: the platform's name."""
        return self.platform

    @classmethod
    def platform_of(cls, _domain: Domain, _mapping: str | None) -> str:
        """Return the platform that a run with this domain and mapping would read."""
        return cls.platform

    @classmethod
    def preset_communities(cls, _settings: Settings) -> tuple[str, ...]:
        """Return the communities of a run that names none; empty for those of its domain."""
        return ()

    @classmethod
    def secrets(cls) -> dict[str, str]:
        """Return the secrets that an account keeps one by one: descriptions by variable."""
        return cls.settings_group.secrets() if cls.settings_group else {}

    @classmethod
    def doctor_line(cls, settings: Settings, _pace: PaceOf) -> DoctorLine | None:
        """Return whether the secrets are set; None for a source without settings.

        Sends no request to the platform, since some count every one.
        """
        if cls.settings_group is None:
            return None
        if not (variables := cls.secrets()):
            return DoctorLine("ok", "needs no key")
        if missing := settings.group(cls.settings_group).missing_secrets():
            return DoctorLine("off", f"{', '.join(missing)} is not set: {cls.access}")
        return DoctorLine("ok", f"{', '.join(variables)} is set")


class Source(Origin, Protocol):
    """An opened source, which can be read window by window.

    A live source reports the platform's time at the start of the reading as `retrieved_at`, and
    the spans that it `covered` in each `FetchResult`.
    """

    is_live: ClassVar[bool]
    kinds: ClassVar[tuple[str, ...]]

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the source, ready to be read.

        Raises SettingsInvalid, InvalidRequest or SourceUnreadable with a message that names what
        is missing.
        """

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """Pass every item of the communities in the window to `sink`, in any order.

        Without a window, pass the items of all time. An item whose time is after `now` is not
        filed by that time, which must be wrong. For example::

            for line in lines:
                place = self.line_formats["review"].place(line)
                hour = floor_hour(datetime.fromtimestamp(place.seconds, UTC))
                if place.community in communities and hour in window:
                    sink(RawItem("review", place.community, hour, line))
            return FetchResult(StopReason.EXHAUSTED, communities, extent=window)
        """
