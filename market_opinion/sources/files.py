"""Files at any fsspec URI, each line filed under its community and the hour of its own time."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Self

from market_opinion.core.errors import InvalidRequest, SourceUnavailable, SourceUnreadable
from market_opinion.core.settings import Settings
from market_opinion.core.visible import shown_uri, visible
from market_opinion.core.window import EARLIEST, Window
from market_opinion.sources import Sink, SourceProfile
from market_opinion.sources.file_limits import DEFAULT_LIMITS, FileLimits
from market_opinion.sources.line_sorter import LineSorter
from market_opinion.sources.lines import BROKEN, Columns, TextLayout, UnclearRows, read_lines
from market_opinion.sources.unpacking import TrailingBytes, Truncated, UnpacksTooMuch
from market_opinion.storage.file_system import open_place
from market_opinion.storage.format_reference import FormatReference, LineFormats
from market_opinion.storage.landing.origin import FetchResult, RefusedFile, StopReason


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
    limits = DEFAULT_LIMITS

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
        self._fs, path = open_place(uri)
        self._files = [
            (info, description)
            for info in _listing(self._fs, path)
            if (description := description_of(PurePosixPath(info["name"]).name))
        ]
        if not self._files:
            message = f"no {capture_path} at {shown_uri(uri)}: expected {expected}"
            raise SourceUnreadable(message)
        listing = [
            (PurePosixPath(f["name"]).name, f["size"], modified_at(f).isoformat())
            for f, _ in self._files
        ]
        self.origin = f"{capture_path}-{hashlib.sha256(repr(listing).encode()).hexdigest()[:12]}"
        self.retrieved_at = max(modified_at(f) for f, _ in self._files)

    def limited_by(self, settings: Settings) -> Self:
        """Set the limits of a file to those of the settings, and return the files."""
        self.limits = FileLimits.of(settings)
        return self

    @property
    def format_reference(self) -> FormatReference:
        """Reference in a manifest to the format of its lines."""
        return self._format_reference

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """Read every file once, and pass on the lines of the communities, or of all if empty.

        A file that breaks off is read up to the break, and then the reading certifies nothing, and
        neither does one of which lines beyond the limits were left out. A line whose time or
        community cannot be read is filed under the hour of the line before it, so that it is landed
        once whatever windows the files are read in; bronze refuses it there.
        """
        latest = now + timedelta(days=1)
        sorter = LineSorter(
            frozenset(communities), window, latest=latest, sink=sink, limits=self.limits
        )
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
            files=[self._uri(info["name"]) for info, _ in self._files],
            refused=refused,
            other_communities=dict(sorter.other_communities.most_common(20)),
        )

    def _uri(self, path: str) -> str:
        """Return the address of a file, as it may be kept and shown."""
        return shown_uri(self._fs.unstrip_protocol(path))

    def _read(
        self, path: str, description: FileDescription, sorter: LineSorter
    ) -> Iterator[RefusedFile]:
        """Sort the lines of one file, and yield the file once for each reason to refuse it."""
        uri, line_format = self._uri(path), self._line_formats[description.kind]
        columns = Columns(
            wanted=tuple(dict.fromkeys((line_format.created_at, *line_format.item_id))),
            read=(*line_format.identity_paths, *line_format.content_paths),
        )
        lines = read_lines(
            self._fs,
            path,
            layout=TextLayout(description.encoding, description.delimiter),
            columns=columns,
            is_item=lambda line: line_format.place(line) is not None,
            limits=self.limits,
        )
        try:
            sorter.sort(description.kind, description.community, line_format, lines)
        except BROKEN as error:
            yield RefusedFile(uri, *_damage(error))
        except SourceUnreadable as error:
            yield RefusedFile(uri, "wrong_columns", str(error))
        except OSError as error:
            message = f"file {uri} could not be read: {visible(str(error))}"
            raise SourceUnavailable(message) from error
        yield from (RefusedFile(uri, *problem) for problem in sorter.finish_file())


def _sentence(refused: RefusedFile) -> str:
    name = PurePosixPath(refused.uri).name
    is_named = refused.detail.startswith(name)
    return visible(refused.detail if is_named else f"{name}: {refused.detail}")


def _damage(error: Exception) -> tuple[str, str]:
    """Return the reason code and the sentence for a file that could not be read to its end."""
    match error:
        case UnclearRows():
            return "unclear_rows", str(error)
        case UnpacksTooMuch():
            return "unpacks_too_much", str(error)
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


def modified_at(info: dict[str, Any]) -> datetime:
    """Return the time a file was written, on any file system; 1995 if it is unknown."""
    value = (
        info.get("mtime") or info.get("LastModified") or info.get("updated") or info.get("created")
    )
    if isinstance(value, int | float):
        return datetime.fromtimestamp(int(value), UTC)
    return value.astimezone(UTC).replace(microsecond=0) if isinstance(value, datetime) else EARLIEST


def _listing(fs: Any, path: str) -> list[dict[str, Any]]:  # noqa: ANN401, fsspec is untyped
    if not fs.exists(path):
        return []
    infos = fs.find(path, detail=True).values() if fs.isdir(path) else [fs.info(path)]
    return sorted(infos, key=lambda f: PurePosixPath(f["name"]).name)
