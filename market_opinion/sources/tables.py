r"""Rows of CSV files, told apart strictly, with the number of the physical line of each.

What is wrong with a row costs that row and no other. A row that has more or fewer values than there
are columns is refused, and so is one whose quote is not closed: reading goes on at the next
physical line. Quotes within quotes are doubled, or have a backslash before them.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from market_opinion.storage.json_line import MAX_LINE_BYTES

DELIMITERS = (",", ";", "\t", "|")
# So many physical lines may one row have; its limit in bytes comes first for most.
_LINES_MAX = 5_000
# A physical line that was too long to be kept becomes this and its length; no line that was kept
# holds a line end.
TOO_LONG = "\ntoo long: "
# Reasons of rows after which nobody knows where the next one begins.
UNCLEAR = frozenset({"quote_not_closed", "stray_quote"})
# A quote within quotes is doubled, or has a backslash before it.
_ESCAPES = (None, "\\")
csv.field_size_limit(MAX_LINE_BYTES)


@dataclass(frozen=True)
class Row:
    """Values of one row, or the reason why it was refused, and the physical line it begins on."""

    line_number: int
    values: list[str] = field(default_factory=list)
    reason: str = ""
    detail: str = ""


def delimiter_of(header: str, wanted: Callable[[list[str]], bool], usual: str) -> str:
    """Return the delimiter by which a header has the wanted columns; the usual one if none does."""
    for delimiter in (usual, *DELIMITERS):
        if wanted(header_of(header, delimiter)):
            return delimiter
    return usual


def header_of(line: str, delimiter: str) -> list[str]:
    """Return the names of the columns."""
    values = _parsed([line], delimiter, 0)
    return [name.strip() for name in values or [line]]


def rows_of(
    lines: Iterable[str],
    delimiter: str,
    count: int,
    *,
    first: int = 2,
    is_row: Callable[[list[str]], bool] = lambda _: True,
) -> Iterator[Row]:
    """Yield a row or a refusal for every row of the physical lines.

    `count` is the number of columns, `first` the number of the first line. `is_row` tells whether
    values are those of a whole row: a quoted value that seems to hold such rows was not closed.
    """
    reader = _LineReader(iter(lines), first)
    while (line := reader.take()) is not None:
        if not line.strip():
            continue
        yield _Rows(reader, delimiter, count, is_row).row(line)


class _LineReader:
    """Physical lines with a way back: lines that were looked at can be read again."""

    def __init__(self, lines: Iterator[str], first: int) -> None:
        self._lines, self._waiting = lines, list[str]()
        self.number = first - 1

    def take(self) -> str | None:
        """Return the next line; None at the end."""
        line = self._waiting.pop() if self._waiting else next(self._lines, None)
        if line is not None:
            self.number += 1
        return line

    def put_back(self, lines: list[str]) -> None:
        """Have these lines read again."""
        self._waiting.extend(reversed(lines))
        self.number -= len(lines)


@dataclass(frozen=True)
class _Rows:
    """One row that begins on a line."""

    reader: _LineReader
    delimiter: str
    count: int
    is_row: Callable[[list[str]], bool]

    def row(self, line: str) -> Row:
        """Return the row, having read all of its lines."""
        number = self.reader.number
        if line.startswith(TOO_LONG):
            length = line.removeprefix(TOO_LONG)
            detail = f"line {number}: {length} bytes, at most {MAX_LINE_BYTES:,} are read"
            return Row(number, reason="too_large", detail=detail)
        lines, values, is_open = self._read(line)
        if values is not None and len(values) == self.count and not self._holds_rows(lines):
            return Row(number, values)
        self.reader.put_back(lines[1:])
        if values is None or len(lines) > 1:
            reason = "quote_not_closed" if len(lines) > 1 or is_open else "stray_quote"
            words = "a quote that is not closed" if is_open else "a quote within a value"
            return Row(number, reason=reason, detail=f"line {number}: {words}")
        detail = f"line {number}: {len(values)} values for {self.count} columns"
        return Row(number, reason="wrong_number_of_values", detail=detail)

    def _read(self, line: str) -> tuple[list[str], list[str] | None, bool]:
        """Return the lines of the row, its values, and whether the lines end within quotes.

        Each way to read quotes goes on from line to line until its row ends, so that the time is
        that of the lines. The shorter row holds.
        """
        lines = [line]
        plain = _way(iter(lines), self.delimiter, None).values
        if plain is not None and len(plain) == self.count:
            return lines, plain, False
        ways = [_way(self._lines_from(lines), self.delimiter, escape) for escape in _ESCAPES]
        ends = [way.line_count for way in ways if way.values is not None]
        count = min(ends, default=max(way.line_count for way in ways))
        self.reader.put_back(lines[count:])
        whole = [way.values for way in ways if way.values is not None and way.line_count == count]
        is_open = not whole and any(way.is_open for way in ways)
        return lines[:count], _best(whole, self.count), is_open

    def _lines_from(self, lines: list[str]) -> Iterator[str]:
        """Yield the lines, and then those that follow, which are added, within the limits."""
        size = 0
        for number in range(_LINES_MAX):
            if number == len(lines):
                following = self.reader.take() if size <= MAX_LINE_BYTES else None
                if following is None:
                    return
                if following.startswith(TOO_LONG):
                    self.reader.put_back([following])
                    return
                lines.append(following)
            size += len(lines[number])
            yield lines[number]

    def _holds_rows(self, lines: list[str]) -> bool:
        """Whether a later line of the row is a row by itself."""
        for line in lines[1:]:
            values = _parsed([line], self.delimiter, self.count)
            if values is not None and len(values) == self.count and self.is_row(values):
                return True
        return False


def _parsed(lines: list[str], delimiter: str, count: int) -> list[str] | None:
    """Return the values of a row of these lines; None where they are no whole row."""
    ways = (_way(iter(lines), delimiter, escape) for escape in _ESCAPES)
    return _best([way.values for way in ways if way.values is not None], count)


class _Way(NamedTuple):
    """A way to read a row: values where it is whole, else whether it ends within quotes."""

    line_count: int
    values: list[str] | None
    is_open: bool


def _way(lines: Iterator[str], delimiter: str, escape: str | None) -> _Way:
    """Return what comes of the lines, of which no more are taken than the row needs."""
    reader = csv.reader(_texts(lines), strict=True, delimiter=delimiter, escapechar=escape)
    try:
        values = next(reader, [])
    except csv.Error as error:
        return _Way(reader.line_num, None, is_open="unexpected end of data" in str(error))
    return _Way(reader.line_num, values, is_open=False)


def _texts(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines with their ends, except that of the last one if a backslash is before it."""
    line = next(lines, None)
    while line is not None:
        # A lone carriage return is no end of a line here, but a blank of its text.
        text = line.replace("\r", " ")
        if not text.endswith("\\"):
            yield text + "\n"
            line = next(lines, None)
        else:
            line = next(lines, None)
            yield text if line is None else text + "\n"


def _best(whole: list[list[str]], count: int) -> list[str] | None:
    """Return the values that are as many as there are columns, or else the first ones."""
    return next((values for values in whole if len(values) == count), next(iter(whole), None))
