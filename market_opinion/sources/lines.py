"""Files as lines of JSON, read as a stream and never as a whole, by one set of rules.

Lines of JSON are yielded as they are, elements of a JSON array one by one, and a row of CSV or
Parquet becomes an object of its columns. A row that cannot be told apart is yielded as a line that
bronze refuses with the reason; see `refused_line`.
"""

import codecs
import functools
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import zstandard

from market_opinion.core.errors import SourceUnreadable
from market_opinion.sources import tables
from market_opinion.sources.file_limits import DEFAULT_LIMITS, FileLimits
from market_opinion.sources.json_arrays import elements
from market_opinion.sources.parquet import parquet_rows
from market_opinion.sources.unpacking import (
    CHUNK_BYTES,
    PACKINGS,
    TrailingBytes,
    Truncated,
    UnpacksTooMuch,
    unpacked,
)
from market_opinion.storage.json_line import (
    MAX_LINE_BYTES,
    object_of,
    refused_line,
    without_marks,
)
from market_opinion.storage.json_paths import parts_of

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# The first line of an object that is written over several lines.
_OPENING = re.compile(rb"\s*\{(?:.*:\s*[\[{])?\s*$")


class UnclearRows(Exception):
    """Some rows of a file cannot be told apart, so that nobody knows how many there were."""


BROKEN = (
    Truncated,
    TrailingBytes,
    UnpacksTooMuch,
    UnclearRows,
    zstandard.ZstdError,
    zlib.error,
    EOFError,
    pa.ArrowException,
)


class Columns(NamedTuple):
    """Columns of a table that its items need, and those that are read where they are there.

    `a|b` stands for either of two.
    """

    wanted: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


class TextLayout(NamedTuple):
    """Encoding of a file's text, and the delimiter of a CSV file whose header does not show it."""

    encoding: str = "utf-8-sig"
    delimiter: str | None = None


_UTF_8, _ANY = TextLayout(), Columns()


def stem_of(name: str) -> str:
    """Return a file's name without its ending and compression: `a` for `a.csv.gz`."""
    path = PurePosixPath(name)
    return PurePosixPath(path.stem).stem if _packing(path) in PACKINGS else path.stem


def ending_of(name: str) -> str:
    """Return a file's ending without its compression, in lower case: `.csv` for `a.CSV.gz`."""
    path = PurePosixPath(name)
    whole = PurePosixPath(path.stem) if _packing(path) in PACKINGS else path
    return whole.suffix.lower()


def _packing(path: PurePosixPath) -> str:
    return path.suffix.lower()


def read_lines(
    fs: Any,  # noqa: ANN401, fsspec is untyped
    path: str,
    *,
    layout: TextLayout = _UTF_8,
    columns: Columns = _ANY,
    is_item: Callable[[bytes], bool] = lambda _: True,
    limits: FileLimits = DEFAULT_LIMITS,
) -> Iterator[bytes]:
    """Yield the lines that are not blank, without line ends and byte order marks.

    A broken file yields its whole lines and then raises one of BROKEN. Raises SourceUnreadable for
    a table without the wanted columns, or with a column that is read and stands there twice, and
    for JSON that is no line an object; the message quotes no value. `is_item` tells whether an
    object has what an item needs.
    """
    name = PurePosixPath(path).name
    with fs.open(path, "rb") as file:
        if ending_of(path) == ".parquet":
            check = functools.partial(_check_columns, name, columns)
            yield from parquet_rows(file, check, ratio_max=limits.unpacked_ratio_max)
            return
        packed = iter(lambda: file.read(CHUNK_BYTES), b"")
        packing, ratio_max = _packing(PurePosixPath(path)), limits.unpacked_ratio_max
        chunks = _in_utf8(unpacked(packed, packing, ratio_max=ratio_max), layout.encoding)
        usual = _DELIMITERS.get(ending_of(path))
        if usual:
            lines = _physical_lines(chunks)
            yield from _csv_rows(lines, name, columns, layout.delimiter or usual, is_item)
        else:
            yield from _json_lines(chunks, name, columns.wanted)


def _in_utf8(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the chunks in UTF-8.

    A byte that is invalid in UTF-8 is passed on as it is, so that later only its own line is
    refused.
    """
    first = next(chunks, b"")
    start = first[2:66]
    # Every second byte of UTF-16 is zero in most languages.
    if first.startswith(_UTF_16) and start.count(0) * 3 > len(start):
        encoding = "utf-16"
    every = _chained(first, chunks)
    if codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}:
        yield from every
        return
    for text in codecs.iterdecode(every, encoding, "replace"):
        yield text.encode()


def _chained(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _physical_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines without line ends and byte order marks; one that is too long as its length.

    Lines end at a line feed, and at a carriage return as well in a file whose beginning has no line
    feed. A line beyond the limit is counted and thrown away, so that memory stays bounded.
    """
    first = next(chunks, b"")
    every = _chained(first, chunks)
    if b"\r" in first.strip() and b"\n" not in first.strip():
        every = (chunk.replace(b"\r", b"\n") for chunk in every)
    kept: list[bytes] = []
    size = 0
    for chunk in every:
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            if size + len(part) > MAX_LINE_BYTES:
                yield f"{tables.TOO_LONG}{size + len(part):,}".encode()
            else:
                yield without_marks(b"".join([*kept, part]).removesuffix(b"\r"))
            kept, size = [], 0
        size += len(rest)
        kept = [*kept, rest] if size <= MAX_LINE_BYTES else []
    if size > MAX_LINE_BYTES:
        yield f"{tables.TOO_LONG}{size:,}".encode()
    elif size:
        yield without_marks(b"".join(kept).removesuffix(b"\r"))


def _json_lines(chunks: Iterator[bytes], name: str, wanted: tuple[str, ...]) -> Iterator[bytes]:
    first = next(chunks, b"")
    while not without_marks(first).strip() and (more := next(chunks, b"")):
        first = more
    if _begins_array(without_marks(first).lstrip()):
        yield from elements(_chained(first, chunks), name)
        return
    is_first = True
    for line in _physical_lines(_chained(first, chunks)):
        if line.startswith(_TOO_LONG):
            size = line.removeprefix(_TOO_LONG).decode()
            yield refused_line("too_large", f"{size} bytes, at most {MAX_LINE_BYTES:,} are read")
        elif line.strip():
            if is_first:
                _check_first(line, name, wanted)
            # Elements of an array without its brackets.
            yield line.rstrip()[:-1] if line.rstrip().endswith(b"},") else line
        is_first = is_first and not line.strip()


_TOO_LONG = tables.TOO_LONG.encode()


def _begins_array(start: bytes) -> bool:
    """Whether a file holds one JSON array; one that ends in its first line has nothing after it."""
    first, _, rest = start.partition(b"\n")
    if not first.startswith(b"["):
        return False
    try:
        msgspec.json.decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return not first.startswith(b"[[")
    return not rest.strip()


def _check_first(line: bytes, name: str, wanted: tuple[str, ...]) -> None:
    """Refuse a file that holds one object over several lines, or one around a list of items."""
    fields = object_of(line)
    if fields is None:
        if not _OPENING.match(line):
            return
        holds = "one JSON object over several lines"
    elif _missing(list(fields), wanted) and any(_is_list_of_objects(v) for v in fields.values()):
        holds = "one JSON object around a list"
    else:
        return
    message = (
        f"{name} holds {holds}, where one object a line or an array of objects is read:"
        f" write its items with `jq -c '.[]'`, or `jq -c '.NAME[]'` for the list NAME"
    )
    raise SourceUnreadable(message)


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _csv_rows(
    lines: Iterator[bytes],
    name: str,
    columns: Columns,
    usual: str,
    is_item: Callable[[bytes], bool],
) -> Iterator[bytes]:
    """Yield rows as JSON; raise UnclearRows at the end where some could not be told apart."""
    texts = (line.decode(errors="surrogateescape") for line in lines)
    number, header = next(((n, text) for n, text in enumerate(texts, 1) if text.strip()), (1, ""))
    delimiter = tables.delimiter_of(
        header, lambda names: not _missing(names, columns.wanted), usual
    )
    header_names = tables.header_of(header, delimiter)
    _check_columns(name, columns, header_names)

    def as_json(values: Iterable[str]) -> bytes:
        fields = {c: v for c, v in zip(header_names, values, strict=True) if v}
        return _encoded(fields)

    unclear: list[str] = []
    for row in tables.rows_of(
        texts,
        delimiter,
        len(header_names),
        first=number + 1,
        is_row=lambda values: is_item(as_json(values)),
    ):
        if not row.reason:
            yield as_json(row.values)
            continue
        if row.reason in tables.UNCLEAR:
            unclear.append(row.detail)
        yield refused_line(row.reason, row.detail)
    if unclear:
        more = f" and {len(unclear) - 1:,} others" if len(unclear) > 1 else ""
        message = f"{unclear[0]}{more}: where the row ends is not known"
        raise UnclearRows(message)


def _encoded(fields: dict[str, str]) -> bytes:
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError:  # Some byte is no UTF-8; bronze refuses the line.
        texts = {
            name.encode(errors="surrogateescape"): value.encode(errors="surrogateescape")
            for name, value in fields.items()
        }
        pairs = (_quoted(name) + b":" + _quoted(value) for name, value in texts.items())
        return b"{" + b",".join(pairs) + b"}"


def _quoted(text: bytes) -> bytes:
    escaped = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + re.sub(rb"[\x00-\x1f]", lambda m: b"\\u%04x" % m[0][0], escaped) + b'"'


def _missing(columns: list[str], wanted: tuple[str, ...]) -> list[str]:
    """Return the wanted columns that are not there."""
    return [name for name in wanted if not any(each in columns for each in _columns_of(name))]


def _columns_of(path: str) -> list[str]:
    """Return the columns in which the values of a path may stand."""
    return [parts_of(each)[0] for each in path.split("|")]


def _check_columns(name: str, columns: Columns, found: list[str]) -> None:
    """Raise SourceUnreadable for a table that lacks a column or has one twice.

    The message quotes nothing of the table but the names that are looked for.
    """
    twice = {each for path in columns.read for each in _columns_of(path) if found.count(each) > 1}
    if twice:
        message = (
            f"{name} has more than one column {', '.join(sorted(twice))}: which one holds the"
            " values is not known; rename the others"
        )
        raise SourceUnreadable(message)
    if missing := _missing(found, columns.wanted):
        known = [each for path in columns.wanted for each in path.split("|") if each in found]
        among = f", among them {', '.join(known)}" if known else ""
        message = (
            f"{name} has no column {', '.join(missing)}; its first row has {len(found)} values"
            f"{among}: is the row with the names of the columns missing?"
        )
        raise SourceUnreadable(message)
