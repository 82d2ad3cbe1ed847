"""Silver as plain Parquet, a file a table and day, for engines that know no Iceberg catalog."""

import hashlib
import io
from datetime import date

import fsspec
import msgspec
import polars as pl


class ExportManifest(msgspec.Struct, frozen=True):
    """What lies in the folder of one day: no file where it has no rows. `snapshot_id` is the Iceberg snapshot it was read from."""

    file: str | None
    row_count: int
    snapshot_id: int | None


class Export:
    """Files at any fsspec URI: `{table}/created_date={day}/{hash}.parquet`, with a `manifest.json` beside each."""

    def __init__(self, uri: str) -> None:
        """Use the place; it is made by the first file."""
        self._fs, root = fsspec.url_to_fs(uri)
        self._root = root.rstrip("/")

    def put(self, table: str, day: date, frame: pl.DataFrame, *, snapshot_id: int | None) -> bool:
        """Make the frame what the day holds; whether anything changed.

        The new file comes first, then the manifest, then what it replaces goes: a reader in between sees rows twice rather
        than not at all, and the next refresh puts that right.
        """
        folder = f"{self._root}/{table}/created_date={day}"
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        content = buffer.getvalue()
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.parquet" if frame.height else None
        there = [path.rpartition("/")[2] for path in self._fs.find(folder)]
        files = [name_there for name_there in there if name_there.endswith(".parquet")]
        if files == ([name] if name else []) and "manifest.json" in there:
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
