"""A landing zone at any fsspec URI."""

import hashlib
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import zstandard
from fsspec.implementations.local import LocalFileSystem

from market_opinion.core.errors import InvalidRequest, LandingCorrupt
from market_opinion.core.visible import visible
from market_opinion.core.window import Window
from market_opinion.storage.file_age import IN_FLIGHT, changed_at
from market_opinion.storage.file_system import open_place
from market_opinion.storage.format_reference import FormatLookup, no_formats
from market_opinion.storage.landing.manifest import (
    MANIFEST,
    Capture,
    Content,
    LandedFile,
    Manifest,
    Survey,
)
from market_opinion.storage.landing.origin import material_of

_HOURS_LISTED_MAX, _DATES_LISTED_MAX = 6, 200
# The ending of a file that is being written, and gets its name when it is whole.
PART = ".part"
_STEPS_OUT = frozenset({".", ".."})


class Landing:
    """Captures below one URI; only those with a manifest count."""

    def __init__(
        self,
        uri: str,
        *,
        formats: FormatLookup = no_formats,
        compression: str | None = None,
        max_bytes: int = 64_000_000,
    ) -> None:
        """Use the folder at the URI; the first write creates it.

        `formats` returns the formats of a platform; a zone whose lines are never read needs none.
        """
        self._fs, root = open_place(uri)
        self._root = root.rstrip("/")
        self.formats = formats
        # Folders whose manifest could not be read when captures were looked for.
        self.unreadable: set[str] = set()
        self.suffix = ".jsonl.zst" if compression else ".jsonl"
        self.max_bytes = max_bytes

    def captures(
        self, platform: str, communities: Iterable[str], window: Window | None
    ) -> list[Capture]:
        """Return every finished capture of the window's hours, or of all, oldest hour first.

        One whose manifest cannot be read is left out, see `damaged`.
        """
        folders = [
            f"{platform}/{community}/{below}".rstrip("/")
            for community in communities
            for below in _folders(window)
        ]
        manifests = [
            path
            for folder in folders
            for path in self.files_below(folder)
            if path.endswith(f"/{MANIFEST}")
            if window is None or (hour := _hour_of(path)) is None or hour in window
        ]
        contents = (
            self._fs.cat([self._path(path) for path in manifests], on_error="raise")
            if manifests
            else {}
        )
        captures = []
        for path in manifests:
            try:
                manifest = msgspec.json.decode(contents[self._path(path)], type=Manifest)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.unreadable.add(path.removesuffix(f"/{MANIFEST}"))
                continue
            if window is None or manifest.window_start in window:
                captures.append(Capture(path.removesuffix(f"/{MANIFEST}"), manifest))
        return sorted(
            captures, key=lambda c: (c.manifest.window_start, c.manifest.community, c.folder)
        )

    def damaged(
        self, platform: str, communities: Iterable[str], window: Window | None
    ) -> list[str]:
        """Return the folders of the window's hours, or of all, whose manifest cannot be read."""
        names = set(communities)
        self.captures(platform, names, window)
        return self._met_damaged(platform, names, window)

    def damaged_hours(
        self, platform: str, communities: Iterable[str], window: Window
    ) -> dict[tuple[str, datetime], str]:
        """Return each community and hour of the window with a damaged folder, and the folder.

        Those count that `captures` of this zone met; it is not read again.
        """
        folders = self._met_damaged(platform, set(communities), window)
        return {
            (folder.split("/")[1], hour): folder for folder in folders if (hour := _hour_of(folder))
        }

    def _met_damaged(
        self, platform: str, communities: set[str], window: Window | None
    ) -> list[str]:
        return [
            folder
            for folder in sorted(self.unreadable)
            for of, community, *_ in [folder.split("/")]
            if of == platform and community in communities
            if window is None or ((hour := _hour_of(folder)) and hour in window)
        ]

    def communities(self, platform: str) -> list[str]:
        """Return every community of the platform that has captures, in alphabetical order."""
        try:
            folders = self._fs.ls(self._path(platform), detail=False)
        except FileNotFoundError:
            return []
        names = (path.rstrip("/").rpartition("/")[2] for path in folders)
        return sorted(name for name in names if not name.startswith("_"))

    def survey(self, platform: str, origin: str, asked: tuple[str, ...]) -> Survey | None:
        """Return the survey of an earlier pass for the same communities; None without one."""
        try:
            survey = msgspec.json.decode(
                self.read_file(_survey_path(platform, origin)), type=Survey
            )
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return survey if survey.asked == asked else None

    def put_survey(self, platform: str, origin: str, survey: Survey) -> None:
        """Write the survey of a pass, so that a rerun need not read the origin again."""
        self.write(_survey_path(platform, origin), msgspec.json.encode(survey))

    def begin(self, platform: str, origin: str) -> list[str]:
        """Note that an origin is about to be read.

        Returns the other origins under which the same material was read before.
        """
        if material_of(origin) == origin:
            return []
        folder = f"{platform}/_readings/{material_of(origin)}"
        origins = {path.rpartition("/")[2] for path in self.files_below(folder)}
        if origin not in origins:
            self.write(f"{folder}/{origin}", b"")
        return sorted(origins - {origin})

    def files_below(self, folder: str) -> list[str]:
        """Return the paths, below the zone, of all files in a folder and its sub-folders.

        What somebody is about to write is none yet.
        """
        return [path for path in self._all_below(folder) if not path.endswith(PART)]

    def read(self, capture: Capture) -> Iterator[Content]:
        """Yield the files of a capture; raises LandingCorrupt for a file that has changed."""
        for file in capture.manifest.files:
            uri = f"{capture.folder}/{file.name}"
            try:
                content = self._fs.cat_file(self._path(uri))
            except FileNotFoundError:
                content = b""
            if len(content) != file.bytes or hashlib.sha256(content).hexdigest() != file.sha256:
                message = (
                    f"landed file {uri} differs from its manifest: remove its folder and run"
                    f" {capture.manifest.window} again"
                )
                raise LandingCorrupt(message)
            raw = zstandard.decompress(content) if file.name.endswith(".zst") else content
            yield Content(uri, file.kind, capture.manifest, file.lines, raw, self.formats)

    def rewrite(
        self, capture: Capture, change: Callable[[Content], tuple[bytes, list[str]]]
    ) -> list[str]:
        """Replace each file's content by that of `change`; return the ids that `change` returns.

        New files are written first, then the manifest that names them; then the old files are
        deleted. A run that is cut off leaves the capture whole, in its old or new state, and a
        second run finishes.
        """
        touched: list[str] = []
        files = []
        for file, content in zip(capture.manifest.files, self.read(capture), strict=True):
            raw, ids = change(content)
            if not ids and raw == content.raw:
                files.append(file)
                continue
            touched += ids
            packed = zstandard.compress(raw) if file.name.endswith(".zst") else raw
            sha256 = hashlib.sha256(packed).hexdigest()
            stem, _, ending = file.name.partition(".")
            name = f"{stem.partition('~')[0]}~{sha256[:8]}.{ending}"
            self.write(f"{capture.folder}/{name}", packed)
            files.append(LandedFile(name, file.kind, file.lines, len(packed), sha256))
        if files != capture.manifest.files:
            manifest = msgspec.structs.replace(capture.manifest, files=files)
            self.write(
                f"{capture.folder}/{MANIFEST}", msgspec.json.format(msgspec.json.encode(manifest))
            )
        self._leave(capture.folder, {file.name for file in files})
        return touched

    def erase_strays(
        self, platform: str, communities: Iterable[str], window: Window | None
    ) -> list[str]:
        """Delete files of the window's hours that no manifest names, once they are a day old.

        A writer that was cut off left them. Returns the younger ones, which their writer may be
        about to name. Files beside a manifest that cannot be read stay: one of them may be named.
        """
        found: dict[str, Mapping[str, object]] = {}
        for community in communities:
            for below in _folders(window):
                folder = self._path(f"{platform}/{community}/{below}".rstrip("/"))
                found |= self._fs.find(folder, detail=True)
        return self._erase_strays(found)

    def erase_these_strays(self, paths: Iterable[str]) -> list[str]:
        """Do the same for these files alone, as far as they are there and without a manifest."""
        found: dict[str, Mapping[str, object]] = {}
        for path in paths:
            for each in (path, f"{path.rpartition('/')[0]}/{MANIFEST}"):
                with suppress(FileNotFoundError):
                    found[self._path(each)] = self._fs.info(self._path(each))
        return self._erase_strays(found)

    def exist(self, paths: Iterable[str]) -> bool:
        """Return whether one of these files is there."""
        return any(self._fs.exists(self._path(path)) for path in paths)

    def _erase_strays(self, found: dict[str, Mapping[str, object]]) -> list[str]:
        manifests = [path for path in found if path.endswith(f"/{MANIFEST}")]
        contents = self._fs.cat(manifests, on_error="raise") if manifests else {}
        for path, content in contents.items():
            folder = path.rpartition("/")[0]
            try:
                files = msgspec.json.decode(content, type=Manifest).files
                names = [f"{folder}/{file.name}" for file in files]
            except (msgspec.DecodeError, UnicodeDecodeError):
                names = [each for each in found if each.rpartition("/")[0] == folder]
            for each in (path, *names):
                found.pop(each, None)
        old = datetime.now(UTC) - IN_FLIGHT
        strays = [path for path, info in found.items() if changed_at(info) < old]
        for path in strays:
            self._fs.rm_file(path)
        return [path.removeprefix(f"{self._root}/") for path in sorted(found.keys() - {*strays})]

    def withdraw(self, capture: Capture, origin: str) -> None:
        """Remove the lines of a capture that another origin has; its manifest stays.

        A second run finishes one that was cut off.
        """
        detail = f"the same material was read in another way, as {origin}"
        manifest = msgspec.structs.replace(
            capture.manifest, files=[], stop_detail=detail, withdrawn_for=origin
        )
        self.write(
            f"{capture.folder}/{MANIFEST}", msgspec.json.format(msgspec.json.encode(manifest))
        )
        self._leave(capture.folder, frozenset())

    def read_below(self, folder: str) -> list[bytes]:
        """Return all files in a folder and its sub-folders, in order of their paths."""
        paths = [self._path(path) for path in sorted(self.files_below(folder))]
        contents = self._fs.cat(paths, on_error="raise") if paths else {}
        return [contents[path] for path in paths]

    def read_file(self, path: str) -> bytes:
        """Return one file below the zone; raises FileNotFoundError."""
        content: bytes = self._fs.cat_file(self._path(path))
        return content

    def write(self, path: str, content: bytes) -> None:
        """Write one file below the zone: all of it is there, or nothing."""
        full = self._path(path)
        folder = full.rpartition("/")[0]
        if not isinstance(self._fs, LocalFileSystem):
            try:
                self._fs.pipe_file(full, content)
            except FileNotFoundError:  # S3 needs no folder, and is asked for the bucket by makedirs
                self._fs.makedirs(folder, exist_ok=True)
                self._fs.pipe_file(full, content)
            return
        self._fs.makedirs(folder, exist_ok=True)
        beside = Path(f"{full}.{os.getpid()}.{threading.get_ident()}{PART}")
        beside.write_bytes(content)
        beside.replace(full)

    def remove(self, path: str) -> None:
        """Remove one file below the zone; a missing file is no error."""
        if self._fs.exists(self._path(path)):
            self._fs.rm_file(self._path(path))

    def _all_below(self, folder: str) -> list[str]:
        """Return the paths of all files in a folder, with what a dead process was writing."""
        return [path.removeprefix(self._root + "/") for path in self._fs.find(self._path(folder))]

    def _leave(self, folder: str, names: Collection[str]) -> None:
        """Remove all files of this folder, without its sub-folders, but the manifest and these."""
        for path in self._all_below(folder):
            parent, _, name = path.rpartition("/")
            if parent == folder and name not in {MANIFEST, *names}:
                self.remove(path)

    def _path(self, path: str) -> str:
        """Return the whole path; raise InvalidRequest for one that leads out of the zone."""
        if not _STEPS_OUT.isdisjoint(path.split("/")) or not path.isprintable() or "\\" in path:
            message = f"{visible(path)} is no path in the landing zone: check platform and names"
            raise InvalidRequest(message)
        return f"{self._root}/{path}"


def _folders(window: Window | None) -> list[str]:
    """Return the folders below a community in which to look for captures of the window.

    They are those of its hours or dates while these are few, else the community's folder.
    """
    if window is None:
        return [""]
    if window.hour_count <= _HOURS_LISTED_MAX:
        return [f"{hour.start:%Y-%m-%d}/{hour.start:%H%M%S}" for hour in window.hours()]
    dates = window.dates()
    return [str(date) for date in dates] if len(dates) <= _DATES_LISTED_MAX else [""]


def _hour_of(folder: str) -> datetime | None:
    """Return the hour of a capture's folder; None for a folder that is none."""
    try:
        _, _, date, time, *_ = folder.split("/")
        return datetime.strptime(f"{date} {time} +0000", "%Y-%m-%d %H%M%S %z")
    except ValueError:
        return None


def _survey_path(platform: str, origin: str) -> str:
    # No community's name begins with an underscore, so this folder belongs to none.
    return f"{platform}/_surveys/{origin}.json"
