"""Selections of rows as Iceberg's predicates."""

from collections.abc import Mapping, Sequence

from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    EqualTo,
    GreaterThanOrEqual,
    In,
    LessThan,
    LessThanOrEqual,
)

from market_opinion.core.contracts import Table
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
