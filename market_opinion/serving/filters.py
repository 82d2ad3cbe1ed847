"""Filters of the dashboard, as conditions on the columns of a view."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date

import polars as pl

from market_opinion.core.errors import InvalidRequest
from market_opinion.serving.mart import names

Query = Callable[[str, Mapping[str, str]], pl.DataFrame]

# A column that says when, in the order in which a view is filtered by it.
_TIMES = ("full_date", "mentioned_at", "window_start", "week_start")


@dataclass(frozen=True)
class Filters:
    """Values to keep, each compared without regard to case; nothing is filtered by an empty field.

    `product` is a product's name or its id; `since` is the first day in UTC, `until` the last.
    """

    domain: str | None = None
    brand: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    aspect: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    community: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        """Refuse a range that ends before it starts."""
        if self.since and self.until and self.until < self.since:
            message = f"until {self.until} is before since {self.since}: swap them"
            raise InvalidRequest(message)

    @property
    def names(self) -> list[str]:
        """The names of the fields that filter."""
        return [field.name for field in fields(self) if getattr(self, field.name)]


def read_view(query: Query, view: str, filters: Filters) -> pl.DataFrame:
    """Return the rows of a view that the filters keep, in the order of its first columns.

    Raises InvalidRequest for an unknown view, and for a filter that its columns do not have.
    """
    known = views()
    if view not in known:
        message = f"there is no view {view}; there are: {', '.join(known)}"
        raise InvalidRequest(message)
    columns = query(f"SELECT * FROM mart.{view} LIMIT 0", {}).columns  # noqa: S608, a known name
    where, values = condition(filters, {name: name for name in columns}, of=f"view {view}")
    order = ", ".join(str(place) for place in range(1, min(len(columns), 6) + 1))
    return query(f"SELECT * FROM mart.{view}{where} ORDER BY {order}", values)  # noqa: S608, as above


def views() -> list[str]:
    """Return the names of all views."""
    return [name.partition("/")[2] for name in names("views")]


def condition(
    filters: Filters, columns: Mapping[str, str], *, of: str
) -> tuple[str, dict[str, str]]:
    """Return the WHERE clause that keeps what the filters name, and its parameters.

    `columns` are SQL expressions by the names of columns. Raises InvalidRequest for a filter
    without a column in `of`.
    """
    clauses: list[str] = []
    values: dict[str, str] = {}
    for clause, parameters in _clauses(filters, columns, of):
        clauses.append(clause)
        values |= parameters
    return (" WHERE " + " AND ".join(clauses) if clauses else ""), values


def _clauses(
    filters: Filters, columns: Mapping[str, str], of: str
) -> Iterator[tuple[str, dict[str, str]]]:
    when = next((columns[name] for name in _TIMES if name in columns), None)
    for name in filters.names:
        value = getattr(filters, name)
        if name in {"since", "until"} and when:
            sign = ">=" if name == "since" else "<="
            yield f"CAST({when} AS DATE) {sign} CAST(${name} AS DATE)", {name: str(value)}
        elif name in columns:
            yield _any_of(name, columns, [value] if isinstance(value, str) else value)
        else:
            usable = [*(columns.keys() & Filters.__annotations__.keys()), *_both(when)]
            message = f"{of} cannot be filtered by {name}, only by {', '.join(sorted(usable))}"
            raise InvalidRequest(message)


def _both(when: str | None) -> tuple[str, ...]:
    return ("since", "until") if when else ()


def _any_of(
    name: str, columns: Mapping[str, str], values: list[str] | tuple[str, ...]
) -> tuple[str, dict[str, str]]:
    """Return the condition that a column, or the product's id, is one of the values."""
    parameters = {f"{name}_{place}": value.lower() for place, value in enumerate(values)}
    options = ", ".join(f"${parameter}" for parameter in parameters)
    keys = [columns[key] for key in (name, f"{name}_id", f"{name}_title") if key in columns]
    return "(" + " OR ".join(f"LOWER({key}) IN ({options})" for key in keys) + ")", parameters
