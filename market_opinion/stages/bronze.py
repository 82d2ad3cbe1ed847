"""Raw lines to typed rows, the newest version of every item, and rejections of all other lines.

What stands in a field and is not of its type costs the field: the row has null there, and a
rejection of stage `fields` names the column.
"""

import io
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple

import msgspec
import polars as pl
import polars_hash

from market_opinion.core.contracts import BRONZE_ITEMS, OPS_REJECTIONS
from market_opinion.core.polars_types import UTC_TIME, Schema
from market_opinion.core.window import EARLIEST
from market_opinion.storage import odd_lines
from market_opinion.storage.json_line import (
    MAX_LINE_BYTES,
    REFUSED_MARK,
    LineRefused,
    has_repeats,
)
from market_opinion.storage.landing.manifest import Content
from market_opinion.storage.line_format import LineFormat

_FILE_SCHEMA: Schema = {
    "platform": pl.String,
    "community": pl.String,
    "kind": pl.String,
    "window_start": UTC_TIME,
    "landing_uri": pl.String,
    "capture_path": pl.String,
    "landed_at": UTC_TIME,
    "captured_at": UTC_TIME,
}


_ROWS: Schema = {
    name: dtype for name, dtype in BRONZE_ITEMS.schema.items() if name != "first_seen_at"
} | {"landed_at": UTC_TIME}
_NO_ROWS = pl.DataFrame(schema=_ROWS)
_UNREADABLE = "unreadable"
_ODD: Schema = {
    "n": pl.UInt32,
    "reason": pl.String,
    "detail": pl.String,
    "clean": pl.String,
    _UNREADABLE: pl.String,
}
# A large hour has parts, comments.jsonl and comments-0001.jsonl, which follows it.
_FIRST_PART = (r"/(\w+)\.([^/]*)$", "/$1-0000.$2")
_NOTHING_LOST = pl.lit("").alias(_UNREADABLE)
_REASONS = {
    "missing_field": "id or time is missing",
    "time_unreadable": "the form of its time is not known",
    "time_out_of_range": "its time is before 1995 or in the future",
    "outside_window": "its time is of another hour",
}


class Parsed(NamedTuple):
    """Rows of every readable line, rejections of every other, and rejections of single fields.

    Duplicates are included, so that rows and rejections together are as many as the lines.
    """

    rows: pl.DataFrame
    rejections: pl.DataFrame
    fields: pl.DataFrame


def parse(files: Iterable[Content]) -> Parsed:
    """Parse the lines of files; see Parsed."""
    by_format: dict[tuple[str, str], list[Content]] = defaultdict(list)
    for file in files:
        if file.line_count:
            by_format[repr(file.manifest.format_reference), file.kind].append(file)
    none = Parsed(_NO_ROWS, OPS_REJECTIONS.empty(), OPS_REJECTIONS.empty())
    parsed = [none, *(_parse(alike, alike[0].line_format) for alike in by_format.values())]
    return Parsed(*(pl.concat(frames) for frames in zip(*parsed, strict=True)))


def _parse(files: list[Content], line_format: LineFormat) -> Parsed:
    """Parse files that have one format and kind."""
    lines = _frame(files)
    with ThreadPoolExecutor(1) as second:
        # Polars decodes on its own threads while msgspec, which checks types, keeps Python busy.
        check = second.submit(_odd_lines, files, lines["payload"], line_format)
        rows = _typed_if_all_good(lines, line_format)
        odd = check.result()
    if rows is None or odd.height:
        rows = _typed_with_odd(lines, odd, line_format)
    bad_rows = rows.filter(_row_problem().is_not_null())
    refusals = odd.filter(pl.col("reason").is_not_null())
    bad_lines = lines.join(refusals, on="n", how="inner", maintain_order="left")
    reason = _row_problem()
    rejections = [
        _rejections(bad_lines.with_columns(item_id=pl.lit(None, pl.String)), "bronze"),
        _rejections(
            bad_rows.with_columns(
                reason=reason, detail=reason.replace_strict(_REASONS, return_dtype=pl.String)
            ),
            "bronze",
        ),
    ]
    good = rows.filter(_row_problem().is_null()) if bad_rows.height else rows
    return Parsed(good.select(*_ROWS), pl.concat(rejections), _field_rejections(good))


def _field_rejections(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one rejection for each field of a row that was there and could not be read."""
    odd = rows.filter(pl.col(_UNREADABLE) != "")
    named = odd.with_columns(
        reason=pl.lit("unreadable_field"),
        detail=pl.col(_UNREADABLE).str.split(",").list.unique(maintain_order=True),
    )
    return _rejections(named.explode("detail"), "fields")


def unreadable_columns(rows: pl.DataFrame, fields: pl.DataFrame) -> list[str]:
    """Return a sentence for each column that had values nobody can read."""
    sentences = []
    for column, count in fields.group_by("detail").len().sort("detail").iter_rows():
        if readable := rows[column].count():
            all_values = count + readable
            sentences.append(f"{column}: {count:,} of {all_values:,} values could not be read")
        else:
            sentences.append(f"{column}: none of {count:,} values could be read")
    return sentences


def newest(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row per item, in the contract of bronze.items.

    It is the version that was retrieved last, the later line of versions that were retrieved at
    once; `first_seen_at` is the time of the first one.
    """
    key = BRONZE_ITEMS.key
    first_seen = pl.col("retrieved_at")
    if rows["retrieved_at"].n_unique() > 1:
        first_seen = first_seen.min().over(key)
    versions = rows.with_columns(first_seen_at=first_seen).select(*BRONZE_ITEMS.schema)
    as_read = ("retrieved_at", pl.col("landing_uri").str.replace(*_FIRST_PART), "landing_line")
    ordered = versions.sort("community", "created_at", "item_id", "kind", *as_read)
    return ordered.unique(key, keep="last", maintain_order=True)


def _frame(files: list[Content]) -> pl.DataFrame:
    """Return one row per landed line.

    A row has the line's number `n` among all lines, its file and number there, columns of its
    manifest, and its text as `payload`, which is null for a line that is not UTF-8.
    """
    described = pl.DataFrame(
        [
            (
                f.line_count,
                m.platform,
                m.community,
                f.kind,
                m.window_start,
                f.uri,
                m.capture_path,
                m.landed_at,
                m.retrieved_at,
            )
            for f, m in ((f, f.manifest) for f in files)
        ],
        schema={"line_count": pl.UInt32, **_FILE_SCHEMA},
        orient="row",
    )
    lines = described.select(
        pl.exclude("line_count").repeat_by("line_count").explode(empty_as_null=False)
    )
    numbers = described.select(
        pl.int_ranges(1, pl.col("line_count") + 1).explode(empty_as_null=False)
    ).to_series()
    return lines.with_columns(payload=_payloads(files), landing_line=numbers).with_row_index("n")


def _payloads(files: list[Content]) -> pl.Series:
    # Polars unpacks what begins as a packed file does, so an empty line goes before.
    raw = b"".join((b"\n", *(file.raw for file in files)))
    try:
        return pl.scan_lines(io.BytesIO(raw)).collect().to_series().slice(1)
    except pl.exceptions.ComputeError:  # Some line has a byte that is not UTF-8.
        return pl.Series([_decoded(line) for line in raw.split(b"\n")[1:-1]], dtype=pl.String)


def _decoded(line: bytes) -> str | None:
    try:
        return line.decode().removesuffix("\r")
    except UnicodeDecodeError:
        return None


def _odd_lines(files: list[Content], payload: pl.Series, line_format: LineFormat) -> pl.DataFrame:
    """Return every line that does not decode: its number `n`, and how it was mended or why not.

    A mended line has its JSON in `clean` and its lost columns in `unreadable`, another one
    `reason` and `detail`. A line with a name twice is mended, since one decoder takes the first
    value and the other one the last.
    """
    decoder = msgspec.json.Decoder(line_format.line_type)
    longest = payload.str.len_bytes().max()
    may_be_too_large = isinstance(longest, int) and longest > MAX_LINE_BYTES
    may_repeat = line_format.may_repeat(payload).fill_null(value=False)
    rows: list[tuple[int, str | None, str | None, str | None, str]] = []
    start = 0
    for file in files:
        suspects = set(may_repeat.slice(start, file.line_count).arg_true())
        is_good = not may_be_too_large and _decodes(decoder, file)
        if suspects or not is_good:
            for n, line in enumerate(file.raw.split(b"\n")[:-1]):
                is_odd = not is_good and not _is_good(decoder, line)
                if is_odd or (n in suspects and has_repeats(line)):
                    rows.append((start + n, *_mended(line, line_format)))
        start += file.line_count
    return pl.DataFrame(rows, schema=_ODD, orient="row")


def _mended(line: bytes, line_format: LineFormat) -> tuple[str | None, str | None, str | None, str]:
    """Return reason and detail of a line's refusal, or its clean JSON and the lost columns."""
    try:
        clean, unreadable = odd_lines.mend(line, line_format)
    except LineRefused as refusal:
        return refusal.reason, refusal.detail, None, ""
    return None, None, clean.decode(), ",".join(unreadable)


def _decodes(decoder: msgspec.json.Decoder[msgspec.Struct], file: Content) -> bool:
    """Return whether every line of a file decodes.

    One call checks the whole file, which nearly always is good. The decoder skips blank lines,
    which therefore show in the count.
    """
    if REFUSED_MARK in file.raw:
        return False
    try:
        return len(decoder.decode_lines(file.raw)) == file.line_count
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _is_good(decoder: msgspec.json.Decoder[msgspec.Struct], line: bytes) -> bool:
    if len(line) > MAX_LINE_BYTES or line.startswith(REFUSED_MARK):
        return False
    try:
        line.decode()
        decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _typed_if_all_good(lines: pl.DataFrame, line_format: LineFormat) -> pl.DataFrame | None:
    """Return the rows of all lines; None where a line does not decode."""
    try:
        return _typed(lines.with_columns(_NOTHING_LOST), line_format)
    # Polars skips blank lines, which then are a ShapeError.
    except (pl.exceptions.ComputeError, pl.exceptions.ShapeError):
        return None


def _typed_with_odd(
    lines: pl.DataFrame, odd: pl.DataFrame, line_format: LineFormat
) -> pl.DataFrame:
    """Return the rows of all lines that can be read, of which some were mended."""
    readable = (
        lines.join(odd, on="n", how="left", maintain_order="left")
        .filter(pl.col("reason").is_null())
        .with_columns(
            pl.col(_UNREADABLE).fill_null(""),
            payload=pl.col("payload").str.strip_prefix("\ufeff"),
            line=pl.coalesce("clean", "payload"),
        )
    )
    try:
        return _typed(readable, line_format)
    except pl.exceptions.ComputeError:
        # One decoder took a line that the other does not, so each is read field by field.
        mended = [_mended(each.encode(), line_format) for each in readable["payload"].to_list()]
        _, _, clean, lost = zip(*mended, strict=True)
        columns = {"line": pl.Series(clean, dtype=pl.String), _UNREADABLE: pl.Series(lost)}
        return _typed(readable.with_columns(**columns), line_format)


def _typed(readable: pl.DataFrame, line_format: LineFormat) -> pl.DataFrame:
    """Return rows of bronze.items without `first_seen_at`, which needs all versions.

    The lines are of one kind, and all of them decode. Beside the columns of the contract stand the
    time as it was written, whether it is a number where one is meant, and the columns that could
    not be read.
    """
    kind = readable["kind"].first()
    if not readable.height:
        nothing = pl.lit(None, pl.String)
        return _NO_ROWS.with_columns(_NOTHING_LOST, time_text=nothing, is_number=nothing.is_null())
    line = pl.col("line")
    json = line if "line" in readable.columns else pl.col("payload")
    return (
        readable.lazy()
        .with_columns(
            # Streamed, because decoding in one piece takes seven times as long.
            line=json.str.json_decode(line_format.dtype),
            payload_sha256=polars_hash.col("payload").chash.sha2_256(),
        )
        .with_columns(
            **line_format.columns(line, str(kind)),
            time_text=line_format.time_text(line),
            is_number=line_format.is_time_number(line),
            **{
                _UNREADABLE: pl.concat_str(
                    pl.col(_UNREADABLE), line_format.unreadable(line), separator=","
                ).str.strip_chars(",")
            },
        )
        .with_columns(retrieved_at=pl.coalesce("retrieved_at", "captured_at"))
        .select(*_ROWS, _UNREADABLE, "time_text", "is_number")
        .collect(engine="streaming")
    )


def _row_problem() -> pl.Expr:
    """Return the reason code of a row that decodes but is no item; null for a good row."""
    created, written = pl.col("created_at"), pl.col("time_text")
    in_time = created.is_between(EARLIEST, pl.col("landed_at") + timedelta(days=1))
    is_missing = (pl.col("item_id").fill_null("").str.len_bytes() == 0) | written.is_null()
    return (
        pl.when(is_missing)
        .then(pl.lit("missing_field"))
        .when(created.is_null() & ~pl.col("is_number"))
        .then(pl.lit("time_unreadable"))
        .when(~in_time.fill_null(value=False))
        .then(pl.lit("time_out_of_range"))
        .when(created.dt.truncate("1h") != pl.col("window_start"))
        .then(pl.lit("outside_window"))
    )


def _rejections(rows: pl.DataFrame, stage: str) -> pl.DataFrame:
    constant = {"stage": pl.lit(stage), "domain": pl.lit(None, pl.String)}
    return rows.with_columns(**constant).select(*OPS_REJECTIONS.schema)
