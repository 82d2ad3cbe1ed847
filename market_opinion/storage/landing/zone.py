"""A landing zone at any fsspec URI."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator

import fsspec
import msgspec
import zstandard

from market_opinion.core.errors import LandingCorrupt
from market_opinion.core.window import Window
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


class Landing:
    """What lies below one URI; only what a manifest speaks of is believed."""

    def __init__(
        self,
        uri: str,
        *,
        formats: FormatLookup = no_formats,
        compression: str | None = None,
        max_bytes: int = 64_000_000,
    ) -> None:
        """Open the zone; nothing is made before something lands."""
        self._fs, root = fsspec.url_to_fs(uri)
        self._root = root.rstrip("/")
        self._formats = formats
        self.suffix = ".jsonl.zst" if compression else ".jsonl"
        self.max_bytes = max_bytes

    def captures(
        self, platform: str, communities: Iterable[str], window: Window | None
    ) -> list[Capture]:
        """Every finished capture of the hours in the window, or of all, oldest hour first, in order of folder."""
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
        ]
        contents = (
            self._fs.cat([self._path(path) for path in manifests], on_error="raise")
            if manifests
            else {}
        )
        found = []
        for path in manifests:
            try:
                manifest = msgspec.json.decode(contents[self._path(path)], type=Manifest)
            except msgspec.DecodeError:
                continue  # Cut off while it was written: the capture never finished.
            if window is None or manifest.window_start in window:
                found.append(Capture(path.removesuffix(f"/{MANIFEST}"), manifest))
        return sorted(
            found, key=lambda c: (c.manifest.window_start, c.manifest.community, c.folder)
        )

    def communities(self, platform: str) -> list[str]:
        """Every community of the platform of which something was landed, in alphabetical order."""
        try:
            found = self._fs.ls(self._path(platform), detail=False)
        except FileNotFoundError:
            return []
        names = (path.rstrip("/").rpartition("/")[2] for path in found)
        return sorted(name for name in names if not name.startswith("_"))

    def survey(self, platform: str, origin: str, asked: tuple[str, ...]) -> Survey | None:
        """What an earlier pass for the same communities found in an origin; none when there was no such pass."""
        try:
            survey = msgspec.json.decode(
                self.read_file(_survey_path(platform, origin)), type=Survey
            )
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return survey if survey.asked == asked else None

    def put_survey(self, platform: str, origin: str, survey: Survey) -> None:
        """Keep what a pass found, so that a rerun need not pass again."""
        self.write(_survey_path(platform, origin), msgspec.json.encode(survey))

    def begin(self, platform: str, origin: str) -> list[str]:
        """Remember that an origin is about to be read; the names under which the same material was read otherwise before."""
        if material_of(origin) == origin:
            return []
        folder = f"{platform}/_readings/{material_of(origin)}"
        begun = {path.rpartition("/")[2] for path in self.files_below(folder)}
        if origin not in begun:
            self.write(f"{folder}/{origin}", b"")
        return sorted(begun - {origin})

    def files_below(self, folder: str) -> list[str]:
        """Paths, below the zone, of all files in a folder and its sub-folders; empty when there is none."""
        return [path.removeprefix(self._root + "/") for path in self._fs.find(self._path(folder))]

    def read(self, capture: Capture) -> Iterator[Content]:
        """The files of a capture; raises LandingCorrupt where a file is not what was promised."""
        for file in capture.manifest.files:
            uri = f"{capture.folder}/{file.name}"
            try:
                content = self._fs.cat_file(self._path(uri))
            except FileNotFoundError:
                content = b""
            if len(content) != file.bytes or hashlib.sha256(content).hexdigest() != file.sha256:
                message = f"landed file {uri} differs from its manifest: remove its folder and run {capture.manifest.window} again"
                raise LandingCorrupt(message)
            raw = zstandard.decompress(content) if file.name.endswith(".zst") else content
            yield Content(uri, file.kind, capture.manifest, file.lines, raw, self._formats)

    def rewrite(
        self, capture: Capture, change: Callable[[Content], tuple[bytes, list[str]]]
    ) -> list[str]:
        """Put what `change` makes of each file in its place, and return what it says it touched.

        New files come first, then the manifest that names them, then the old files go: cut off anywhere, the capture is
        whole, as it was or as it shall be, and a second time finishes.
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

    def withdraw(self, capture: Capture, origin: str) -> None:
        """Take its lines away, since another origin has them; its manifest stays. Cut off anywhere, a second time finishes."""
        detail = f"the same material was read otherwise, as {origin}"
        manifest = msgspec.structs.replace(
            capture.manifest, files=[], stop_detail=detail, withdrawn_for=origin
        )
        self.write(
            f"{capture.folder}/{MANIFEST}", msgspec.json.format(msgspec.json.encode(manifest))
        )
        self._leave(capture.folder, frozenset())

    def read_below(self, folder: str) -> list[bytes]:
        """All files in a folder and its sub-folders, whole, in alphabetical order of their paths."""
        paths = [self._path(path) for path in sorted(self.files_below(folder))]
        found = self._fs.cat(paths, on_error="raise") if paths else {}
        return [found[path] for path in paths]

    def read_file(self, path: str) -> bytes:
        """One whole file below the zone; raises FileNotFoundError."""
        content: bytes = self._fs.cat_file(self._path(path))
        return content

    def write(self, path: str, content: bytes) -> None:
        """Put one whole file below the zone."""
        full = self._path(path)
        self._fs.makedirs(full.rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(full, content)

    def remove(self, path: str) -> None:
        """Take one file below the zone away; one that is not there is no error."""
        if self._fs.exists(self._path(path)):
            self._fs.rm_file(self._path(path))

    def _leave(self, folder: str, names: Collection[str]) -> None:
        """Remove what lies in this very folder, but for its manifest and these."""
        for path in self.files_below(folder):
            parent, _, name = path.rpartition("/")
            if parent == folder and name not in {MANIFEST, *names}:
                self.remove(path)

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"


def _folders(window: Window | None) -> list[str]:
    """Where, below a community, captures of the window lie: in the folders of its hours or dates while these are few."""
    if window is None:
        return [""]
    if window.hour_count <= _HOURS_LISTED_MAX:
        return [f"{hour.start:%Y-%m-%d}/{hour.start:%H%M%S}" for hour in window.hours()]
    dates = window.dates()
    return [str(date) for date in dates] if len(dates) <= _DATES_LISTED_MAX else [""]


def _survey_path(platform: str, origin: str) -> str:
    # No community's name begins with an underscore, so this is no community's folder.
    return f"{platform}/_surveys/{origin}.json"
