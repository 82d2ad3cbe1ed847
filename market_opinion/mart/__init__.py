"""The star schema: SQL files in `sql/`, the same text for every engine, and the order in which a load runs them.

`sql/schema` makes what is not there yet; `sql/dimensions` and `sql/facts` are one transaction; `sql/checks` return the rows
that contradict silver or each other, and any such row undoes the load; `sql/views` are what people query.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from market_opinion.contracts import UTC_TIME, Schema
from market_opinion.domain import Domain
from market_opinion.state import WindowEntry

_SQL = Path(__file__).parent / "sql"
SCHEMA = ("schema/staging", "schema/dimensions", "schema/facts")
LOAD = (
    "dimensions/date",
    "dimensions/product",
    "dimensions/community",
    "dimensions/aspect",
    "dimensions/submission",
    "dimensions/scorer",
    "facts/brand_mentions",
    "facts/aspect_opinion",
    "facts/window",
    "facts/orphan_threads",
)
AUDIT = "facts/load_audit"


@dataclass(frozen=True)
class Load:
    """What one load is told: the dates to rebuild, the catalogue, and silver rows of exactly those dates.

    `items` are the submissions and what is mentioned; `mentions` and `opinions` are of the domain loaded. `windows` are the
    ledger's hours of the dates.
    """

    domain: str
    score_set: str
    as_of: datetime
    dates: list[date]
    products: pl.DataFrame
    aspects: pl.DataFrame
    windows: pl.DataFrame
    items: pl.DataFrame
    mentions: pl.DataFrame
    opinions: pl.DataFrame
    snapshot_ids: dict[str, int | None]


# What silver.items has to tell the mart; texts stay in the lake.
ITEM_COLUMNS = (
    "platform", "community", "kind", "item_id", "thread_id", "created_at", "window_start", "author_key",
    "context_title", "permalink", "votes", "reply_count", "rating",
)  # fmt: skip
_LEDGER_COUNTS = {
    "item_count": "bronze_row_count",
    "comment_count": "comment_count",
    "usable_item_count": "usable_item_count",
    "usable_comment_count": "usable_comment_count",
}


def product_rows(domain: Domain) -> pl.DataFrame:
    """The domain's catalogue, with a hash of what makes a new version of a product."""
    rows = [
        (p.product_id, p.product, p.brand, p.category, date.fromisoformat(p.released_on) if p.released_on else None, p.is_own_brand)
        for p in domain.products
    ]
    columns: Schema = {"product_id": pl.String, "product": pl.String, "brand": pl.String, "category": pl.String}
    frame = pl.DataFrame(rows, schema={**columns, "released_on": pl.Date, "is_own_brand": pl.Boolean}, orient="row")
    return frame.with_columns(row_hash=pl.Series([hashlib.sha256(repr(row).encode()).hexdigest()[:32] for row in rows]))


def aspect_rows(domain: Domain) -> pl.DataFrame:
    """The domain's aspects."""
    rows = [(name, aspect.title, aspect.is_overall) for name, aspect in domain.aspects.items()]
    return pl.DataFrame(rows, schema={"aspect": pl.String, "title": pl.String, "is_overall": pl.Boolean}, orient="row")


def items_of_interest(items: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """The items that are submissions or have a mention."""
    key = ["platform", "kind", "item_id", "window_start"]
    mentioned = items.join(mentions.select(key).unique(), on=key, how="semi").filter(pl.col("kind") != "submission")
    return pl.concat([items.filter(pl.col("kind") == "submission"), mentioned])


def window_rows(entries: Iterable[WindowEntry]) -> pl.DataFrame:
    """The ledger's hours and what was received in them."""
    rows = [
        (e.platform, e.community, e.window_start, e.state.value, *(e.counts.get(name, 0) for name in _LEDGER_COUNTS.values()))
        for e in entries
    ]
    keys: Schema = {"platform": pl.String, "community": pl.String, "window_start": UTC_TIME, "state": pl.String}
    return pl.DataFrame(rows, schema={**keys, **dict.fromkeys(_LEDGER_COUNTS, pl.Int64)}, orient="row")


def text(name: str) -> str:
    """One SQL file as written."""
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


def statements(name: str) -> Iterator[str]:
    """The statements of one SQL file, without their comments' lines and semicolons."""
    code = "\n".join(line for line in text(name).splitlines() if not line.lstrip().startswith("--"))
    return (statement.strip() for statement in code.split(";") if statement.strip())


def names(folder: str) -> list[str]:
    """The SQL files of a folder, as `folder/stem`, in alphabetical order."""
    return sorted(f"{folder}/{path.stem}" for path in (_SQL / folder).glob("*.sql"))
