"""The landing zone: raw lines as received, one folder a window, believed only through its manifest, which is written last."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import fsspec
import msgspec
import zstandard

from market_opinion.errors import LandingCorrupt
from market_opinion.forms import Told
from market_opinion.sources import Covered, Origin, RawItem, Stop, StopReason
from market_opinion.window import Window

_MANIFEST = "manifest.json"
_BUFFER_BYTES = 32_000_000
_HOURS_LISTED_MAX, _DATES_LISTED_MAX = 6, 200
_FILE_STEMS = {"submission": "submissions", "comment": "comments", "review": "reviews"}


class LandedFile(msgspec.Struct, frozen=True):
    """One file of a capture: `bytes` and `sha256` are of the file as it lies there."""

    name: str
    kind: str
    lines: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What one capture of one window holds, how its lines are read, and why it ended there; `covered` and `capped` as in Stop."""

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
    covered: dict[str, Covered] | None = None
    capped: tuple[str, ...] = ()
    forms: Told = "reddit"

    @property
    def window(self) -> Window:
        """The window as a span."""
        return Window(self.window_start, self.window_end)

    def lines(self, kind: str | None = None) -> int:
        """How many lines of a kind, or of all kinds, were landed."""
        return sum(file.lines for file in self.files if kind in {None, file.kind})


class Survey(msgspec.Struct, frozen=True):
    """What one pass over a finite origin found: which of the `asked` communities it holds, and from when to when.

    `spoken` are the starts of the hours it speaks of, by community; where it has none it vouches for every hour of its extent.
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
        """What it says of a community, within the window."""
        window = window or self.window
        if self.spoken is None:
            return list(window.hours())
        return [Window.hour(start) for start in self.spoken.get(community, ()) if start in window]


class Capture(msgspec.Struct, frozen=True):
    """A manifest and the folder it speaks of, below the landing zone."""

    folder: str
    manifest: Manifest


class Content(msgspec.Struct, frozen=True):
    """What one landed file holds, uncompressed: `line_count` lines, each with its end."""

    uri: str
    kind: str
    manifest: Manifest
    line_count: int
    raw: bytes


class Landing:
    """A landing zone at any fsspec URI."""

    def __init__(self, uri: str, *, compression: str | None = None, max_bytes: int = 64_000_000) -> None:
        """Open the zone; nothing is made before something lands."""
        self._fs, root = fsspec.url_to_fs(uri)
        self._root = root.rstrip("/")
        self.suffix = ".jsonl.zst" if compression else ".jsonl"
        self.max_bytes = max_bytes

    def captures(self, platform: str, communities: Iterable[str], window: Window | None) -> list[Capture]:
        """Every finished capture of the hours in the window, or of all, oldest hour first, in order of folder."""
        folders = [f"{platform}/{community}/{below}".rstrip("/") for community in communities for below in _folders(window)]
        manifests = [path for folder in folders for path in self.files_below(folder) if path.endswith(f"/{_MANIFEST}")]
        contents = self._fs.cat([self._path(path) for path in manifests], on_error="raise") if manifests else {}
        found = []
        for path in manifests:
            try:
                manifest = msgspec.json.decode(contents[self._path(path)], type=Manifest)
            except msgspec.DecodeError:
                continue  # Cut off while it was written: the capture never finished.
            if window is None or manifest.window_start in window:
                found.append(Capture(path.removesuffix(f"/{_MANIFEST}"), manifest))
        return sorted(found, key=lambda c: (c.manifest.window_start, c.manifest.community, c.folder))

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
            survey = msgspec.json.decode(self.read_file(_survey_path(platform, origin)), type=Survey)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return survey if survey.asked == asked else None

    def put_survey(self, platform: str, origin: str, survey: Survey) -> None:
        """Keep what a pass found, so that a rerun need not pass again."""
        self.write(_survey_path(platform, origin), msgspec.json.encode(survey))

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
            yield Content(uri, file.kind, capture.manifest, file.lines, raw)

    def rewrite(self, capture: Capture, change: Callable[[Content], tuple[bytes, list[str]]]) -> list[str]:
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
            self.write(f"{capture.folder}/{_MANIFEST}", msgspec.json.format(msgspec.json.encode(manifest)))
        kept = {file.name for file in files} | {_MANIFEST}
        for path in self.files_below(capture.folder):
            folder, _, name = path.rpartition("/")
            if folder == capture.folder and name not in kept:
                self.remove(path)
        return touched

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

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"


class WindowWriter:
    """Lands the items a source pushes, hour by hour, holding about 32 MB; hours already landed from this origin are left alone."""

    def __init__(self, landing: Landing, source: Origin, *, known: list[Capture], apart: bool = False) -> None:
        """Write beside the captures already known for the windows to come; `apart` never takes a window's own folder."""
        self._apart = apart
        self._landing = landing
        self._source = source
        self._known: dict[tuple[str, datetime], list[Capture]] = defaultdict(list)
        for capture in known:
            self._known[capture.manifest.community, capture.manifest.window_start].append(capture)
        self._buffers: dict[tuple[str, datetime, str], list[bytes]] = defaultdict(list)
        self._sizes: dict[tuple[str, datetime, str], int] = defaultdict(int)
        self._buffered = 0
        self._files: dict[tuple[str, datetime], list[LandedFile]] = defaultdict(list)

    def add(self, item: RawItem) -> None:
        """Take one item; it is on disk once the writer is closed."""
        if self.landed(item.community, item.hour) is not None:
            return
        key = (item.community, item.hour, item.kind)
        size = len(item.line) + 1
        self._buffers[key].append(item.line)
        self._sizes[key] += size
        self._buffered += size
        if self._sizes[key] >= self._landing.max_bytes:
            self._flush(key)
        if self._buffered >= _BUFFER_BYTES:
            for full in list(self._buffers):
                self._flush(full)

    def landed(self, community: str, hour: datetime) -> Capture | None:
        """The certified capture of this hour from the same origin, when there is one."""
        for capture in self._known.get((community, hour), ()):
            if capture.manifest.origin == self._source.origin and capture.manifest.stop_reason.certifies:
                return capture
        return None

    def has_all(self, survey: Survey, window: Window | None) -> bool:
        """Whether there is nothing left to land in the window from this origin."""
        return all(self.landed(community, hour.start) for community in survey.communities for hour in survey.hours(community, window))

    def close(self, communities: Iterable[str], hours: Iterable[Window], *, stop: Stop, now: datetime) -> int:
        """Finish these hours, empty ones too; returns how many manifests were written."""
        hours = list(hours)
        for key in list(self._buffers):
            self._flush(key)
        written = 0
        for community in communities:
            for hour in hours:
                if self.landed(community, hour.start) is None:
                    self._finish(community, hour, stop=stop, now=now)
                    written += 1
        return written

    def _finish(self, community: str, hour: Window, *, stop: Stop, now: datetime) -> None:
        folder = self._folder(community, hour.start)
        files = self._files.get((community, hour.start), [])
        source = self._source
        manifest = Manifest(
            platform=source.platform,
            community=community,
            window_start=hour.start,
            window_end=hour.end,
            origin=source.origin,
            capture_path=source.capture_path,
            stop_reason=stop.reason,
            stop_detail=stop.detail,
            retrieved_at=source.retrieved_at,
            landed_at=now,
            files=files,
            covered=stop.covered,
            capped=stop.capped,
            forms=source.forms,
        )
        self._landing.write(f"{folder}/{_MANIFEST}", msgspec.json.format(msgspec.json.encode(manifest)))

    def _flush(self, key: tuple[str, datetime, str]) -> None:
        community, hour, kind = key
        lines = self._buffers.pop(key)
        self._buffered -= self._sizes.pop(key)
        files = self._files[community, hour]
        folder = self._folder(community, hour)
        if not files:
            self._clear(folder)
        part = sum(file.kind == kind for file in files)
        name = f"{_FILE_STEMS[kind]}{f'-{part:04d}' if part else ''}{self._landing.suffix}"
        raw = b"\n".join(lines) + b"\n"
        content = zstandard.compress(raw) if name.endswith(".zst") else raw
        self._landing.write(f"{folder}/{name}", content)
        files.append(LandedFile(name, kind, len(lines), len(content), hashlib.sha256(content).hexdigest()))

    def _clear(self, folder: str) -> None:
        """Take away what an unfinished capture left in this very folder, its manifest first."""
        left = [path for path in self._landing.files_below(folder) if path.count("/") == folder.count("/") + 1]
        for path in sorted(left, key=lambda path: not path.endswith(_MANIFEST)):
            self._landing.remove(path)

    def _folder(self, community: str, hour: datetime) -> str:
        """The window's own folder, or one below it where another origin was there first, or may come."""
        folder = f"{self._source.platform}/{community}/{hour:%Y-%m-%d}/{hour:%H%M%S}"
        others = [c for c in self._known.get((community, hour), ()) if c.manifest.origin != self._source.origin]
        return f"{folder}/{self._source.origin}" if self._apart or any(c.folder == folder for c in others) else folder


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
