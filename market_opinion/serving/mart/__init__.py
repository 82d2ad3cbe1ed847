"""The star schema: SQL files in `sql/`, the same text for every engine, and the order in which a load runs them.

`sql/schema` makes what is not there yet, `sql/views` are what people query; `sql/dimensions` and `sql/facts` are one
transaction; `sql/checks` return the rows that contradict silver or each other, and any such row undoes the load. What one
engine needs alone is in a folder of its name.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from market_opinion.core.contracts import NEUTRAL_BELOW
from market_opinion.core.errors import MartRefused, ReconciliationFailed
from market_opinion.core.polars_types import UTC_TIME, Schema
from market_opinion.domain.definition import Domain
from market_opinion.storage.state import WindowEntry

_SQL = Path(__file__).parent / "sql"
SCHEMA = ("schema/staging", "schema/dimensions", "schema/facts")
_LOAD = (
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
_AUDIT = "facts/load_audit"
# Constants that SQL shares with Python, by the placeholder that stands for them in the files.
_CONSTANTS = {"{neutral_below}": str(NEUTRAL_BELOW)}


@dataclass(frozen=True)
class Load:
    """What one load is told: the dates to rebuild, the catalogue, the ledger's hours of those dates, and silver's snapshots."""

    domain: str
    score_set: str
    as_of: datetime
    dates: list[date]
    products: pl.DataFrame
    aspects: pl.DataFrame
    windows: pl.DataFrame
    snapshot_ids: dict[str, int | None]

    @property
    def key(self) -> str:
        """The same for loads that are told the same and find the same silver."""
        told = [frame.write_json() for frame in (self.products, self.aspects, self.windows)]
        found = (self.domain, self.score_set, self.dates, sorted(self.snapshot_ids.items()), told)
        return hashlib.sha256(repr(found).encode()).hexdigest()[:32]

    def frames(self) -> dict[str, pl.DataFrame]:
        """What the tables of `staging` hold during the load, by name."""
        as_of = self.as_of.astimezone(UTC).replace(tzinfo=None)
        told = {
            "load_key": self.key,
            "domain": self.domain,
            "score_set": self.score_set,
            "as_of": as_of,
            "as_of_text": as_of.isoformat(),
            **{
                f"{name}_snapshot_id": snapshot_id
                for name, snapshot_id in self.snapshot_ids.items()
            },
        }
        dates = sorted({day.year * 10_000 + day.month * 100 + day.day for day in self.dates})
        return {
            "load": pl.DataFrame(
                [told],
                schema_overrides={f"{name}_snapshot_id": pl.Int64 for name in self.snapshot_ids},
            ),
            "touched_dates": pl.DataFrame({"date_key": dates}),
            "products": self.products,
            "aspects": self.aspects,
            "windows": naive(self.windows),
        }


@dataclass(frozen=True)
class Silver:
    """Silver's rows of a load's dates: the submissions and mentioned items, and mentions and opinions of its domain and set."""

    items: pl.DataFrame
    mentions: pl.DataFrame
    opinions: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        """The tables of `silver` that the SQL reads, by name."""
        return {name: naive(frame) for name, frame in vars(self).items()}


class Mart(Protocol):
    """The star schema in one engine."""

    def load(
        self, load: Load, silver: Callable[[], Silver], *, again: bool = False
    ) -> dict[str, int]:
        """Rebuild the load's dates in one transaction and count what they hold; all or nothing.

        `silver` gives the rows for engines that cannot read the lake in place. A load that is told and finds what the last
        one of its dates did is left out, unless it is to be done `again`. Raises ReconciliationFailed, with nothing
        changed, where facts and silver would differ by a single row.
        """
        ...

    @property
    def is_loaded(self) -> bool:
        """Whether anything was ever loaded."""
        ...

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """The rows a SELECT gives, names in lower case; parameters are written `$name`."""
        ...

    def read(
        self, selects: Mapping[str, str], parameters: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """The rows of several SELECTs by their names, one after the other in one session: in DuckDB all of one moment."""
        ...

    def compact(self) -> None:
        """Leave nothing of what was deleted, where the engine keeps it."""
        ...


class NoMart:
    """No star schema at all: the lake alone is kept."""

    is_loaded = False

    def load(
        self, load: Load, silver: Callable[[], Silver], *, again: bool = False
    ) -> dict[str, int]:
        """Nothing."""
        del load, silver, again
        return {}

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Nothing can be asked: raises MartRefused."""
        del sql, parameters
        message = "MART_URI is none: no star schema is kept, the daily figures are in the lake's gold tables"
        raise MartRefused(message)

    def read(
        self, selects: Mapping[str, str], parameters: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """Nothing can be asked: raises MartRefused."""
        return ((name, self.query(select, parameters)) for name, select in selects.items())

    def compact(self) -> None:
        """Nothing."""


class Session(Protocol):
    """A connection to an engine, in a transaction; `engine` names the folder of what it needs alone."""

    engine: str

    def run(self, statement: str) -> None:
        """Run a statement."""
        ...

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The first rows it gives, a few."""
        ...


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
        (
            p.product_id,
            p.product,
            p.brand,
            p.category,
            date.fromisoformat(p.released_on) if p.released_on else None,
            p.is_own_brand,
        )
        for p in domain.products
    ]
    columns: Schema = {
        "product_id": pl.String,
        "product": pl.String,
        "brand": pl.String,
        "category": pl.String,
    }
    frame = pl.DataFrame(
        rows, schema={**columns, "released_on": pl.Date, "is_own_brand": pl.Boolean}, orient="row"
    )
    return frame.with_columns(
        row_hash=pl.Series([hashlib.sha256(repr(row).encode()).hexdigest()[:32] for row in rows])
    )


def aspect_rows(domain: Domain) -> pl.DataFrame:
    """The domain's aspects."""
    rows = [(name, aspect.title, aspect.is_overall) for name, aspect in domain.aspects.items()]
    return pl.DataFrame(
        rows,
        schema={"aspect": pl.String, "title": pl.String, "is_overall": pl.Boolean},
        orient="row",
    )


def items_of_interest(items: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """The items that are submissions or have a mention."""
    key = ["platform", "kind", "item_id", "window_start"]
    mentioned = items.join(mentions.select(key).unique(), on=key, how="semi").filter(
        pl.col("kind") != "submission"
    )
    return pl.concat([items.filter(pl.col("kind") == "submission"), mentioned])


def window_rows(entries: Iterable[WindowEntry]) -> pl.DataFrame:
    """The ledger's hours and what was received in them."""
    rows = [
        (
            e.platform,
            e.community,
            e.window_start,
            e.state.value,
            *(e.counts.get(name, 0) for name in _LEDGER_COUNTS.values()),
        )
        for e in entries
    ]
    keys: Schema = {
        "platform": pl.String,
        "community": pl.String,
        "window_start": UTC_TIME,
        "state": pl.String,
    }
    return pl.DataFrame(
        rows, schema={**keys, **dict.fromkeys(_LEDGER_COUNTS, pl.Int64)}, orient="row"
    )


def naive(frame: pl.DataFrame) -> pl.DataFrame:
    """Times without their zone: the mart's TIMESTAMP is UTC by convention, on every engine."""
    return frame.with_columns(pl.col(pl.Datetime("us", "UTC")).dt.replace_time_zone(None))


def rebuild(session: Session) -> dict[str, int]:
    """Bring the touched dates in step with `staging` and `silver`, prove it, and count; the caller commits or rolls back.

    Raises ReconciliationFailed that names the check and its first rows.
    """
    for name in _LOAD:
        run(session, name)
    for name in names("checks"):
        for statement in statements(name):
            if rows := session.rows(statement):
                message = (
                    f"mart check {name} found rows that should not be, the load was undone: {rows}"
                )
                raise ReconciliationFailed(message)
    run(session, _AUDIT)
    return counts(session)


def counts(session: Session) -> dict[str, int]:
    """What the load that `staging.load` names was found to hold."""
    sql = "SELECT a.fact_mention_count, a.fact_opinion_count FROM mart.load_audit AS a JOIN staging.load AS l ON l.load_key = a.load_key"
    mentions, opinions = session.rows(sql)[0]
    return {"fact_mention_count": int(mentions), "fact_opinion_count": int(opinions)}


def is_in_step(session: Session) -> bool:
    """Whether the load that `staging.load` names was the last one of all of its dates."""
    return bool(session.rows(text("audit/is_in_step")))


def run(session: Session, name: str) -> None:
    """Run the statements of one SQL file, or of that which the engine has in its place."""
    own = f"{session.engine}/{name}"
    for statement in statements(own if (_SQL / f"{own}.sql").exists() else name):
        session.run(statement)


def text(name: str) -> str:
    """Return the text of one SQL file, with the shared constants filled in."""
    sql = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    for placeholder, value in _CONSTANTS.items():
        sql = sql.replace(placeholder, value)
    return sql


def statements(name: str) -> Iterator[str]:
    """The statements of one SQL file, without their comments' lines and semicolons."""
    code = "\n".join(line for line in text(name).splitlines() if not line.lstrip().startswith("--"))
    return (statement.strip() for statement in code.split(";") if statement.strip())


def names(folder: str) -> list[str]:
    """The SQL files of a folder, as `folder/stem`, in alphabetical order."""
    return sorted(f"{folder}/{path.stem}" for path in (_SQL / folder).glob("*.sql"))
