"""Where raw items come from: a source pushes the items of a window and says why it stopped.

Reading order: this module for what a source has to bring, `catalogue` for the sources by name,
`files` for those that read files, `web` and `windowed` for those that ask a platform's interface,
`inbox_files` and `topics` for what arrives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar, Literal, NamedTuple, Protocol, Self

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
        """Return when the next request may be sent."""

    def note_refusal(self) -> None:
        """Record that a request was refused for its rate."""


@dataclass(frozen=True)
class SourceContext:
    """Everything a source may need to be opened.

    `pace` returns the allowance of an account for a number of requests a minute. `files` is where
    the files of a run are, `mapping` the section of `domain.toml` that maps their columns.
    """

    settings: Settings
    domain: Domain
    pace: Callable[[str, int], Pace]
    files: str | None = None
    mapping: str | None = None


class DoctorLine(NamedTuple):
    """The state of a source for `doctor`; `off` is a source that is not set up, and need not be."""

    state: Literal["ok", "off", "bad"]
    text: str


class SourceProfile:
    """Everything a source says of itself before it is opened; every source derives from it.

    For example::

        class Notes(SourceProfile):
            platform, kinds = "notes", ("review",)
            access, reads = "a token of your server", "notes that people left"
            line_formats = {"review": LineFormat(item_id="id", created_at="at", body="text")}
            item_address = "https://notes.example/{item_id}"
            settings_group = NotesSettings

            # then what `Source` asks for: open, fetch, capture_path, origin and retrieved_at
    """

    # The name of the platform; empty where only the opened source knows it.
    platform: str = ""
    # Whether the platform goes on and has no first hour, so that a run needs a window.
    is_live: ClassVar[bool] = False
    # The kinds of item that an hour has to be complete in.
    kinds: ClassVar[tuple[str, ...]]
    # Two cells of the README's table: what the source reads, and what a person needs to read it.
    reads: ClassVar[str] = ""
    access: ClassVar[str]
    # The format of the platform's lines for each kind of item, where this source brings it.
    line_formats: ClassVar[LineFormats] = MappingProxyType({})
    # The addresses of items by their ids alone, since a received address may hold words of a title
    # or a user's name; comments have that of other items unless they have their own.
    item_address: ClassVar[str | None] = None
    comment_address: ClassVar[str | None] = None
    # The settings of the source; a field that is a SecretStr is a secret.
    settings_group: ClassVar[type[SettingsGroup] | None] = None

    @property
    def format_reference(self) -> FormatReference:
        """The entry of a manifest that says how lines are read: the platform's name."""
        return self.platform

    @classmethod
    def platform_of(cls, _domain: Domain, _mapping: str | None) -> str:
        """Return the platform whose items a run would read."""
        return cls.platform

    @classmethod
    def doctor_line(cls, settings: Settings) -> DoctorLine | None:
        """Return whether the secrets are set; None for a source without settings.

        The platform is not asked.
        """
        if cls.settings_group is None:
            return None
        if not (variables := cls.settings_group.secrets()):
            return DoctorLine("ok", "needs no key")
        if missing := settings.group(cls.settings_group).missing_secrets():
            return DoctorLine("off", f"{', '.join(missing)} is not set: {cls.access}")
        return DoctorLine("ok", f"{', '.join(variables)} is set")


class Source(Origin, Protocol):
    """An opened source, whose past can be read window by window.

    `retrieved_at` of a live source is the platform's clock as a reading began, and each of its
    `FetchResult` has the spans it `covered`.
    """

    is_live: ClassVar[bool]
    kinds: ClassVar[tuple[str, ...]]

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the source, ready to be read.

        Raises SettingsInvalid, InvalidRequest or SourceUnreadable that says what is missing.
        """

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """Push every item that the communities wrote in the window, or ever.

        Items come in any order; times after `now` are not believed.
        """
