"""Files at any fsspec URI, each line filed under its community and the hour of its own time."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

import fsspec

from market_opinion.core.errors import InvalidRequest, SourceUnavailable, SourceUnreadable
from market_opinion.core.window import EARLIEST, HOUR, Window
from market_opinion.sources import Sink, SourceProfile
from market_opinion.sources.lines import BROKEN, UnclearRows, read_lines
from market_opinion.sources.unpacking import TrailingBytes, Truncated
from market_opinion.storage.format_reference import FormatReference, LineFormats
from market_opinion.storage.landing.origin import FetchResult, RawItem, RefusedFile, StopReason
from market_opinion.storage.line_format import LineFormat


@dataclass(frozen=True)
class FileDescription:
    """Content of a file: lines of one kind, and a community for the lines that name none."""

    kind: str
    community: str | None = None
    encoding: str = "utf-8-sig"
    delimiter: str | None = None


class Files(SourceProfile):
    """A folder of files, or one file.

    `origin` is a hash of the names, sizes and times of the files; `retrieved_at` is the time of the
    newest file. For example::

        super().__init__(
            uri,
            platform="notes",
            capture_path="notes",
            description_of=lambda name: FileDescription("review") if name[0] == "N" else None,
            expected="files named N*",
        )
    """

    # Whether an hour without a line in the files was empty. It was in an archive; exports and sets
    # of reviews may be a selection.
    vouches = False

    def __init__(
        self,
        uri: str,
        *,
        platform: str,
        capture_path: str,
        description_of: Callable[[str], FileDescription | None],
        expected: str,
        formats: tuple[FormatReference, LineFormats] | None = None,
    ) -> None:
        """Find the files that `description_of` recognises by name, for which it returns no None.

        `formats` replaces the formats of the class: the reference for the manifest, and the formats
        that it refers to. Raises SourceUnreadable if no file is recognised; the message says that
        `expected` should be there.
        """
        self.platform, self.capture_path = platform, capture_path
        self._format_reference, self._line_formats = formats or (platform, self.line_formats)
        self._fs, path = fsspec.url_to_fs(uri)
        self._files = [
            (info, description)
            for info in _listing(self._fs, path)
            if (description := description_of(PurePosixPath(info["name"]).name))
        ]
        if not self._files:
            message = f"no {capture_path} at {uri}: expected {expected}"
            raise SourceUnreadable(message)
        listing = [
            (PurePosixPath(f["name"]).name, f["size"], modified_at(f).isoformat())
            for f, _ in self._files
        ]
        self.origin = f"{capture_path}-{hashlib.sha256(repr(listing).encode()).hexdigest()[:12]}"
        self.retrieved_at = max(modified_at(f) for f, _ in self._files)

    @property
    def format_reference(self) -> FormatReference:
        """Reference in a manifest to the format of its lines."""
        return self._format_reference

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """Read every file once, and pass on the lines of the communities, or of all if empty.

        A file that breaks off is read up to the break, and then the reading certifies nothing. A
        line whose time or community cannot be read is filed under the hour of the line before it,
        so that it is landed once whatever windows the files are read in; bronze refuses it there.
        """
        sorter = _Sorter(frozenset(communities), window, latest=now + timedelta(days=1), sink=sink)
        refused = [
            refused_file
            for info, description in self._files
            for refused_file in self._read(info["name"], description, sorter)
        ]
        return FetchResult(
            reason=StopReason.ERROR if refused else StopReason.EXHAUSTED,
            communities=tuple(sorted(sorter.spoken)),
            extent=sorter.extent,
            spoken=None
            if self.vouches
            else {name: sorted(hours) for name, hours in sorter.spoken.items()},
            detail="; ".join(map(_sentence, refused)),
            files=[self._fs.unstrip_protocol(info["name"]) for info, _ in self._files],
            refused=refused,
            other_communities=dict(sorter.other_communities.most_common(20)),
        )

    def _read(
        self, path: str, description: FileDescription, sorter: "_Sorter"
    ) -> Iterator[RefusedFile]:
        """Sort the lines of one file, and yield the file once for each reason to refuse it."""
        uri, line_format = self._fs.unstrip_protocol(path), self._line_formats[description.kind]
        columns = tuple(dict.fromkeys((line_format.created_at, *line_format.item_id)))
        lines = read_lines(
            self._fs,
            path,
            encoding=description.encoding,
            delimiter=description.delimiter,
            wanted=columns,
            is_item=lambda line: line_format.place(line) is not None,
        )
        try:
            sorter.sort(description, line_format, lines)
        except BROKEN as error:
            yield RefusedFile(uri, *_damage(error))
        except SourceUnreadable as error:
            yield RefusedFile(uri, "wrong_columns", str(error))
        except OSError as error:
            message = f"file {uri} could not be read: {error}"
            raise SourceUnavailable(message) from error
        if sorter.finish_file():
            yield RefusedFile(
                uri, "unreadable_file", "not one line has a readable community and time"
            )


def _sentence(refused: RefusedFile) -> str:
    name = PurePosixPath(refused.uri).name
    return refused.detail if refused.detail.startswith(name) else f"{name}: {refused.detail}"


def _damage(error: Exception) -> tuple[str, str]:
    """Return the reason code and the sentence for a file that could not be read to its end."""
    match error:
        case UnclearRows():
            return "unclear_rows", str(error)
        case TrailingBytes():
            return "trailing_bytes", str(error)
        case Truncated() | EOFError():
            return "truncated_file", f"ends in the middle: {error}"
        case _:
            return "damaged_file", f"cannot be unpacked: {error}"


def needed(files: str | None, source: str, what: str) -> str:
    """Return the address of the files; raises InvalidRequest if the run was given none."""
    if not files:
        message = f"source {source} needs the parameter archive: a folder, file or URI with {what}"
        raise InvalidRequest(message)
    return files


def community_name(text: str) -> str:
    """Return the name of a community's folder: lower case letters, digits, dots and dashes."""
    return re.sub(r"[^\w.-]+", "_", text.lower()).strip("_.")


def modified_at(info: dict[str, Any]) -> datetime:
    """Return the time a file was written, on any file system; 1995 if it is unknown."""
    value = (
        info.get("mtime") or info.get("LastModified") or info.get("updated") or info.get("created")
    )
    if isinstance(value, int | float):
        return datetime.fromtimestamp(int(value), UTC)
    return value.astimezone(UTC).replace(microsecond=0) if isinstance(value, datetime) else EARLIEST


class _Sorter:
    """Sorter of lines by community and hour, which passes on the lines that a run asks for."""

    def __init__(
        self, communities: frozenset[str], window: Window | None, *, latest: datetime, sink: Sink
    ) -> None:
        self._communities = communities
        self._window = window
        self._sink = sink
        self._earliest_s = EARLIEST.timestamp()
        self._latest_s = latest.timestamp()
        self._hours: dict[tuple[str, int], tuple[datetime, bool]] = {}
        self._names: dict[str, str] = {}
        self._place: tuple[str, int] | None = None
        self._waiting: list[bytes] = []
        self.other_communities: Counter[str] = Counter()
        self.spoken: dict[str, set[datetime]] = defaultdict(set)
        self.extent: Window | None = None

    def sort(
        self, description: FileDescription, line_format: LineFormat, lines: Iterator[bytes]
    ) -> None:
        """Pass on every line of one file that the run asks for."""
        for line in lines:
            place = self._place_of(line, line_format, description.community)
            if place is None and self._place is None:
                self._waiting.append(line)
                continue
            if self._waiting and place is not None:
                for early in self._waiting:
                    self._hand_on(description.kind, place, early)
                self._waiting.clear()
            self._place = place or self._place
            # One of the two is set here.
            self._hand_on(description.kind, self._place, line)  # type: ignore[arg-type]

    def finish_file(self) -> bool:
        """Forget the file's last place; return whether the file had lines and none has a place."""
        is_unreadable = bool(self._waiting)
        self._place = None
        self._waiting.clear()
        return is_unreadable

    def _place_of(
        self, line: bytes, line_format: LineFormat, community: str | None
    ) -> tuple[str, int] | None:
        """Return a line's community and hour since 1970; None if either is missing or absurd."""
        place = line_format.place(line)
        own_name = place and (place.community or community)
        if place is None or not own_name or not self._earliest_s <= place.seconds < self._latest_s:
            return None
        name = self._names.get(own_name)
        if name is None:
            name = self._names[own_name] = community_name(own_name)
        return (name, int(place.seconds // 3600)) if name else None

    def _hand_on(self, kind: str, place: tuple[str, int], line: bytes) -> None:
        community, hour = place
        if self._communities and community not in self._communities:
            self.other_communities[community] += 1
            return
        if (hour_start := self._hours.get(place)) is None:
            hour_start = self._hours[place] = self._meet(community, hour)
        start, is_wanted = hour_start
        if is_wanted:
            self._sink(RawItem(kind, community, start, line))

    def _meet(self, community: str, hour: int) -> tuple[datetime, bool]:
        """Note a new hour; return its start, and whether the run asks for it."""
        start = datetime.fromtimestamp(hour * 3600, UTC)
        self.spoken[community].add(start)
        extent = self.extent or Window.hour(start)
        self.extent = Window(min(extent.start, start), max(extent.end, start + HOUR))
        return start, self._window is None or start in self._window


def _listing(fs: Any, path: str) -> list[dict[str, Any]]:  # noqa: ANN401, fsspec is untyped
    if not fs.exists(path):
        return []
    infos = fs.find(path, detail=True).values() if fs.isdir(path) else [fs.info(path)]
    return sorted(infos, key=lambda f: PurePosixPath(f["name"]).name)
