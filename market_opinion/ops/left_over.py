"""Search for what an erasure has left: in every place that holds words, names or judgements."""

import html
import re
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import polars as pl

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_EXTRACTIONS,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
    SILVER_THREADS,
    TABLES,
    Table,
)
from market_opinion.core.window import Window
from market_opinion.ops.open_erasures import OpenErasure
from market_opinion.ops.peppers import known_pepper
from market_opinion.ops.run import Run
from market_opinion.scorers.llm.answers import text_keys
from market_opinion.serving.mart import Mart
from market_opinion.serving.mart.lake_rows import SILVER
from market_opinion.serving.mart.postgres import PostgresMart
from market_opinion.serving.view_files import rewrite_rows
from market_opinion.stages import erasure as erasing
from market_opinion.stages.authors import author_keys
from market_opinion.storage.export import Export
from market_opinion.storage.landing.redaction import erase_lines

DIGESTS = "digest-*"
# Folders of the home that are searched by their own rules, or hold nothing that anybody said.
_OWN_FOLDERS = ("landing", "lake", "prefect", "erasures", "inbox", "export")
_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": lambda path: pl.read_csv(path, infer_schema=False),
    ".json": lambda path: pl.read_json(path, infer_schema_length=None),
    ".xlsx": lambda path: _excel_texts(path),  # noqa: PLW0108, defined below
}
_TEXT_OF_EXCEL = re.compile(r"<t(?:\s[^<>]*)?>([^<]*)</t>")
_LANDING = "landing"
_JUDGED = (SILVER_MENTIONS, SILVER_OPINIONS, SILVER_LABELS)


def look(reached: OpenErasure) -> dict[str, int]:
    """Return, for each place that was searched, how many lines or rows still hold something.

    Searched are landing, the tables of the lake with the ledger of answers, the mart, the report
    and the digests, files of rows below the home such as `export` writes, the state, and PostgreSQL
    where there is one. See `sweep` for files that no manifest or version of a table names.
    """
    run, ids = reached.run, sorted(reached.erasure.item_ids)
    return {
        _LANDING: _landed(run, reached),
        **_tables(run, reached, ids),
        "mart": _mart(run.adapters.mart(), reached, ids),
        "report": _report(run, reached),
        "exports": _exports(run, reached),
        "state": _state(run, reached),
        **_snowflake_files(run, reached),
        **_postgres(run, reached),
    }


def sweep(begun: OpenErasure) -> tuple[dict[str, list[str]], bool]:
    """Delete files of cut-off writers with rows of a to-do, once they are old enough.

    Returns the younger ones by their table, or `landing`, and whether one that was noted is in use
    by now. Where strays are noted, no other file is looked at. A landed file without a manifest is
    read by nobody, so any may hold something.
    """
    landing, lake, noted = begun.run.adapters.landing(), begun.run.adapters.lake(), begun.strays
    is_meant = _purged(begun) if begun.is_purge else _meant_by(begun.run, begun)
    young: dict[str, list[str]] = {}
    if noted:
        young[_LANDING] = landing.erase_these_strays(noted.get(_LANDING, ()))
    else:
        young[_LANDING] = [
            path for places in _landed_in(begun) for path in landing.erase_strays(*places)
        ]
    for table in TABLES:
        if not noted or table.name in noted:
            # What was noted is meant, also once nobody knows the name that stands in it.
            young[table.name] = lake.erase_strays(
                table, lambda rows: bool(noted or is_meant(rows).any()), noted.get(table.name)
            )
    is_in_use = landing.exist({*noted.get(_LANDING, ())} - {*young[_LANDING]}) or any(
        lake.has_committed(table, noted[table.name]) for table in TABLES if table.name in noted
    )
    return {place: sorted(paths) for place, paths in young.items() if paths}, is_in_use


def _purged(begun: OpenErasure) -> Callable[[pl.DataFrame], pl.Series]:
    """Return a function that says of each row whether it may be of a purge.

    Rows that name no hour, such as answers of a model, may be.
    """
    hour = pl.col("window_start")
    during = [
        hour.is_between(each.window.start, each.window.end, closed="left") for each in begun.slices
    ]

    def is_of_purge(rows: pl.DataFrame) -> pl.Series:
        if "window_start" not in rows.columns:
            return pl.repeat(value=True, n=max(rows.height, 1), dtype=pl.Boolean, eager=True)
        is_theirs = pl.col("platform") == begun.reading.platform
        return rows.select(is_theirs & pl.any_horizontal(pl.lit(value=False), *during)).to_series()

    return is_of_purge


def _landed_in(begun: OpenErasure) -> list[tuple[str, Iterable[str], Window | None]]:
    """Return the platform, communities and hours whose landed files may hold something."""
    if not begun.is_purge:
        return [landing_places(begun)]
    return [(begun.reading.platform, each.communities, each.window) for each in begun.slices]


def _landed(run: Run, reached: OpenErasure) -> int:
    """Return the number of landed items that a further erasure would change."""
    landing, change = run.adapters.landing(), partial(erase_lines, erasure=reached.erasure)
    return sum(
        len(change(content)[1])
        for capture in landing.captures(*landing_places(reached))
        for content in landing.read(capture)
    )


def landing_places(reached: OpenErasure) -> tuple[str, Iterable[str], Window | None]:
    """Return the platform, communities and hours whose landed lines may hold something.

    Items were written in `near`: only that span is meant, and 180 days on for threads, whose title
    their comments repeat. A user writes in any community.
    """
    platform, erasure = reached.reading.platform, reached.erasure
    names = reached.reading.communities
    if erasure.users:
        names = tuple(reached.run.adapters.landing().communities(platform))
    return platform, names, erasing.reach(erasure, reached.near)


def _tables(run: Run, reached: OpenErasure, ids: list[str]) -> dict[str, int]:
    lake, platform, users = run.adapters.lake(), reached.reading.platform, reached.erasure.users
    where = {"platform": platform}
    pepper = known_pepper(run.adapters.state(), run.settings)
    keys = [key for user in sorted(users) for key in author_keys(platform, user, pepper=pepper)]
    threads = sorted(reached.erasure.thread_ids)
    columns = ["item_id", "text", "context_title"]

    def of(table: Table, column: str, values: list[str], columns: list[str]) -> pl.DataFrame:
        rows = lake.read(table, {**where, column: values}, columns=columns) if values else None
        return table.empty().select(columns) if rows is None else rows

    named = lake.read(BRONZE_ITEMS, where, columns=["author"]) if users else None
    silver = pl.concat(
        [
            of(SILVER_ITEMS, "item_id", ids, columns).filter(pl.col("text") != ""),
            of(SILVER_ITEMS, "author_key", keys, columns),
        ]
    )
    asked = text_keys(silver)
    return {
        BRONZE_ITEMS.name: of(BRONZE_ITEMS, "item_id", ids, ["body"])
        .filter(erasing.has_words(pl.col("body")))
        .height
        + (0 if named is None else named.filter(erasing.is_by_user(reached.erasure)).height),
        SILVER_ITEMS.name: silver.height,
        SILVER_EXTRACTIONS.name: lake.read(SILVER_EXTRACTIONS, {"text_key": asked}).height
        if asked
        else 0,
        SILVER_THREADS.name: of(SILVER_THREADS, "thread_id", threads, ["thread_id"]).height,
        **{table.name: of(table, "item_id", ids, ["item_id"]).height for table in _JUDGED},
    }


def _meant_by(run: Run, reached: OpenErasure) -> Callable[[pl.DataFrame], pl.Series]:
    """Return a function that says of each row whether it is of the erasure.

    Such are rows of its items, of its users by key, with a title of its threads, and with a name.
    """
    erasure, platform = reached.erasure, reached.reading.platform
    pepper = known_pepper(run.adapters.state(), run.settings)
    keys = [each for name in erasure.users for each in author_keys(platform, name, pepper=pepper)]

    def is_meant(rows: pl.DataFrame) -> pl.Series:
        columns = set(rows.columns)
        meant = {"item_id": set(erasure.item_ids), "thread_id": set[str](), "author_key": set(keys)}
        if columns & {"author", "author_key"}:
            meant["item_id"] |= erasure.authorless_ids
        if columns & {"title", "context_title"}:
            meant["thread_id"] |= erasure.thread_ids
        tests = [
            pl.col(name).cast(pl.String).is_in(list(values))
            for name, values in meant.items()
            if values and name in columns
        ]
        tests += [
            pl.col(name).str.to_lowercase().str.contains(user, literal=True)
            for name, dtype in rows.schema.items()
            if dtype == pl.String
            for user in erasure.users
        ]
        if not tests:
            return pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
        found = pl.any_horizontal([each.fill_null(value=False) for each in tests])
        if "platform" in columns:
            found &= pl.col("platform").eq_missing(platform)
        return rows.select(found).to_series()

    return is_meant


def _exports(run: Run, reached: OpenErasure) -> int:
    """Drop the rows from files in the home folder, at any depth; return how many hold some.

    An Excel file that holds some is deleted. In a file that has no rows, only names are looked for.
    """
    is_meant, left = _meant_by(run, reached), 0
    for path in _files_of_rows(run.settings.home):
        try:
            rows = _READERS[path.suffix](path)
        except (pl.exceptions.PolarsError, zipfile.BadZipFile):
            content = path.read_bytes().lower()
            left += any(user.encode() in content for user in reached.erasure.users)
            continue
        # An id that begins like a formula has a ' before it in a file for spreadsheets.
        bare = rows.with_columns(pl.col("^item_id$").cast(pl.String).str.strip_prefix("'"))
        kept = rows.filter(~is_meant(bare))
        if kept.height == rows.height:
            continue
        if path.suffix == ".xlsx":
            path.unlink()
        else:
            rewrite_rows(kept, path)
    return left


def _files_of_rows(home: Path) -> list[Path]:
    places = [place for place in home.iterdir() if place.name not in _OWN_FOLDERS]
    files = [path for place in places for path in (place, *place.rglob("*"))]
    return [path for path in files if path.suffix in _READERS and path.is_file()]


def _excel_texts(path: Path) -> pl.DataFrame:
    """Return the texts of an Excel file, whatever their column."""
    with zipfile.ZipFile(path) as file:
        parts = [file.read(name).decode() for name in file.namelist() if name.endswith(".xml")]
    texts = [html.unescape(text) for part in parts for text in _TEXT_OF_EXCEL.findall(part)]
    return pl.DataFrame({"item_id": texts}, schema={"item_id": pl.String})


def _state(run: Run, reached: OpenErasure) -> int:
    """Return how many names stand in the bytes of an embedded state, with its log beside it."""
    files = run.settings.home.glob("state.sqlite*")
    contents = [path.read_bytes().lower() for path in files]
    return sum(user.encode() in content for content in contents for user in reached.erasure.users)


def _snowflake_files(run: Run, reached: OpenErasure) -> dict[str, int]:
    """Return how many rows that Snowflake reads hold something, where it reads files.

    An erased item keeps a row without words in the lake, and so in the files: a row counts if the
    lake has no such row, or has it no more.
    """
    settings = run.settings
    if settings.mart.engine != "snowflake" or settings.snowflake.access != "external":
        return {}
    is_meant, lake, left = _meant_by(run, reached), run.adapters.lake(), 0
    for name, rows in Export(settings.mart.export_root).frames():
        meant = rows.filter(is_meant(rows))
        if meant.height:
            where = {"item_id": meant["item_id"].unique().to_list()}
            kept = lake.read(SILVER[name], where, columns=meant.columns)
            left += _without(meant, kept).height
    return {"files for Snowflake": left}


def _postgres(run: Run, reached: OpenErasure) -> dict[str, int]:
    """Return the quotes that PostgreSQL shows and the mart does not, where it is configured.

    What is published may lack the id of its item, so quotes are compared with those of the mart.
    """
    uri, mart = run.settings.mart.postgres_uri, run.adapters.mart()
    if uri is None:
        return {}
    published = PostgresMart(uri)
    if not published.is_loaded:
        return {"postgres": 0}
    columns = ["domain", "product_id", "aspect", "label", "community", "mentioned_at", "evidence"]
    sql = f"SELECT {', '.join(columns)} FROM mart.top_evidence WHERE platform = $platform"  # noqa: S608, our names
    platform = {"platform": reached.reading.platform}
    shown = published.query(sql, platform)
    kept = mart.query(sql, platform) if mart.is_loaded else shown.clear()
    return {"postgres": _without(shown, kept).height}


def _without(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that are not among the others."""
    alike = others.select(rows.columns).cast(rows.schema)
    return rows.join(alike, on=rows.columns, how="anti", nulls_equal=True)


def _mart(mart: Mart, reached: OpenErasure, ids: list[str]) -> int:
    if not ids or not mart.is_loaded:
        return 0
    sql = "SELECT item_id FROM mart.fact_brand_mentions WHERE platform = $platform"
    rows = mart.query(sql, {"platform": reached.reading.platform})
    return rows.filter(pl.col("item_id").is_in(ids)).height


def _report(run: Run, reached: OpenErasure) -> int:
    pages = [run.settings.report_path, *run.settings.home.glob(DIGESTS)]
    texts = [path.read_text(encoding="utf-8").lower() for path in pages if path.exists()]
    return sum(user in text for text in texts for user in reached.erasure.users)
