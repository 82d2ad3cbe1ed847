"""The star schema: SQL files in `sql/`, the same text for every engine, and their order in a load.

`sql/schema` creates missing tables, and `sql/views` holds the views that people query.
`sql/dimensions` and `sql/facts` run in one transaction. `sql/checks` select rows that contradict
silver or each other; a single such row undoes the load. A folder named after an engine holds the
files that only this engine needs.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from market_opinion.core.column_types import TYPES, Engine
from market_opinion.core.contracts import (
    GOLD_BURSTS,
    GOLD_CHANGES,
    GOLD_ESTIMATES,
    ITEM_KEY,
    NEUTRAL_BELOW,
)
from market_opinion.core.errors import MartRefused, ReconciliationFailed
from market_opinion.domain.definition import Domain
from market_opinion.serving.mart.columns import (
    ASPECTS,
    BURST_COLUMNS,
    CHANGE_COLUMNS,
    ESTIMATE_COLUMNS,
    PRODUCTS,
    WINDOWS,
    filled,
    schema_of,
)
from market_opinion.storage.state import WindowEntry
from market_opinion.truth.estimates import (
    FREEDOM_MIN,
    NORMAL_QUANTILE,
    NOTHING,
    QUANTILE_TERMS,
    SIZE_MIN,
)

_SQL = Path(__file__).parent / "sql"
ONE_SELECT = "a query is one SELECT: it reads, and changes nothing"
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
    "facts/label_estimates",
    "facts/weekly_changes",
    "facts/daily_bursts",
)
# After the checks, which compare what silver has with what was loaded.
_AFTER_CHECKS = ("facts/sample_apart", "facts/load_audit")
# Table, column in marts of earlier versions, and its name of now.
_RENAMED = (("mart.fact_brand_mentions", "mention_count", "times_named"),)
# Columns that marts of earlier versions lack, last in their tables, and the words of their types.
_ADDED = (
    ("mart.fact_brand_mentions", "score_as_of", "time"),
    ("mart.fact_aspect_opinion", "score_as_of", "time"),
    ("mart.dim_submission", "score_as_of", "time"),
    # Of Snowflake alone, where silver's rows of a load are tables.
    ("silver.items", "retrieved_at", "time"),
)
# Constants that SQL shares with Python, by the placeholder that stands for them in the files.
_CONSTANTS = {
    "{neutral_below}": str(NEUTRAL_BELOW),
    "{nothing}": repr(NOTHING),
    "{normal_quantile}": repr(NORMAL_QUANTILE),
    **{f"{{quantile_{n}}}": repr(term) for n, term in enumerate(QUANTILE_TERMS, start=1)},
    "{size_min}": str(SIZE_MIN),
    "{freedom_min}": str(FREEDOM_MIN),
}


@dataclass(frozen=True)
class Load:
    """Inputs of one load: the dates to rebuild, the catalogue, the ledger's hours, snapshots.

    `estimates` are the domain's figures by labels, in ESTIMATE_COLUMNS; `changes` and `bursts` are
    what was found of it, in CHANGE_COLUMNS and BURST_COLUMNS.
    """

    domain: str
    score_set: str
    as_of: datetime
    dates: list[date]
    products: pl.DataFrame
    aspects: pl.DataFrame
    windows: pl.DataFrame
    snapshot_ids: dict[str, int | None]
    estimates: pl.DataFrame = field(
        default_factory=lambda: GOLD_ESTIMATES.empty().select(ESTIMATE_COLUMNS)
    )
    changes: pl.DataFrame = field(
        default_factory=lambda: GOLD_CHANGES.empty().select(CHANGE_COLUMNS)
    )
    bursts: pl.DataFrame = field(default_factory=lambda: GOLD_BURSTS.empty().select(BURST_COLUMNS))

    @property
    def key(self) -> str:
        """Hash of the load's inputs; equal for loads that write the same rows."""
        tables = [
            frame.write_json()
            for frame in (
                self.products,
                self.aspects,
                self.windows,
                self.estimates,
                self.changes,
                self.bursts,
            )
        ]
        inputs = (
            self.domain,
            self.score_set,
            self.dates,
            sorted(self.snapshot_ids.items()),
            tables,
        )
        return hashlib.sha256(repr(inputs).encode()).hexdigest()[:32]

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the rows of each table of `staging` during the load, by table name."""
        as_of = self.as_of.astimezone(UTC).replace(tzinfo=None)
        row = {
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
                [row],
                schema_overrides={f"{name}_snapshot_id": pl.Int64 for name in self.snapshot_ids},
            ),
            "touched_dates": pl.DataFrame({"date_key": dates}),
            "products": self.products,
            "aspects": self.aspects,
            "windows": naive(self.windows),
            "estimates": self.estimates,
            "changes": self.changes,
            "bursts": naive(self.bursts),
        }


@dataclass(frozen=True)
class Silver:
    """Rows of silver on a load's dates.

    Items are submissions and whatever has a mention; mentions and opinions are those of the
    load's domain and score set.
    """

    items: pl.DataFrame
    mentions: pl.DataFrame
    opinions: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the tables of `silver` that the SQL reads, by name."""
        return {name: naive(frame) for name, frame in vars(self).items()}


class Mart(Protocol):
    """The star schema in one engine."""

    def load(
        self, load: Load, silver: Callable[[], Silver], *, again: bool = False
    ) -> dict[str, int]:
        """Rebuild the load's dates in one transaction and count what they hold; all or nothing.

        `silver` returns the rows, for engines that cannot read the lake in place. A load with the
        same inputs as the last load of its dates is skipped, unless `again` is set. Raises
        ReconciliationFailed, and changes nothing, if facts and silver would differ by one row.
        """
        ...

    @property
    def is_loaded(self) -> bool:
        """Whether the mart has ever been loaded."""
        ...

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Return the rows of one SELECT, with column names in lower case.

        The statement refers to a parameter as `$name`. Raises InvalidRequest for a text that is
        not one statement that reads.
        """
        ...

    def read(
        self, selects: Mapping[str, str], parameters: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield the rows of several SELECTs with their names, one after the other in one session.

        In DuckDB all of them see the same state of the mart.
        """
        ...

    def compact(self) -> None:
        """Remove deleted rows from storage, in engines that keep them there."""
        ...


class NoMart:
    """Stand-in where no star schema is kept, only the lake."""

    is_loaded = False

    def load(
        self, load: Load, silver: Callable[[], Silver], *, again: bool = False
    ) -> dict[str, int]:
        """Do nothing and count nothing."""
        del load, silver, again
        return {}

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Raise MartRefused, since there is nothing to query."""
        del sql, parameters
        message = (
            "MART_URI is none, so there is no star schema: query the gold tables of the lake,"
            " or set MART_URI"
        )
        raise MartRefused(message)

    def read(
        self, selects: Mapping[str, str], parameters: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """Raise MartRefused, since there is nothing to query."""
        return ((name, self.query(select, parameters)) for name, select in selects.items())

    def compact(self) -> None:
        """Do nothing."""


class Session(Protocol):
    """A connection to an engine in a transaction; `engine` is the name of its own SQL folder."""

    engine: Engine

    def run(self, statement: str) -> None:
        """Run a statement."""
        ...

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the first few rows of a statement."""
        ...


# The ledger's names of the counts in WINDOWS, in their order.
_LEDGER_COUNTS = (
    "bronze_row_count", "comment_count", "usable_item_count", "usable_comment_count",
)  # fmt: skip


def product_rows(domain: Domain) -> pl.DataFrame:
    """Return the domain's products; `row_hash` changes when a product needs a new version."""
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
    *received, _ = PRODUCTS
    frame = pl.DataFrame(rows, schema=schema_of(received), orient="row")
    return frame.with_columns(
        row_hash=pl.Series([hashlib.sha256(repr(row).encode()).hexdigest()[:32] for row in rows])
    )


def aspect_rows(domain: Domain) -> pl.DataFrame:
    """Return the domain's aspects."""
    rows = [(name, aspect.title, aspect.is_overall) for name, aspect in domain.aspects.items()]
    return pl.DataFrame(rows, schema=schema_of(ASPECTS), orient="row")


def items_of_interest(items: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """Return the items that are submissions or have a mention."""
    mentioned = items.join(mentions, on=ITEM_KEY, how="semi").filter(pl.col("kind") != "submission")
    return pl.concat([items.filter(pl.col("kind") == "submission"), mentioned])


def window_rows(entries: Iterable[WindowEntry]) -> pl.DataFrame:
    """Return the ledger's hours with their state and the counts of what was received."""
    rows = [
        (
            e.platform,
            e.community,
            e.window_start,
            e.state.value,
            *(e.counts.get(name, 0) for name in _LEDGER_COUNTS),
        )
        for e in entries
    ]
    return pl.DataFrame(rows, schema=schema_of(WINDOWS), orient="row")


def naive(frame: pl.DataFrame) -> pl.DataFrame:
    """Drop the zone of times: a TIMESTAMP of the mart is UTC by convention, on every engine."""
    return frame.with_columns(pl.col(pl.Datetime("us", "UTC")).dt.replace_time_zone(None))


def rebuild(session: Session) -> dict[str, int]:
    """Rebuild the touched dates from `staging` and `silver`, run the checks and count the facts.

    The caller commits or rolls back. Raises ReconciliationFailed, which names the check that
    failed and the first rows it selects.
    """
    for name in _LOAD:
        run(session, name)
    for name in names("checks"):
        for statement in statements(name):
            if rows := session.rows(statement):
                message = (
                    f"mart check {name} selects rows, so the load was undone: {rows};"
                    " run the window again, and report it if it fails again"
                )
                raise ReconciliationFailed(message)
    for name in _AFTER_CHECKS:
        run(session, name)
    return counts(session)


def counts(session: Session) -> dict[str, int]:
    """Return the fact counts of the load that `staging.load` names, from its audit row."""
    sql = (
        "SELECT a.fact_mention_count, a.fact_opinion_count FROM mart.load_audit AS a"
        " JOIN staging.load AS l ON l.load_key = a.load_key"
    )
    mentions, opinions = session.rows(sql)[0]
    return {"fact_mention_count": int(mentions), "fact_opinion_count": int(opinions)}


def is_in_step(session: Session) -> bool:
    """Whether the load that `staging.load` names is the latest load of all of its dates."""
    return bool(session.rows(text("audit/is_in_step")))


def bring_up_to_date(session: Session) -> None:
    """Give tables of a mart of an earlier version the columns of now, with their names of now.

    Rows have nothing in an added column until their dates are loaded again.
    """
    for table, former, name in _RENAMED:
        if _columns_called(session, table, former)[1]:
            session.run(f"ALTER TABLE {table} RENAME COLUMN {former} TO {name}")
    for table, name, word in _ADDED:
        column_count, same_count = _columns_called(session, table, name)
        if column_count and not same_count:
            kind = TYPES[word].in_engine(session.engine)
            session.run(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")


def _columns_called(session: Session, table: str, name: str) -> tuple[int, int]:
    """Return the number of the table's columns, and of those with this name.

    In DuckDB files of earlier versions the tables stand in `main`.
    """
    schema, _, plain = table.partition(".")
    sql = (
        f"SELECT COUNT(*), COUNT(CASE WHEN LOWER(column_name) = '{name}' THEN 1 END)"  # noqa: S608, our names
        f" FROM information_schema.columns WHERE LOWER(table_name) = '{plain}'"
        f" AND LOWER(table_schema) IN ('{schema}', 'main')"
    )
    column_count, same_count = session.rows(sql)[0]
    return int(column_count), int(same_count)


def run(session: Session, name: str) -> None:
    """Run the statements of one SQL file, or of the engine's own version of it."""
    own = f"{session.engine}/{name}"
    name = own if (_SQL / f"{own}.sql").exists() else name
    for statement in statements(name, session.engine):
        session.run(statement)


def text(name: str, engine: Engine = "duckdb") -> str:
    """Return the text of one SQL file, with shared constants, columns and types filled in."""
    sql = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    for placeholder, value in _CONSTANTS.items():
        sql = sql.replace(placeholder, value)
    return filled(sql, engine)


def statements(name: str, engine: Engine = "duckdb") -> Iterator[str]:
    """Yield the statements of one SQL file, without comment lines and semicolons."""
    lines = text(name, engine).splitlines()
    code = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return (statement.strip() for statement in code.split(";") if statement.strip())


def names(folder: str) -> list[str]:
    """Return the SQL files of a folder as `folder/stem`, in alphabetical order."""
    return sorted(f"{folder}/{path.stem}" for path in (_SQL / folder).glob("*.sql"))
