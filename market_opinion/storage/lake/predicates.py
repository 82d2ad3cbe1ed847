"""Slices of a table as Iceberg's predicates, and as a condition of the rows to write."""

from collections.abc import Mapping, Sequence

import polars as pl
from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    EqualTo,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    LessThanOrEqual,
)

from market_opinion.core.contracts import Table
from market_opinion.core.errors import ContractBroken
from market_opinion.core.window import Window

# Columns with their value or values, as `{"platform": "reddit", "community": ["ios", "pixel"]}`.
Where = Mapping[str, str | Sequence[str]]
# The time of aggregates, which have days where other tables have hours.
DAY = "full_date"


def rows_of(table: Table, where: Where, window: Window | None) -> BooleanExpression:
    """Return the predicate of rows whose columns equal `where` and whose time is in the window."""
    parts: list[BooleanExpression] = [_equals(column, value) for column, value in where.items()]
    if window is not None:
        # An item's hour is that of its own time, so one window prunes partitions by either column.
        parts += [
            _between(column, window)
            for column in ("window_start", "created_at")
            if column in table.schema
        ]
        parts += [_among_days(window) for column in table.schema if column == DAY]
    return And(AlwaysTrue(), AlwaysTrue(), *parts)


def day_column(table: Table) -> str | None:
    """Return the column whose days are the table's partitions; None for a table without days."""
    days = (term for term in table.partition if term == DAY or term.startswith("day("))
    return next((term.removeprefix("day(").removesuffix(")") for term in days), None)


def days_of(table: Table, days: Window) -> tuple[BooleanExpression, ...]:
    """Return predicates of the partitions of whole days, and of those without a day.

    They are to be scanned one by one: together, PyIceberg 0.12 compares a partition without a day
    with a day, and fails.
    """
    column = day_column(table)
    if column is None:
        return (AlwaysTrue(),)
    among = _among_days(days) if column == DAY else _between(column, days)
    return among, IsNull(column)  # type: ignore[call-arg]


def check_slice(table: Table, frame: pl.DataFrame, where: Where, window: Window | None) -> None:
    """Raise ContractBroken for rows outside the slice, which a rerun would write twice."""
    inside = pl.lit(value=True)
    for column, value in where.items():
        inside &= pl.col(column).is_in([value] if isinstance(value, str) else list(value))
    if window is not None:
        days = window.dates()
        is_ours = (
            pl.col(DAY).is_between(days[0], days[-1])
            if DAY in frame.columns
            else _is_during(window)
        )
        inside &= is_ours
    outside = frame.filter(~inside.fill_null(value=False)).height
    if outside:
        message = (
            f"{table.name}: {outside} rows lie outside the slice {dict(where)} {window} that they"
            " would replace"
        )
        raise ContractBroken(message)


# The predicates are pydantic models with their own __init__, which mypy's plugin does not see.
def _equals(column: str, value: str | Sequence[str]) -> BooleanExpression:
    if isinstance(value, str):
        return EqualTo(column, value)  # type: ignore[call-arg]
    return In(column, list(value))  # type: ignore[call-arg]


def _between(column: str, window: Window) -> BooleanExpression:
    start, end = window.start.isoformat(), window.end.isoformat()
    return And(GreaterThanOrEqual(column, start), LessThan(column, end))  # type: ignore[call-arg]


def _among_days(window: Window) -> BooleanExpression:
    days = window.dates()
    first, last = str(days[0]), str(days[-1])
    return And(GreaterThanOrEqual(DAY, first), LessThanOrEqual(DAY, last))  # type: ignore[call-arg]


def _is_during(window: Window) -> pl.Expr:
    return pl.col("window_start").is_between(window.start, window.end, closed="left")
