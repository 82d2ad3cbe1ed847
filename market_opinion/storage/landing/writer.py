"""Writer of captures: first the files of each hour, then their manifests."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import zstandard

from market_opinion.core.errors import LandingCorrupt
from market_opinion.core.window import Window
from market_opinion.storage.format_reference import line_format_of
from market_opinion.storage.json_line import unmarked, without_kept_id
from market_opinion.storage.landing.manifest import (
    FILE_STEMS,
    MANIFEST,
    Capture,
    LandedFile,
    Manifest,
    Survey,
)
from market_opinion.storage.landing.origin import FetchResult, Origin, RawItem
from market_opinion.storage.landing.zone import Landing

_BUFFER_BYTES = 32_000_000


class WindowWriter:
    """Writer of a source's items into captures by hour, with a buffer of about 32 MB.

    Hours that were landed from the same origin before are skipped.
    """

    def __init__(
        self,
        landing: Landing,
        source: Origin,
        *,
        known: list[Capture] | None = None,
        apart: bool = False,
    ) -> None:
        """Write beside the `known` captures; without them, look for captures hour by hour.

        With `apart`, a capture never takes a window's own folder.
        """
        self._apart = apart
        self._looks = known is None
        self._landing = landing
        self._source = source
        self._known: dict[tuple[str, datetime], list[Capture]] = defaultdict(list)
        for capture in known or ():
            self._known[capture.manifest.community, capture.manifest.window_start].append(capture)
        self._buffers: dict[tuple[str, datetime, str], list[bytes]] = defaultdict(list)
        self._sizes: dict[tuple[str, datetime, str], int] = defaultdict(int)
        self._buffered = 0
        self._hashed: dict[str, bool] = {}
        self._files: dict[tuple[str, datetime], list[LandedFile]] = defaultdict(list)
        # Captures of this origin that were found or written, by community and hour.
        self.captures: dict[tuple[str, datetime], Capture] = {}

    def add(self, item: RawItem) -> None:
        """Take one item; it counts once the writer is closed."""
        key = (item.community, item.hour, item.kind)
        if key not in self._buffers and self.landed(item.community, item.hour) is not None:
            return
        line = unmarked(without_kept_id(item.line) if self._is_hashed(item.kind) else item.line)
        size = len(line) + 1
        self._buffers[key].append(line)
        self._sizes[key] += size
        self._buffered += size
        if self._sizes[key] >= self._landing.max_bytes:
            self._flush(key)
        if self._buffered >= _BUFFER_BYTES:
            for full in list(self._buffers):
                self._flush(full)

    def _is_hashed(self, kind: str) -> bool:
        """Return whether items of this kind get a hash as their id, which an erasure keeps."""
        if kind not in self._hashed:
            try:
                line_format = line_format_of(
                    self._source.format_reference, kind, self._landing.formats
                )
                self._hashed[kind] = line_format.is_hashed
            except LandingCorrupt:  # not known here
                self._hashed[kind] = False
        return self._hashed[kind]

    def landed(self, community: str, hour: datetime) -> Capture | None:
        """Return the certified capture of this hour from the same origin; None without one."""
        for capture in self._beside(community, hour):
            manifest = capture.manifest
            if (
                manifest.origin == self._source.origin
                and manifest.stop_reason.certifies
                and manifest.withdrawn_for is None
            ):
                self.captures[community, hour] = capture
                return capture
        return None

    def _beside(self, community: str, hour: datetime) -> Sequence[Capture]:
        """Return the earlier captures of this hour."""
        key = (community, hour)
        if self._looks and key not in self._known:
            self._known[key] = self._landing.captures(
                self._source.platform, [community], Window.hour(hour)
            )
        return self._known.get(key, ())

    def has_all(self, survey: Survey, window: Window | None) -> bool:
        """Return whether every hour of the window was landed from this origin."""
        return all(
            self.landed(community, hour.start)
            for community in survey.communities
            for hour in survey.hours(community, window)
        )

    def close(
        self,
        communities: Iterable[str],
        hours: Iterable[Window],
        *,
        stop: FetchResult,
        now: datetime,
    ) -> int:
        """Finish these hours, empty ones too; return the number of manifests written."""
        hours = list(hours)
        for key in list(self._buffers):
            self._flush(key)
        manifest_count = 0
        for community in communities:
            for hour in hours:
                if self.landed(community, hour.start) is None:
                    self._finish(community, hour, stop=stop, now=now)
                    manifest_count += 1
        return manifest_count

    def _finish(self, community: str, hour: Window, *, stop: FetchResult, now: datetime) -> None:
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
            format_reference=source.format_reference,
        )
        self._landing.write(
            f"{folder}/{MANIFEST}", msgspec.json.format(msgspec.json.encode(manifest))
        )
        self.captures[community, hour.start] = Capture(folder, manifest)

    def _flush(self, key: tuple[str, datetime, str]) -> None:
        community, hour, kind = key
        lines = self._buffers.pop(key)
        self._buffered -= self._sizes.pop(key)
        files = self._files[community, hour]
        folder = self._folder(community, hour)
        if not files:
            self._clear(folder)
        part = sum(file.kind == kind for file in files)
        name = f"{FILE_STEMS[kind]}{f'-{part:04d}' if part else ''}{self._landing.suffix}"
        raw = b"\n".join(lines) + b"\n"
        content = zstandard.compress(raw) if name.endswith(".zst") else raw
        self._landing.write(f"{folder}/{name}", content)
        files.append(
            LandedFile(name, kind, len(lines), len(content), hashlib.sha256(content).hexdigest())
        )

    def _clear(self, folder: str) -> None:
        """Remove the files that an unfinished capture left in this folder, its manifest first."""
        leftovers = [
            path
            for path in self._landing.files_below(folder)
            if path.count("/") == folder.count("/") + 1
        ]
        for path in sorted(leftovers, key=lambda path: not path.endswith(MANIFEST)):
            self._landing.remove(path)

    def _folder(self, community: str, hour: datetime) -> str:
        """Return the folder of the window, or one below it where another origin has the folder.

        A capture whose manifest cannot be read keeps its folder too.
        """
        folder = f"{self._source.platform}/{community}/{hour:%Y-%m-%d}/{hour:%H%M%S}"
        others = [
            c for c in self._beside(community, hour) if c.manifest.origin != self._source.origin
        ]
        if self._apart or any(c.folder == folder for c in others):
            folder = f"{folder}/{self._source.origin}"
        while folder in self._landing.unreadable:
            folder = f"{folder}/{self._source.origin}"
        return folder
