"""One job by our stages, DuckDB, pandas and Polars alone, with the same rows in the end.

    .venv/bin/python -m benchmarks.peers [--items 1000000] [--folder FOLDER]

The job: JSON lines of Reddit are typed; of an id that was captured twice the later line stays; the
text is cleaned of markup and links, in lower case, with a space for all but letters and digits;
then, per community, day and brand that the text names, the number of comments, of authors, and the
sum of votes. A text names a brand by an alias of the catalogue, as whole words.

Each engine does the job in a process of its own, as its users would write it. Ours does more on the
way, and its seconds pay for it: lines are landed as they came, with a manifest that proves them;
names, addresses and numbers of persons are masked, and authors hashed with a secret key; every
table is checked against its contract and committed to Iceberg, a slice at a time, so that a run may
be killed and an item corrected; odd lines are kept aside, and each row leads to its line. The stage
that finds mentions is left out, since its rules also know what is no product: its rows are others.
PySpark takes part where it can be imported.
"""

import importlib
import importlib.util
import itertools
import json
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cyclopts
import polars as pl

from benchmarks import archive
from benchmarks.measure import finish, measured_by, peak_mb, report
from market_opinion.domain.definition import load_domain

_DOMAINS = Path(__file__).resolve().parent.parent / "domains"
_KEY = ["community", "day", "brand"]
_STEPS = (
    (r"(?m)^>[^\n]*", ""),
    (r"&gt;", ">"),
    (r"&lt;", "<"),
    (r"&amp;", "&"),
    (r"\]\([^)]*\)", "]"),
    (r"https?://\S+", ""),
)
_NO_WORDS = r"[^\p{L}\p{N}+]+"


def _aliases() -> dict[str, list[str]]:
    """Return the aliases of each brand that need no other word in sight, with a space around."""
    domain = load_domain("smartphones", _DOMAINS)
    brands = {product.product_id: product.brand for product in domain.products}
    aliases = defaultdict(list)
    for alias in domain.aliases():
        if not alias.needs_brand:
            aliases[brands[alias.product_id]].append(f" {alias.alias} ")
    return dict(aliases)


def _patterns() -> dict[str, str]:
    """Return one regular expression a brand."""
    return {brand: "|".join(map(re.escape, names)) for brand, names in _aliases().items()}


def by_ours(source: Path) -> pl.DataFrame:
    """Return the rows by our stages from landing to silver, in the home of the environment."""
    # Each engine is loaded where it is used, so that no other one's memory has it.
    from prefect.logging import disable_run_logger

    from market_opinion.core.contracts import SILVER_ITEMS
    from tasks.bronze import build_bronze
    from tasks.fetch import fetch_windows
    from tasks.request import check_backfill
    from tasks.silver import clean_items, find_threads

    now = datetime.now(UTC)
    with disable_run_logger():
        run, reading = check_backfill.fn(
            "smartphones", "archive", str(source.parent), None, None, None, now
        )
        for span in fetch_windows.fn(run, reading, reading.communities, None).slices:
            for stage in (build_bronze, find_threads, clean_items):
                stage.fn(run, span)
    columns = ["community", "created_at", "author_key", "votes", "text"]
    items = run.adapters.lake().read(SILVER_ITEMS, columns=columns).lazy()
    return _count(items, pl.col("text"), pl.col("created_at").dt.date(), "author_key", "votes")


def by_duckdb(source: Path) -> pl.DataFrame:
    """Return the rows by one statement of DuckDB."""
    import duckdb

    text = "body"
    for pattern, replacement in _STEPS:
        text = f"regexp_replace({text}, '{pattern}', '{replacement}', 'g')"
    named = ", ".join(
        f"CASE WHEN regexp_matches(text, '{pattern}') THEN '{brand}' END"
        for brand, pattern in _patterns().items()
    )
    anything = "|".join(_patterns().values())
    return duckdb.sql(f"""
        WITH lines AS (
            SELECT *, row_number() OVER () AS line
            FROM read_json('{source}', format = 'newline_delimited', columns = {{
                id: 'VARCHAR', subreddit: 'VARCHAR', author: 'VARCHAR', body: 'VARCHAR',
                score: 'BIGINT', created_utc: 'BIGINT'}})
        ), newest AS (
            SELECT id, arg_max(struct_pack(subreddit, author, body, score, created_utc), line) AS r
            FROM lines GROUP BY id
        ), cleaned AS (
            SELECT r.*, ' ' || regexp_replace(lower({text.replace("body", "r.body")}),
                '{_NO_WORDS}', ' ', 'g') || ' ' AS text
            FROM newest
        ), named AS (
            SELECT *, unnest([{named}]) AS brand
            FROM cleaned WHERE regexp_matches(text, '{anything}')
        )
        SELECT subreddit, make_timestamp(created_utc * 1000000)::DATE AS day, brand,
            count(*), count(DISTINCT author), sum(score)
        FROM named WHERE brand IS NOT NULL GROUP BY ALL
    """).pl()  # noqa: S608, our names


def by_pandas(source: Path) -> pl.DataFrame:
    """Return the rows by pandas."""
    import pandas as pd

    columns = ["id", "subreddit", "author", "body", "score", "created_utc"]
    rows = pd.read_json(source, lines=True, engine="pyarrow")[columns]
    rows = rows.drop_duplicates("id", keep="last")
    text = rows["body"]
    for pattern, replacement in _STEPS:
        text = text.str.replace(pattern, replacement, regex=True)
    rows["text"] = " " + text.str.lower().str.replace(_NO_WORDS, " ", regex=True) + " "
    rows["day"] = pd.to_datetime(rows["created_utc"], unit="s").dt.date
    patterns = _patterns()
    rows = rows[rows["text"].str.contains("|".join(patterns.values()))]
    named = pd.concat(
        rows[rows["text"].str.contains(pattern)].assign(brand=brand)
        for brand, pattern in patterns.items()
    )
    groups = named.groupby(["subreddit", "day", "brand"], as_index=False)
    found = groups.agg(n=("id", "size"), authors=("author", "nunique"), votes=("score", "sum"))
    return pl.from_pandas(found)


def by_polars(source: Path) -> pl.DataFrame:
    """Return the rows by Polars alone."""
    schema = dict.fromkeys(("id", "subreddit", "author", "body"), pl.String) | {
        "score": pl.Int64,
        "created_utc": pl.Int64,
    }
    text = pl.col("body")
    for pattern, replacement in _STEPS:
        text = text.str.replace_all(pattern, replacement)
    rows = pl.scan_ndjson(source, schema=schema).unique("id", keep="last", maintain_order=False)
    day = pl.from_epoch("created_utc").dt.date()
    return _count(rows.rename({"subreddit": "community"}), text, day, "author", "score")


def _count(
    rows: pl.LazyFrame, text: pl.Expr, day: pl.Expr, author: str, votes: str
) -> pl.DataFrame:
    """Return the counts of deduplicated comments by Polars."""
    aliases = _aliases()
    brands = pl.concat_list(
        pl.when(pl.col("text").str.contains_any(names)).then(pl.lit(brand))
        for brand, names in aliases.items()
    )
    spaced = " " + text.str.to_lowercase().str.replace_all(_NO_WORDS, " ") + " "
    return (
        rows.with_columns(text=spaced, day=day)
        .filter(pl.col("text").str.contains_any([*itertools.chain(*aliases.values())]))
        .with_columns(brand=brands)
        .explode("brand")
        .drop_nulls("brand")
        .group_by(_KEY)
        .agg(pl.len(), pl.col(author).n_unique(), pl.col(votes).sum())
        .collect(engine="streaming")
    )


def by_pyspark(source: Path) -> pl.DataFrame:
    """Return the rows by PySpark on all cores of this machine."""
    from pyspark.sql import SparkSession, Window
    from pyspark.sql import functions as f

    spark = SparkSession.builder.master("local[*]").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    schema = "id STRING, subreddit STRING, author STRING, body STRING, score LONG, created_utc LONG"
    last = Window.partitionBy("id").orderBy(f.desc("line"))
    rows = spark.read.schema(schema).json(str(source))
    # Within a file, the id grows with the line.
    rows = rows.withColumn("line", f.monotonically_increasing_id())
    rows = rows.withColumn("place", f.row_number().over(last)).filter("place = 1")
    text = f.col("body")
    for pattern, replacement in _STEPS:
        text = f.regexp_replace(text, pattern, replacement)
    text = f.concat(f.lit(" "), f.regexp_replace(f.lower(text), _NO_WORDS, " "), f.lit(" "))
    named = [
        f.when(f.col("text").rlike(pattern), f.lit(brand)) for brand, pattern in _patterns().items()
    ]
    rows = (
        rows.withColumn("text", text)
        .filter(f.col("text").rlike("|".join(_patterns().values())))
        .withColumn("brand", f.explode(f.array(*named)))
        .filter("brand IS NOT NULL")
        .withColumn("day", f.to_date(f.timestamp_seconds("created_utc")))
        .groupBy("subreddit", "day", "brand")
        .agg(f.count("*"), f.countDistinct("author"), f.sum("score"))
    )
    return pl.from_arrow(rows.toArrow())


ENGINES: dict[str, Callable[[Path], pl.DataFrame]] = {
    "ours": by_ours,
    "duckdb": by_duckdb,
    "pandas": by_pandas,
    "polars": by_polars,
    **({"pyspark": by_pyspark} if importlib.util.find_spec("pyspark") else {}),
}
# Modules that are loaded before the clock starts.
_LOADED = {
    "ours": ("tasks.bronze", "tasks.fetch", "tasks.request", "tasks.silver"),
    "duckdb": ("duckdb",),
    "pandas": ("pandas", "pyarrow.json"),
    "polars": ("polars",),
    "pyspark": ("pyspark.sql",),
}
_SCHEMA = {
    "community": pl.String,
    "day": pl.Date,
    "brand": pl.String,
    "comment_count": pl.Int64,
    "author_count": pl.Int64,
    "vote_sum": pl.Int64,
}


def rows_of(engine: str, source: Path) -> pl.DataFrame:
    """Return the rows of an engine, one per community, day and brand, in this order."""
    frame = ENGINES[engine](source)
    return frame.rename(dict(zip(frame.columns, _SCHEMA, strict=True))).cast(_SCHEMA).sort(_KEY)  # type: ignore[arg-type]


def _do(engine: str, source: Path, target: Path) -> dict[str, float]:
    """Do the job here, write its rows, and return seconds and peak memory."""
    for name in _LOADED[engine]:
        importlib.import_module(name)
    began, processor = time.perf_counter(), time.process_time()
    rows = rows_of(engine, source)
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
    rows.write_parquet(target)
    return {"seconds": seconds, "processor": processor, "peak_mb": peak_mb()}


def main(
    *,
    items: int = 1_000_000,
    folder: Path | None = None,
    engine: str | None = None,
    source: Path | None = None,
    to: Path | None = None,
) -> None:
    """Measure the job by each engine.

    Args:
        items: Comments in the archive.
        folder: Folder that keeps the archive; default: a temporary one.
        engine: Engine to do the job with; used by the benchmark itself.
        source: File of the archive; used by the benchmark itself.
        to: File for the rows; used by the benchmark itself.
    """
    if engine and source and to:
        print(json.dumps(_do(engine, source, to)))
        return
    rows: dict[str, pl.DataFrame] = {}
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        (file,) = archive.make((folder or root) / f"{items}", items=items).glob("RC_*.jsonl")
        for name in ENGINES:
            target = root / f"{name}.parquet"
            options = ("--engine", name, "--source", str(file), "--to", str(target))
            done = measured_by("benchmarks.peers", *options, MARKET_OPINION_HOME=str(root / "home"))
            rows[name] = pl.read_parquet(target)
            report(f"peers.{name}_seconds", done["seconds"], "seconds")
            report(f"peers.{name}_processor", done["processor"], "seconds")
            report(f"peers.{name}_memory", done["peak_mb"], "MB")
    report("peers.rows", rows["polars"].height, "rows", at_least=1)
    for name, frame in rows.items():
        other = frame.join(rows["polars"], on=list(_SCHEMA), how="anti")
        missing = rows["polars"].join(frame, on=list(_SCHEMA), how="anti")
        count = other.height + missing.height
        report(f"peers.{name}_rows_that_differ", count, "rows", at_most=0)
        if count:
            print(other, missing, file=sys.stderr)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
