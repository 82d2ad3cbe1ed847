"""Times and numbers as people and programs write them, each read by one parser.

Python and Polars read a value by the same function, so that the hour under which a line is filed
and the time in its row never disagree.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

# Texts that stand for no value, in lower case.
ABSENT = frozenset({"", "-", "--", "n/a", "na", "nan", "nil", "none", "null", "nat", "<na>"})
EPOCH, ISO = "epoch", "iso"
# A time in the year 5138; a larger number counts in milliseconds, microseconds or nanoseconds.
_SECONDS_MAX = 100_000_000_000
_FINER_UNITS = 3
_ZONE_CHARACTERS_MAX = 64
_YEAR_1, _YEAR_9999 = -62_135_596_800, 253_402_300_799
# A quantifier with a `+` behind it never goes back: a long text takes no longer than to be read.
_NUMBER = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([., '\u00a0\u202f])\d{3})(?:\1\d{3})*")
_DECIMAL_COMMA = re.compile(r"[+-]?\d++,\d{1,2}")
_ZONE = re.compile(r"(?<=\d)\s*\[?([A-Za-z][A-Za-z_]*(?:/[A-Za-z_+-]+\d*)*)\]?$")
_OFFSET_GAP = re.compile(r"(?<!\s)\s++(?=[+-]\d{2}:?(?:\d{2})?$)")
# The zones of RFC 5322 that have a name; all others are known by their place.
_ZONES = {
    **dict.fromkeys(("z", "utc", "gmt", "ut"), "+00:00"),
    "est": "-05:00",
    "edt": "-04:00",
    "cst": "-06:00",
    "cdt": "-05:00",
    "mst": "-07:00",
    "mdt": "-06:00",
    "pst": "-08:00",
    "pdt": "-07:00",
}
_OF = re.compile(
    r"(?P<value>[\d.,]++)\s*+(?:/|out\s++of|of|von|sur|de|su|av|z)\s*+(?P<most>[\d.,]++)\D*+",
    re.IGNORECASE,
)
_STARS = re.compile(
    r"(?P<value>[\d.,]++)\s*+(?:-?\s*+stars?|sterne?|[eé]toiles?|estrellas?|estrelas?|stelle|[★⭐]\ufe0f?)",
    re.IGNORECASE,
)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_FULL_STARS, _EMPTY_STAR, _HALF = "★⭐", "☆", "½"


def seconds_of(value: object, form: str) -> float | None:
    """Return a time in seconds since 1970; None for a value that is no time in this form.

    `form` is `epoch`, `iso` or a format of `strptime`. A text where numbers are meant may be ISO
    8601 as well, and a number where texts are meant is its digits. A time without a zone is in UTC.
    For example, `2025-11-03 11:05 Europe/Berlin`, `20251103T100500Z` and `2025-11-03T10:05` are
    ISO.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        return _seconds_of_text(value.strip(), form)
    return _in_seconds(value) if form == EPOCH else _seconds_of_text(digits_of(value), form)


def digits_of(number: float) -> str:
    """Return a number as Polars writes it: 1.0 is `1`, and no number has an exponent."""
    return format(Decimal(repr(number)), "f").removesuffix(".0")


def _zone(name: str) -> ZoneInfo | None:
    return _zone_of_place(name) if len(name) <= _ZONE_CHARACTERS_MAX else None


@lru_cache(maxsize=1_000)
def _zone_of_place(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _seconds_of_text(text: str, form: str) -> float | None:
    if form == EPOCH and _NUMBER.fullmatch(text):
        return _in_seconds(float(text))
    try:
        if form in {EPOCH, ISO}:
            return _in_years(_iso_time(text))
        return _in_years(datetime.strptime(text, form))  # noqa: DTZ007, gets UTC below
    except (ValueError, OverflowError):
        return None


def _in_seconds(number: float) -> float | None:
    """Return a number of seconds or of a finer unit as seconds; None outside of years 1 to 9999."""
    try:
        seconds = float(number)
    except OverflowError:
        return None
    for _ in range(_FINER_UNITS):
        if abs(seconds) < _SECONDS_MAX:
            break
        seconds /= 1000
    return seconds if _YEAR_1 <= seconds <= _YEAR_9999 else None


def _in_years(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.timestamp()


def _iso_time(text: str) -> datetime:
    """Return a time of ISO 8601; raises ValueError for another text."""
    zone = None
    if (name := _ZONE.search(text)) and name[1] not in {"T", "W"}:
        text = text[: name.start()]
        offset = _ZONES.get(name[1].lower())
        if offset is None and (zone := _zone(name[1])) is None:
            message = "unknown time zone"
            raise ValueError(message)
        if offset and not re.search(r"[+-]\d{2}:?\d{2}$", text):
            text += offset
    moment = datetime.fromisoformat(_OFFSET_GAP.sub("", text))
    return moment.replace(tzinfo=zone) if zone and moment.tzinfo is None else moment


def number_of(value: object) -> float | None:
    """Return a number; None for a value that is none.

    A text may group thousands (`1,234`) or write a decimal comma (`4,5`).
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        text = value.strip()
        if _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        elif grouped := _GROUPED.fullmatch(text):
            # "1.234" is a number as it stands.
            text = text if grouped[1] == "." and text.count(".") == 1 else _ungrouped(text)
        if not _NUMBER.fullmatch(text):
            return None
        value = text
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _ungrouped(text: str) -> str:
    return re.sub(r"[^\d+-]", "", text)


def in_base36(number: int) -> str:
    """Return a whole number in base 36, without a sign."""
    above, digit = divmod(number, len(_DIGITS))
    return (in_base36(above) if above else "") + _DIGITS[digit]


def rating_of(value: object, lowest: float, highest: float) -> float | None:
    """Return a rating between the lowest and the highest; None for a value that is none.

    Read are numbers, `4 out of 5`, `4/5`, `4 stars` and stars themselves.
    """
    if isinstance(value, str):
        text = value.strip()
        if found := _OF.fullmatch(text):
            number = number_of(found["value"]) if number_of(found["most"]) == highest else None
        elif found := _STARS.fullmatch(text):
            number = number_of(found["value"])
        elif text and set(text) <= {*_FULL_STARS, _EMPTY_STAR, _HALF, "\ufe0f"}:
            number = _stars(text, highest)
        else:
            number = number_of(text)
    else:
        number = number_of(value)
    return number if number is not None and lowest <= number <= highest else None


def _stars(text: str, highest: float) -> float | None:
    full, half = sum(map(text.count, _FULL_STARS)), text.count(_HALF)
    if (empty := text.count(_EMPTY_STAR)) and full + half + empty != highest:
        return None
    return full + half / 2


def times(values: pl.Expr, form: str) -> pl.Expr:
    """Return times in seconds since 1970 as `seconds_of` reads them; `values` are texts."""

    def read(texts: pl.Series) -> pl.Series:
        if form != EPOCH:
            return _by_text(texts, lambda text: seconds_of(text, form))
        numbers = texts.cast(pl.Float64, strict=False)
        plain = numbers.is_between(_YEAR_1, _SECONDS_MAX, closed="left")
        if (plain | texts.is_null()).fill_null(value=False).all():
            return numbers
        return _by_text(texts, lambda text: seconds_of(text, form))

    return values.map_batches(read, return_dtype=pl.Float64, is_elementwise=True)


def ratings(values: pl.Expr, lowest: float, highest: float) -> pl.Expr:
    """Return ratings as `rating_of` reads them; `values` are numbers or texts."""

    def read(column: pl.Series) -> pl.Series:
        return _by_text(column, lambda value: rating_of(value, lowest, highest))

    return values.map_batches(read, return_dtype=pl.Float64, is_elementwise=True)


def numbers(values: pl.Expr) -> pl.Expr:
    """Return numbers as `number_of` reads them; `values` are texts."""
    return values.map_batches(
        lambda column: _by_text(column, number_of), return_dtype=pl.Float64, is_elementwise=True
    )


def _by_text(column: pl.Series, read: Callable[[object], float | None]) -> pl.Series:
    """Return the column read value by value; a value that occurs again is read once."""
    known = {value: read(value) for value in column.unique().to_list() if value is not None}
    found = [None if value is None else known[value] for value in column.to_list()]
    return pl.Series(column.name, found, dtype=pl.Float64)
