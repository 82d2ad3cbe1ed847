r"""Rows of CSV files, told apart strictly, with the number of the physical line of each.

What is wrong with a row costs that row and no other. A row that has more or fewer values than there
are columns is refused, and so is one whose quote is not closed: reading goes on at the next
physical line. Quotes within quotes are doubled, or have a backslash before them.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from market_opinion.storage.json_line import MAX_LINE_BYTES

DELIMITERS = (",", ";", "\t", "|")
# So many physical lines may one row have; its limit in bytes comes first for most.
_LINES_MAX = 5_000
# A physical line of this length was too long to be kept; it ends with its true length.
TOO_LONG = "\x00too long: "
# Reasons of rows after which nobody knows where the next one begins.
UNCLEAR = frozenset({"quote_not_closed", "stray_quote"})
_QUOTE = '"'
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
    values, _ = _parsed([line], delimiter, 0)
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
        lines, size = [line], len(line)
        values, is_open = _parsed(lines, self.delimiter, self.count)
        while is_open and len(lines) < _LINES_MAX and size <= MAX_LINE_BYTES:
            following = self.reader.take()
            if following is None:
                break
            if following.startswith(TOO_LONG):
                self.reader.put_back([following])
                break
            lines.append(following)
            size += len(following)
            if _QUOTE in following:
                values, is_open = _parsed(lines, self.delimiter, self.count)
        if values is not None and len(values) == self.count and not self._holds_rows(lines):
            return Row(number, values)
        self.reader.put_back(lines[1:])
        if values is None or len(lines) > 1:
            reason = "quote_not_closed" if len(lines) > 1 or is_open else "stray_quote"
            words = "a quote that is not closed" if is_open else "a quote within a value"
            return Row(number, reason=reason, detail=f"line {number}: {words}")
        detail = f"line {number}: {len(values)} values for {self.count} columns"
        return Row(number, reason="wrong_number_of_values", detail=detail)

    def _holds_rows(self, lines: list[str]) -> bool:
        """Whether a later line of the row is a row by itself."""
        for line in lines[1:]:
            values, _ = _parsed([line], self.delimiter, self.count)
            if values is not None and len(values) == self.count and self.is_row(values):
                return True
        return False


def _parsed(lines: list[str], delimiter: str, count: int) -> tuple[list[str] | None, bool]:
    """Return the values of a row of these lines, and whether the lines end within quotes.

    There are no values where the lines are no whole row.
    """
    # A lone carriage return is no end of a line here, but a blank of its text.
    text = "\n".join(line.replace("\r", " ") for line in lines)
    found: list[str] | None = None
    is_open = False
    for escape in (None, "\\"):
        reader = csv.reader([text], strict=True, delimiter=delimiter, escapechar=escape)
        try:
            values = next(reader, [])
        except csv.Error as error:
            is_open = is_open or "unexpected end of data" in str(error)
            continue
        if len(values) == count:
            return values, False
        found = found or values
    return found, is_open and found is None
