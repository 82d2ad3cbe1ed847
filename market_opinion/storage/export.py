"""Silver as plain Parquet, a file a table and day, for engines that know no Iceberg catalog."""

import hashlib
import io
from collections.abc import Iterator
from datetime import date

import msgspec
import polars as pl

from market_opinion.storage.file_system import open_place


class ExportManifest(msgspec.Struct, frozen=True):
    """Content of the folder of one day; `file` is None for a day without rows.

    `snapshot_id` is the Iceberg snapshot that was read.
    """

    file: str | None
    row_count: int
    snapshot_id: int | None


class Export:
    """Files at any fsspec URI, with a `manifest.json` beside each.

    A file is `{table}/created_date={day}/{hash}.parquet`.
    """

    def __init__(self, uri: str) -> None:
        """Use the folder at the URI; the first write creates it."""
        self._fs, root = open_place(uri)
        self._root = root.rstrip("/")

    def frames(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield the table and the rows of each file."""
        for path in self._fs.find(self._root):
            if path.endswith(".parquet"):
                table = path.split("/")[-3]
                yield table, pl.read_parquet(io.BytesIO(self._fs.cat_file(path)))

    def put(self, table: str, day: date, frame: pl.DataFrame, *, snapshot_id: int | None) -> bool:
        """Replace the content of a day by the frame; return whether anything changed.

        The new file is written first, then the manifest; then the old file is deleted. A reader in
        between sees rows twice rather than not at all, and the next refresh corrects that.
        """
        folder = f"{self._root}/{table}/created_date={day}"
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        content = buffer.getvalue()
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.parquet" if frame.height else None
        names = [path.rpartition("/")[2] for path in self._fs.find(folder)]
        files = [each for each in names if each.endswith(".parquet")]
        if files == ([name] if name else []) and "manifest.json" in names:
            return False
        self._fs.makedirs(folder, exist_ok=True)
        if name:
            self._fs.pipe_file(f"{folder}/{name}", content)
        manifest = ExportManifest(name, frame.height, snapshot_id)
        self._fs.pipe_file(
            f"{folder}/manifest.json", msgspec.json.format(msgspec.json.encode(manifest))
        )
        for old in files:
            if old != name:
                self._fs.rm_file(f"{folder}/{old}")
        return True
