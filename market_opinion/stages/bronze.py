"""Raw lines to typed rows, the newest version of every item, and rejections of all other lines."""

import io
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import polars as pl
import polars_hash

from market_opinion.core.contracts import BRONZE_ITEMS, OPS_REJECTIONS
from market_opinion.core.polars_types import UTC_TIME, Schema
from market_opinion.core.window import EARLIEST
from market_opinion.storage.landing.manifest import Content
from market_opinion.storage.line_format import LineFormat

# Reddit allows 40,000 characters a text, so a longer line than this is no item.
MAX_LINE_BYTES = 1_048_576


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


def parse(files: Iterable[Content]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a row of every readable line, and a rejection of every other line.

    Duplicates are included, so that rows and rejections together are as many as the lines.
    """
    by_format: dict[tuple[str, str], list[Content]] = defaultdict(list)
    for file in files:
        if file.line_count:
            by_format[repr(file.manifest.format_reference), file.kind].append(file)
    parsed = [_parse(alike, alike[0].line_format) for alike in by_format.values()]
    rows, rejections = zip(*parsed, strict=True) if parsed else ((_NO_ROWS,), ())
    return pl.concat(rows), pl.concat([OPS_REJECTIONS.empty(), *rejections])


def _parse(files: list[Content], line_format: LineFormat) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows and rejections of files that have one format and kind."""
    lines = _frame(files)
    with ThreadPoolExecutor(1) as second:
        # Polars decodes on its own threads while msgspec, which checks types, keeps Python busy.
        check = second.submit(_refusals, files, lines["payload"], line_format)
        rows = _typed_if_all_good(lines, line_format)
        refusals = check.result()
    if rows is None or refusals.height:
        rows = _typed(lines.join(refusals, on="n", how="anti"), line_format)
    bad_rows = rows.filter(_row_problem().is_not_null())
    bad_lines = lines.filter(pl.col("n").is_in(refusals["n"].implode())).join(
        refusals, on="n", maintain_order="left"
    )
    rejections = [
        _rejections(bad_lines.with_columns(item_id=pl.lit(None, pl.String))),
        _rejections(
            bad_rows.with_columns(reason=_row_problem(), detail=pl.lit("value out of its range"))
        ),
    ]
    good = rows.filter(_row_problem().is_null()) if bad_rows.height else rows
    return good, pl.concat(rejections)


def newest(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row per item, in the contract of bronze.items.

    It is the version that was retrieved last; `first_seen_at` is the time of the first one.
    """
    key = BRONZE_ITEMS.key
    first_seen = pl.col("retrieved_at")
    if rows["retrieved_at"].n_unique() > 1:
        first_seen = first_seen.min().over(key)
    versions = rows.with_columns(first_seen_at=first_seen).select(*BRONZE_ITEMS.schema)
    ordered = versions.sort(
        "community", "created_at", "item_id", "kind", "retrieved_at", "landing_uri", "landing_line"
    )
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
    raw = b"".join(file.raw for file in files)
    if not raw:
        return pl.Series([], dtype=pl.String)
    try:
        return pl.scan_lines(io.BytesIO(raw)).collect().to_series()
    except pl.exceptions.ComputeError:  # Some line has a byte that is not UTF-8.
        return pl.Series([_decoded(line) for line in raw.split(b"\n")[:-1]], dtype=pl.String)


def _decoded(line: bytes) -> str | None:
    try:
        return line.decode().removesuffix("\r")
    except UnicodeDecodeError:
        return None


def _refusals(files: list[Content], payload: pl.Series, line_format: LineFormat) -> pl.DataFrame:
    """Return line number `n`, reason and detail of every line that does not decode."""
    decoder = msgspec.json.Decoder(line_format.line_type)
    longest = payload.str.len_bytes().max()
    may_be_too_large = isinstance(longest, int) and longest > MAX_LINE_BYTES
    rows: list[tuple[int, str, str]] = []
    start = 0
    for file in files:
        if may_be_too_large or not _decodes(decoder, file):
            refusals = (
                (start + n, _refusal(decoder, line))
                for n, line in enumerate(file.raw.split(b"\n")[:-1])
            )
            rows.extend((n, *refusal) for n, refusal in refusals if refusal)
        start += file.line_count
    return pl.DataFrame(
        rows, schema={"n": pl.UInt32, "reason": pl.String, "detail": pl.String}, orient="row"
    )


def _decodes(decoder: msgspec.json.Decoder[msgspec.Struct], file: Content) -> bool:
    """Return whether every line of a file decodes.

    One call checks the whole file, which nearly always is good. The decoder skips blank lines,
    which therefore show in the count.
    """
    try:
        return len(decoder.decode_lines(file.raw)) == file.line_count
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _refusal(decoder: msgspec.json.Decoder[msgspec.Struct], line: bytes) -> tuple[str, str] | None:
    """Return reason and detail of one line's refusal; None for a good line.

    The detail never quotes the line.
    """
    if len(line) > MAX_LINE_BYTES:
        return "too_large", f"{len(line)} bytes, at most {MAX_LINE_BYTES} are read"
    try:
        line.decode()
        decoder.decode(line)
    except UnicodeDecodeError as error:
        return "not_utf8", f"byte {error.start} is not UTF-8"
    except msgspec.ValidationError as error:
        return ("missing_field" if "missing required" in str(error) else "wrong_type"), str(error)
    except msgspec.DecodeError as error:
        return "not_json", str(error)
    return None


def _typed_if_all_good(lines: pl.DataFrame, line_format: LineFormat) -> pl.DataFrame | None:
    """Return the rows of all lines; None where a line does not decode."""
    try:
        return _typed(lines, line_format)
    # Polars skips blank lines, which then are a ShapeError.
    except (pl.exceptions.ComputeError, pl.exceptions.ShapeError):
        return None


def _typed(readable: pl.DataFrame, line_format: LineFormat) -> pl.DataFrame:
    """Return rows of bronze.items without `first_seen_at`, which needs all versions.

    The lines are of one kind, and all of them decode.
    """
    kind = readable["kind"].first()
    columns = line_format.columns(pl.col("line"), str(kind)) if readable.height else {}
    return (
        readable.lazy()
        .with_columns(
            # Streamed, because decoding in one piece takes seven times as long.
            line=pl.col("payload").str.json_decode(line_format.dtype),
            payload_sha256=polars_hash.col("payload").chash.sha2_256(),
        )
        .with_columns(**columns)
        .with_columns(retrieved_at=pl.coalesce("retrieved_at", "captured_at"))
        .select(*_ROWS)
        .collect(engine="streaming")
        if columns
        else _NO_ROWS
    )


def _row_problem() -> pl.Expr:
    """Return the reason code of a row that decodes but is no item; null for a good row."""
    created = pl.col("created_at")
    in_time = created.is_between(EARLIEST, pl.col("landed_at") + timedelta(days=1))
    return (
        pl.when(pl.col("item_id").fill_null("").str.len_bytes() == 0)
        .then(pl.lit("missing_field"))
        .when(~in_time.fill_null(value=False))
        .then(pl.lit("time_out_of_range"))
        .when(created.dt.truncate("1h") != pl.col("window_start"))
        .then(pl.lit("outside_window"))
        .when(~pl.col("rating").is_between(1, 5))
        .then(pl.lit("rating_out_of_range"))
    )


def _rejections(rows: pl.DataFrame) -> pl.DataFrame:
    constant = {"stage": pl.lit("bronze"), "domain": pl.lit(None, pl.String)}
    return rows.with_columns(**constant).select(*OPS_REJECTIONS.schema)
