"""Raw lines to typed rows, the newest version of every item, and a reason for every line that is none."""

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import polars as pl
import polars_hash

from market_opinion.columns import UTC_TIME, Schema
from market_opinion.contracts import BRONZE_ITEMS, OPS_REJECTIONS
from market_opinion.landing import Content
from market_opinion.window import EARLIEST

# Reddit allows 40,000 characters; a line of more than this is no item.
MAX_LINE_BYTES = 1_048_576


class _RedditLine(msgspec.Struct, gc=False):
    """A submission or comment in the form of Reddit's API and its archives; old dumps write times as text."""

    id: str
    created_utc: float | str
    author: str | None = None
    title: str | None = None
    selftext: str | None = None
    body: str | None = None
    link_id: str | None = None
    link_title: str | None = None
    parent_id: str | None = None
    score: int | None = None
    num_comments: int | None = None
    retrieved_on: float | None = None
    retrieved_utc: float | None = None


_FIELDS = {
    field: pl.Int64 if field in {"score", "num_comments"} else pl.Float64 if field.startswith("retrieved") else pl.String
    for field in _RedditLine.__struct_fields__
}

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


def parse(files: Iterable[Content]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of every readable line, duplicates included, and a rejection of every other; together as many as the lines."""
    kept = [file for file in files if file.line_count]
    lines = _frame(kept)
    with ThreadPoolExecutor(1) as second:
        # Polars decodes on its own threads while msgspec, which checks types, keeps Python busy.
        checked = second.submit(_refusals, kept, lines["payload"])
        rows = _typed_if_all_good(lines)
        refused = checked.result()
    if rows is None or refused.height:
        rows = _typed(lines.join(refused, on="n", how="anti"))
    bad_rows = rows.filter(_row_problem().is_not_null())
    bad_lines = lines.filter(pl.col("n").is_in(refused["n"].implode())).join(refused, on="n", maintain_order="left")
    rejections = [
        _rejections(bad_lines.with_columns(item_id=pl.lit(None, pl.String))),
        _rejections(bad_rows.with_columns(reason=_row_problem(), detail=pl.lit("value out of its range"))),
    ]
    good = rows.filter(_row_problem().is_null()) if bad_rows.height else rows
    return good, pl.concat(rejections)


def newest(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per item in the contract of bronze.items: the version retrieved last, with when the first one was."""
    key = BRONZE_ITEMS.key
    first_seen = pl.col("retrieved_at")
    if rows["retrieved_at"].n_unique() > 1:
        first_seen = first_seen.min().over(key)
    versions = rows.with_columns(first_seen_at=first_seen, rating=pl.lit(None, pl.Float64)).select(*BRONZE_ITEMS.schema)
    ordered = versions.sort("community", "created_at", "item_id", "kind", "retrieved_at", "landing_uri", "landing_line")
    return ordered.unique(key, keep="last", maintain_order=True)


def _frame(files: list[Content]) -> pl.DataFrame:
    """One row per landed line: its number `n` among all, where it lies, how it came, and its text as `payload`.

    A line that is not UTF-8 has no payload.
    """
    described = pl.DataFrame(
        [
            (f.line_count, m.platform, m.community, f.kind, m.window_start, f.uri, m.capture_path, m.landed_at, m.retrieved_at)
            for f, m in ((f, f.manifest) for f in files)
        ],
        schema={"line_count": pl.UInt32, **_FILE_SCHEMA},
        orient="row",
    )
    lines = described.select(pl.exclude("line_count").repeat_by("line_count").explode(empty_as_null=False))
    numbers = described.select(pl.int_ranges(1, pl.col("line_count") + 1).explode(empty_as_null=False)).to_series()
    return lines.with_columns(payload=_payloads(files), landing_line=numbers).with_row_index("n")


def _payloads(files: list[Content]) -> pl.Series:
    raw = b"".join(file.raw for file in files)
    if not raw:
        return pl.Series([], dtype=pl.String)
    try:
        return pl.scan_lines(io.BytesIO(raw)).collect().to_series()
    except pl.exceptions.ComputeError:  # Somewhere in it is a byte that is not UTF-8.
        return pl.Series([_decoded(line) for line in raw.split(b"\n")[:-1]], dtype=pl.String)


def _decoded(line: bytes) -> str | None:
    try:
        return line.decode().removesuffix("\r")
    except UnicodeDecodeError:
        return None


def _refusals(files: list[Content], payload: pl.Series) -> pl.DataFrame:
    """Line number `n`, reason and detail of every line that does not decode."""
    decoder = msgspec.json.Decoder(_RedditLine)
    longest = payload.str.len_bytes().max()
    may_be_too_large = isinstance(longest, int) and longest > MAX_LINE_BYTES
    found: list[tuple[int, str, str]] = []
    start = 0
    for file in files:
        if may_be_too_large or not _decodes(decoder, file.raw):
            refusals = ((start + n, _refusal(decoder, line)) for n, line in enumerate(file.raw.split(b"\n")[:-1]))
            found.extend((n, *refusal) for n, refusal in refusals if refusal)
        start += file.line_count
    return pl.DataFrame(found, schema={"n": pl.UInt32, "reason": pl.String, "detail": pl.String}, orient="row")


def _decodes(decoder: msgspec.json.Decoder[_RedditLine], raw: bytes) -> bool:
    """Whether every line does: one call for a whole file, which nearly always is all it takes."""
    try:
        decoder.decode_lines(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _refusal(decoder: msgspec.json.Decoder[_RedditLine], line: bytes) -> tuple[str, str] | None:
    """Reason and detail for one line, or None for a good one. The detail never quotes the line."""
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


def _typed_if_all_good(lines: pl.DataFrame) -> pl.DataFrame | None:
    """The rows of all lines; none where one does not decode."""
    try:
        return _typed(lines)
    except pl.exceptions.ComputeError:
        return None


def _typed(readable: pl.DataFrame) -> pl.DataFrame:
    """Columns of bronze.items, but for those that need all versions, from lines that are known to decode."""
    seconds = pl.coalesce("retrieved_utc", "retrieved_on")
    is_comment = pl.col("kind") == "comment"
    without_prefix = {name: pl.col(name).str.strip_prefix("t3_").str.strip_prefix("t1_") for name in ("link_id", "parent_id")}
    return (
        readable.lazy()
        .with_columns(
            # Streamed, because decoding in one piece takes seven times as long.
            pl.col("payload").str.json_decode(pl.Struct(_FIELDS)).struct.unnest(),
            payload_sha256=polars_hash.col("payload").chash.sha2_256(),
        )
        .select(
            "platform",
            "community",
            "kind",
            pl.col("id").alias("item_id"),
            pl.when(is_comment).then(without_prefix["link_id"]).otherwise("id").alias("thread_id"),
            _moment(pl.col("created_utc").cast(pl.Float64, strict=False)).alias("created_at"),
            "window_start",
            without_prefix["parent_id"],
            "author",
            pl.when(is_comment).then("link_title").otherwise("title").alias("title"),
            pl.when(is_comment).then("body").otherwise("selftext").alias("body"),
            pl.col("score").alias("votes"),
            pl.col("num_comments").alias("reply_count"),
            pl.coalesce(_moment(seconds), "captured_at").alias("retrieved_at"),
            "capture_path",
            "landing_uri",
            "landing_line",
            "payload_sha256",
            "landed_at",
        )
        .collect(engine="streaming")
    )


def _moment(seconds: pl.Expr) -> pl.Expr:
    """Seconds since 1970 as a time; none where the number is no time this side of the year 9999."""
    believable = pl.when(seconds.is_between(-62_135_596_800, 253_402_300_799)).then(seconds)
    return (believable * 1_000_000).round().cast(pl.Int64).cast(UTC_TIME)


def _row_problem() -> pl.Expr:
    """Reason code of a row that decodes and still is no item; null for a good one."""
    created = pl.col("created_at")
    in_time = created.is_between(EARLIEST, pl.col("landed_at") + timedelta(days=1))
    return (
        pl.when(pl.col("item_id").str.len_bytes() == 0)
        .then(pl.lit("missing_field"))
        .when(~in_time.fill_null(value=False))
        .then(pl.lit("time_out_of_range"))
        .when(created.dt.truncate("1h") != pl.col("window_start"))
        .then(pl.lit("outside_window"))
    )


def _rejections(rows: pl.DataFrame) -> pl.DataFrame:
    constant = {"stage": pl.lit("bronze"), "domain": pl.lit(None, pl.String)}
    return rows.with_columns(**constant).select(*OPS_REJECTIONS.schema)
