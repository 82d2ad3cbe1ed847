"""Reddit archives: `RC*` and `RS*` files of one JSON object a line, plain, `.gz` or `.zst`, streamed and never held whole."""

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

import fsspec
import msgspec
import zstandard

from market_opinion.errors import SourceUnavailable, SourceUnreadable
from market_opinion.sources import RawItem, RefusedFile, Sink, Stop, StopReason
from market_opinion.window import EARLIEST, HOUR, Window

_CHUNK_BYTES = 262_144
_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".zst", ".gz")
_KINDS = {"RC": "comment", "RS": "submission"}


class _Header(msgspec.Struct):
    """The two fields that say where a line belongs; old dumps write the time as text."""

    subreddit: str
    created_utc: float | str


class _Truncated(Exception):
    """The file ends in the middle of its compression."""


PLATFORM = "reddit"


class Archive:
    """A folder or file of a Reddit archive, at any fsspec URI.

    `origin` hashes the names, sizes and times of the files; `retrieved_at` is when the newest of them was written.
    """

    capture_path = "archive"

    def __init__(self, uri: str, *, platform: str = PLATFORM) -> None:
        """Find the archive's files; raises SourceUnreadable when there is none."""
        self.platform = platform
        self._fs, path = fsspec.url_to_fs(uri)
        self._files = _archive_files(self._fs, path)
        if not self._files:
            message = f"no archive at {uri}: expected files named RC* or RS* ending in {', '.join(_SUFFIXES[:3])}"
            raise SourceUnreadable(message)
        listing = [(PurePosixPath(f["name"]).name, f["size"], _modified(f).isoformat()) for f in self._files]
        self.file_names = [name for name, _, _ in listing]
        self.origin = f"{self.capture_path}-{hashlib.sha256(repr(listing).encode()).hexdigest()[:12]}"
        self.retrieved_at = max(_modified(f) for f in self._files)

    def fetch(self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink) -> Stop:
        """One pass over every file. A file that breaks off is read as far as it goes, and nothing is certified.

        A line whose time or community cannot be read belongs to the hour of the line before it, so that it is
        landed once however the archive is cut into windows; bronze refuses it there.
        """
        sorter = _Sorter(frozenset(communities), window, latest=now + timedelta(days=1), sink=sink)
        refused = []
        for file in self._files:
            name = PurePosixPath(file["name"]).name
            try:
                sorter.sort(_KINDS[name[:2].upper()], _lines(self._fs, file["name"]))
            except (_Truncated, zstandard.ZstdError, zlib.error, EOFError) as error:
                refused.append(RefusedFile(name, "truncated_file", f"ends or breaks in the middle: {error}"))
            except OSError as error:
                message = f"archive file {name} could not be read: {error}"
                raise SourceUnavailable(message) from error
            if sorter.finish_file():
                refused.append(RefusedFile(name, "unreadable_file", "not one line has a readable community and time"))
        return Stop(
            reason=StopReason.ERROR if refused else StopReason.EXHAUSTED,
            communities=tuple(sorted(sorter.found)),
            extent=sorter.extent,
            detail="; ".join(f"{r.name}: {r.detail}" for r in refused),
            files=self.file_names,
            refused=refused,
            other_communities=dict(sorter.other_communities.most_common(20)),
        )


class _Sorter:
    """Files lines under community and hour, and hands on those that are wanted."""

    def __init__(self, communities: frozenset[str], window: Window | None, *, latest: datetime, sink: Sink) -> None:
        self._communities = communities
        self._window = window
        self._sink = sink
        self._earliest_s = EARLIEST.timestamp()
        self._latest_s = latest.timestamp()
        self._decode = msgspec.json.Decoder(_Header).decode
        self._hours: dict[int, tuple[datetime, bool]] = {}
        self._place: tuple[str, int] | None = None
        self._waiting: list[bytes] = []
        self.other_communities: Counter[str] = Counter()
        self.found: set[str] = set()
        self.extent: Window | None = None

    def sort(self, kind: str, lines: Iterator[bytes]) -> None:
        """Hand on every wanted line of one file."""
        for line in lines:
            place = self._place_of(line)
            if place is None and self._place is None:
                self._waiting.append(line)
                continue
            if self._waiting and place is not None:
                for early in self._waiting:
                    self._hand_on(kind, place, early)
                self._waiting.clear()
            self._place = place or self._place
            self._hand_on(kind, self._place, line)  # type: ignore[arg-type]  # one of the two is set here

    def finish_file(self) -> bool:
        """Forget the file's last place; whether the file had lines and not one could be placed."""
        is_unreadable = bool(self._waiting)
        self._place = None
        self._waiting.clear()
        return is_unreadable

    def _place_of(self, line: bytes) -> tuple[str, int] | None:
        """Community in lower case and hour since 1970; None when one cannot be read or believed."""
        try:
            header = self._decode(line)
            created = float(header.created_utc)
        except (msgspec.DecodeError, ValueError, UnicodeDecodeError):
            return None
        if not self._earliest_s <= created < self._latest_s or not header.subreddit:
            return None
        return header.subreddit.lower(), int(created // 3600)

    def _hand_on(self, kind: str, place: tuple[str, int], line: bytes) -> None:
        community, hour = place
        if community not in self._communities:
            self.other_communities[community] += 1
            return
        if (known := self._hours.get(hour)) is None:
            known = self._hours[hour] = self._meet(hour)
        self.found.add(community)
        start, is_wanted = known
        if is_wanted:
            self._sink(RawItem(kind, community, start, line))

    def _meet(self, hour: int) -> tuple[datetime, bool]:
        """The hour's start, and whether it is wanted; widens the extent."""
        start = datetime.fromtimestamp(hour * 3600, UTC)
        extent = self.extent or Window.hour(start)
        self.extent = Window(min(extent.start, start), max(extent.end, start + HOUR))
        return start, self._window is None or start in self._window


def _archive_files(fs: Any, path: str) -> list[dict[str, Any]]:  # noqa: ANN401, fsspec is untyped
    if not fs.exists(path):
        return []
    found = fs.find(path, detail=True).values() if fs.isdir(path) else [fs.info(path)]
    named = [f for f in found if PurePosixPath(f["name"]).name[:2].upper() in _KINDS and f["name"].endswith(_SUFFIXES)]
    return sorted(named, key=lambda f: PurePosixPath(f["name"]).name)


def _modified(info: dict[str, Any]) -> datetime:
    """When a file was written, on whatever file system; 1995 where it does not say."""
    value = info.get("mtime") or info.get("LastModified") or info.get("updated") or info.get("created")
    if isinstance(value, int | float):
        return datetime.fromtimestamp(int(value), UTC)
    return value.astimezone(UTC).replace(microsecond=0) if isinstance(value, datetime) else EARLIEST


def _lines(fs: Any, path: str) -> Iterator[bytes]:  # noqa: ANN401, fsspec is untyped
    """Lines without their end; blank ones are no lines. Whole lines before a break are yielded before the error."""
    rest = b""
    with fs.open(path, "rb") as file:
        for chunk in _inflated(lambda: file.read(_CHUNK_BYTES), _FRAMES.get(PurePosixPath(path).suffix)):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line for line in whole if line.strip())
        if rest.strip():
            yield rest


def _zstd_frame() -> Any:  # noqa: ANN401, of a C extension
    # The dumps are packed with a window of 2 GiB (`zstd --long=31`), which the library refuses unless told.
    return zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj()


def _gzip_member() -> Any:  # noqa: ANN401, of a C extension
    return zlib.decompressobj(wbits=31)


_FRAMES: dict[str, Callable[[], Any]] = {".zst": _zstd_frame, ".gz": _gzip_member}


def _inflated(read: Callable[[], bytes], frame: Callable[[], Any] | None) -> Iterator[bytes]:
    """What is read, unpacked frame by frame; plain where there are no frames."""
    current: Any = frame() if frame else None
    is_open = False
    while chunk := read():
        while chunk:
            yield current.decompress(chunk) if current else chunk
            is_open, chunk = current is not None, b""
            if frame and current.eof:
                chunk, current, is_open = current.unused_data, frame(), False
    if is_open:
        message = "the last frame has no end"
        raise _Truncated(message)
