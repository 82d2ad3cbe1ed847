"""Manifests of captures, and surveys of finite origins."""

from datetime import datetime

import msgspec

from market_opinion.core.window import Window
from market_opinion.storage.format_reference import (
    FormatLookup,
    FormatReference,
    line_format_of,
    no_formats,
)
from market_opinion.storage.landing.origin import CoveredSpan, StopReason
from market_opinion.storage.line_format import LineFormat

MANIFEST = "manifest.json"
# The beginnings of the names of landed files, by kind of item.
FILE_STEMS = {"submission": "submissions", "comment": "comments", "review": "reviews"}


class LandedFile(msgspec.Struct, frozen=True):
    """One file of a capture; `bytes` and `sha256` are of the file as it is stored."""

    name: str
    kind: str
    lines: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, rename={"format_reference": "forms"}):
    """Description of one capture of one window; its last fields are those of FetchResult.

    A withdrawn capture has no files any more; `withdrawn_for` names the origin that has the same
    material.
    """

    platform: str
    community: str
    window_start: datetime
    window_end: datetime
    origin: str
    capture_path: str
    stop_reason: StopReason
    stop_detail: str
    retrieved_at: datetime
    landed_at: datetime
    files: list[LandedFile]
    covered: dict[str, CoveredSpan] | None = None
    capped: tuple[str, ...] = ()
    format_reference: FormatReference = "reddit"
    withdrawn_for: str | None = None

    @property
    def window(self) -> Window:
        """The window as a span."""
        return Window(self.window_start, self.window_end)

    def lines(self, kind: str | None = None) -> int:
        """Return the number of landed lines of a kind, or of all kinds."""
        return sum(file.lines for file in self.files if kind in {None, file.kind})


class Survey(msgspec.Struct, frozen=True):
    """Result of one pass over a finite origin: the `asked` communities that it has, and its extent.

    `spoken` are the starts of the hours that have items, by community; without it the origin
    vouches for every hour of its extent.
    """

    asked: tuple[str, ...]
    communities: tuple[str, ...]
    start: datetime
    end: datetime
    spoken: dict[str, list[datetime]] | None = None

    @property
    def window(self) -> Window:
        """The extent as a span."""
        return Window(self.start, self.end)

    def hours(self, community: str, window: Window | None) -> list[Window]:
        """Return the hours of a community for which the origin vouches, within the window."""
        window = window or self.window
        if self.spoken is None:
            return list(window.hours())
        return [Window.hour(start) for start in self.spoken.get(community, ()) if start in window]


class Capture(msgspec.Struct, frozen=True):
    """A manifest and its folder below the landing zone."""

    folder: str
    manifest: Manifest


class Content(msgspec.Struct, frozen=True):
    """Uncompressed content of one landed file: `line_count` lines, each with its end.

    That of a damaged capture has a manifest that only stands in for one that cannot be read.
    """

    uri: str
    kind: str
    manifest: Manifest
    line_count: int
    raw: bytes
    formats: FormatLookup = no_formats
    is_damaged: bool = False

    @property
    def line_format(self) -> LineFormat:
        """The format of the file's lines; raises LandingCorrupt for an unknown format."""
        return line_format_of(self.manifest.format_reference, self.kind, self.formats)
