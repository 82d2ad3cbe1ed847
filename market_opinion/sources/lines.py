"""Files as lines of JSON, read as a stream and never as a whole.

Lines of JSON are yielded as they are; a row of CSV or Parquet becomes an object of its columns.
"""

import codecs
import csv
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from market_opinion.core.errors import SourceUnreadable

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
PACKINGS = (".gz", ".zst")
# The field for the values of a row beyond its columns.
_MORE = "(more)"
_CHUNK_BYTES = 262_144
_ROWS = 10_000
_FIELD_MAX_CHARACTERS = 1_048_576
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


class Truncated(Exception):
    """The compressed data of a file has no end."""


BROKEN = (Truncated, zstandard.ZstdError, zlib.error, EOFError, csv.Error, pa.ArrowInvalid)


def stem_of(name: str) -> str:
    """Return a file's name without its ending and compression: `a` for `a.csv.gz`."""
    path = PurePosixPath(name)
    return PurePosixPath(path.stem).stem if path.suffix in PACKINGS else path.stem


def ending_of(name: str) -> str:
    """Return a file's ending without its compression: `.csv` for `a.csv.gz`."""
    path = PurePosixPath(name)
    return PurePosixPath(path.stem).suffix if path.suffix in PACKINGS else path.suffix


def read_lines(
    fs: Any,  # noqa: ANN401, fsspec is untyped
    path: str,
    *,
    encoding: str = "utf-8-sig",
    wanted: tuple[str, ...] = (),
) -> Iterator[bytes]:
    """Yield the lines that are not blank, without their line ends.

    A broken file yields its whole lines and then raises one of BROKEN. Raises SourceUnreadable for
    a table without the `wanted` columns; `a|b` stands for either of two columns.
    """
    with fs.open(path, "rb") as file:
        if ending_of(path) == ".parquet":
            yield from _parquet_rows(file, path, wanted)
            return
        chunks = _inflated(lambda: file.read(_CHUNK_BYTES), _FRAMES.get(PurePosixPath(path).suffix))
        delimiter = _DELIMITERS.get(ending_of(path))
        yield from (
            _csv_rows(chunks, path, wanted, delimiter, encoding)
            if delimiter
            else _json_lines(chunks)
        )


def _json_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest


def _csv_rows(
    chunks: Iterator[bytes], path: str, wanted: tuple[str, ...], delimiter: str, encoding: str
) -> Iterator[bytes]:
    """Yield rows as JSON.

    A byte that is invalid in the encoding is passed on as it is, so that later only its own line is
    refused.
    """
    csv.field_size_limit(_FIELD_MAX_CHARACTERS)
    reader = csv.DictReader(
        _text_lines(codecs.iterdecode(chunks, encoding, "surrogateescape")),
        delimiter=delimiter,
        restkey=_MORE,
    )
    _check_columns(path, list(reader.fieldnames or ()), wanted)
    for row in reader:
        fields = {name: value for name, value in row.items() if value}
        yield json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogateescape")


def _text_lines(chunks: Iterator[str]) -> Iterator[str]:
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest


def _parquet_rows(
    file: Any,  # noqa: ANN401, fsspec is untyped
    path: str,
    wanted: tuple[str, ...],
) -> Iterator[bytes]:
    parquet = pq.ParquetFile(file)
    _check_columns(path, parquet.schema_arrow.names, wanted)
    for batch in parquet.iter_batches(batch_size=_ROWS):
        yield from (msgspec.json.encode(row) for row in batch.to_pylist())


def _check_columns(path: str, columns: list[str], wanted: tuple[str, ...]) -> None:
    missing = [
        name
        for name in wanted
        if not any(each.split(".")[0].replace("\\", "") in columns for each in name.split("|"))
    ]
    if missing:
        name = PurePosixPath(path).name
        present = ", ".join(map(str, columns)) or "none"
        message = f"{name} has no column {', '.join(missing)}; it has {present}"
        raise SourceUnreadable(message)


def _zstd_frame() -> Any:  # noqa: ANN401, of a C extension
    # Reddit's dumps have a window of 2 GiB (`zstd --long=31`), which is refused by default.
    return zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj()


def _gzip_member() -> Any:  # noqa: ANN401, of a C extension
    return zlib.decompressobj(wbits=31)


_FRAMES: dict[str, Callable[[], Any]] = {".zst": _zstd_frame, ".gz": _gzip_member}


def _inflated(read: Callable[[], bytes], frame: Callable[[], Any] | None) -> Iterator[bytes]:
    """Yield the chunks that `read` returns, decompressed frame by frame if there are frames."""
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
        raise Truncated(message)
