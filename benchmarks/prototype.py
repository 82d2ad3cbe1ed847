"""The fastest pipeline, without any promise: `python -m benchmarks.prototype FILE OUT`.

JSON lines become the newest row per id, cleaned, matched, hashed and written as Parquet. The file
is read into memory whole, and nothing is checked or kept.
"""

import json
import sys
import time
from pathlib import Path

import polars as pl
import polars_hash

from benchmarks.measure import peak_mb
from market_opinion.domain.definition import load_domain

_SCHEMA = dict.fromkeys(
    ("id", "subreddit", "author", "body", "link_id", "parent_id", "permalink"), pl.String
) | {
    "score": pl.Int64,
    "created_utc": pl.Int64,
}
_TRIGGERS = ["http", "&", "*", "`", ">", "[", "@", "u/", "\n", "~", "#", "  ", "_"]
_STEPS = (
    ("&gt;", ">"),
    ("&lt;", "<"),
    ("&amp;", "&"),
    (r"(?m)^>.*$", ""),
    (r"\[([^\]]*)\]\([^)]*\)", "$1"),
    (r"https?://\S+", ""),
    (r"`[^`]*`", ""),
    (r"[*~#]+", ""),
    (r"u/[\w-]+", "[user]"),
    (r"[\w.+-]+@[\w-]+\.\w+", "[email]"),
    (r"\s+", " "),
)


def run(source: Path, target: Path) -> dict[str, float]:
    """Return seconds, peak memory and rows."""
    domains = Path(__file__).resolve().parent.parent / "domains"
    aliases = [alias.alias for alias in load_domain("smartphones", domains).aliases()][:500]
    began = time.perf_counter()
    frame = pl.scan_ndjson(source, schema=_SCHEMA).collect()
    rows = frame.height
    frame = frame.unique("id", keep="last")
    text = pl.when(pl.col("body").str.contains_any(_TRIGGERS)).then("body")
    for pattern, replacement in _STEPS:
        text = text.str.replace_all(pattern, replacement)
    clean_text = pl.coalesce(text, "body").str.strip_chars().str.normalize("NFC")
    frame = frame.lazy().with_columns(text=clean_text).collect(engine="streaming")
    naming_text = pl.when(
        pl.col("text").str.contains_any(aliases, ascii_case_insensitive=True)
    ).then(pl.col("text").str.to_lowercase())
    frame = (
        frame.lazy()
        .with_columns(matches=naming_text.str.extract_many(aliases, leftmost=True))
        .collect(engine="streaming")
    )
    frame = frame.with_columns(
        author=polars_hash.col("author").chash.hmac_sha256(key="0123456789abcdef")
    )
    frame.write_parquet(target)
    return {"seconds": time.perf_counter() - began, "peak_mb": peak_mb(), "rows": rows}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), Path(sys.argv[2]))))
