"""Captures whose manifest cannot be read: no stage reads their lines, and nobody deletes them.

What has to go goes from their lines too, read by the format that most of them have.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import zstandard

from market_opinion.core.errors import LandingCorrupt
from market_opinion.core.log import Log
from market_opinion.core.window import Window
from market_opinion.storage.format_reference import FormatReference, line_format_of
from market_opinion.storage.landing.manifest import FILE_STEMS, Content, Manifest
from market_opinion.storage.landing.origin import StopReason
from market_opinion.storage.landing.zone import Landing

Places = tuple[str, Iterable[str], Window | None]
Change = Callable[[Content], tuple[bytes, list[str]]]
_NAME = re.compile(rf"({'|'.join(FILE_STEMS.values())})(?:-\d+)?(?:~\w+)?\.jsonl(?:\.zst)?")
_KINDS = {stem: kind for kind, stem in FILE_STEMS.items()}
# So many lines tell a format.
_LINES_TRIED = 1_000
_UNPACKED_BYTES = 4_096


def rewrite_damaged(landing: Landing, places: Places, change: Change, log: Log) -> None:
    """Replace the lines of captures without a readable manifest by those of `change`.

    `places` are a platform, its communities and a span, or None for all times. A file that cannot
    be unpacked to its end keeps what can be read of it. A second run changes nothing.
    """
    platform = places[0]
    folders = landing.damaged(*places)
    references = _references(landing, platform) if folders else []
    for folder in folders:
        for path in landing.files_below(folder):
            parent, _, name = path.rpartition("/")
            if parent == folder and (match := _NAME.fullmatch(name)):
                _rewrite(landing, path, _KINDS[match[1]], references, change)
        log.warning(
            "the manifest of landed %s cannot be read: its lines stay, without what had to go;"
            " put it back from a copy, or read the hour again",
            folder,
        )


def _rewrite(
    landing: Landing, path: str, kind: str, references: list[FormatReference], change: Change
) -> None:
    packed, is_packed = landing.read_file(path), path.endswith(".zst")
    raw, is_whole = _unpacked(packed) if is_packed else (packed, True)
    lines = raw if raw.endswith(b"\n") or not raw else raw + b"\n"
    manifest = _stand_in(path, _likely(landing, references, kind, lines))
    line_count = lines.count(b"\n")
    content = Content(path, kind, manifest, line_count, lines, landing.formats, is_damaged=True)
    changed, _ = change(content)
    if changed != lines or not is_whole:
        landing.write(path, zstandard.compress(changed) if is_packed else changed)


def _references(landing: Landing, platform: str) -> list[FormatReference]:
    """Return the formats of the platform's readable captures, and those of its source."""
    captures = landing.captures(platform, landing.communities(platform), None)
    known: dict[str, FormatReference] = {platform: platform}
    known |= {repr(each): each for each in (c.manifest.format_reference for c in captures)}
    return list(known.values())


def _likely(
    landing: Landing, references: list[FormatReference], kind: str, lines: bytes
) -> FormatReference:
    """Return the format by which most lines have a time; one that nobody knows if none has."""
    some = lines.split(b"\n")[:_LINES_TRIED]
    best: tuple[int, FormatReference] = (0, {})
    for reference in references:
        try:
            place = line_format_of(reference, kind, landing.formats).place
        except LandingCorrupt:
            continue
        count = sum(place(line) is not None for line in some)
        best = max(best, (count, reference), key=lambda each: each[0])
    return best[1]


def _stand_in(path: str, reference: FormatReference) -> Manifest:
    """Return a manifest that says nothing but place and format."""
    platform, community, *_ = path.split("/")
    never = datetime.min.replace(tzinfo=UTC)
    return Manifest(
        platform=platform,
        community=community,
        window_start=never,
        window_end=never,
        origin="",
        capture_path="",
        stop_reason=StopReason.ERROR,
        stop_detail="",
        retrieved_at=never,
        landed_at=never,
        files=[],
        format_reference=reference,
    )


def _unpacked(packed: bytes) -> tuple[bytes, bool]:
    """Return what can be unpacked of a file, and whether that is all of it."""
    unpack, unpacked = zstandard.ZstdDecompressor().decompressobj(), bytearray()
    try:
        for at in range(0, len(packed), _UNPACKED_BYTES):
            unpacked += unpack.decompress(packed[at : at + _UNPACKED_BYTES])
    except zstandard.ZstdError:
        return bytes(unpacked), False
    return bytes(unpacked), unpack.eof
