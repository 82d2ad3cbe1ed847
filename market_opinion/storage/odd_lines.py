"""Lines that a decoder does not take: each is read field by field, and loses what has no place.

A field that is not of its type costs the field and not the words.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from market_opinion.core import values
from market_opinion.storage.json_line import KEPT_ID, LineRefused, read_object, whole
from market_opinion.storage.json_paths import read, write
from market_opinion.storage.line_format import NO, YES, LineFormat

_INT64_MAX = 2**63 - 1

Convert = Callable[[Any], Any]


def mend(line: bytes, line_format: LineFormat) -> tuple[bytes, list[str]]:
    """Return a line's fields as JSON of the right types, and the columns that had a wrong one.

    Raises LineRefused for a line that cannot be read, or that is no item.
    """
    fields = read_object(line)
    clean: dict[str, Any] = {}
    unreadable: list[str] = []
    for column, path, convert in _conversions(line_format):
        for each in path.split("|"):
            if (value := read(fields, each)) is None:
                continue
            converted = convert(value)
            write(clean, each, converted)
            if converted is None and column not in unreadable:
                unreadable.append(column)
    if not line_format.is_hashed and not read(clean, line_format.item_id[0]):
        raise LineRefused(reason="missing_field", detail=f"no {line_format.item_id[0]}")
    if read(clean, line_format.created_at) is None:
        reason = "time_unreadable" if "created_at" in unreadable else "missing_field"
        raise LineRefused(reason=reason, detail=f"no time in {line_format.created_at}")
    return msgspec.json.encode(whole(clean)), unreadable


def _conversions(line_format: LineFormat) -> Iterator[tuple[str, str, Convert]]:
    """Yield column, path and conversion of every field that is read from a line."""
    as_id = line_format.id_text
    yield from (
        ("item_id", path, _as_part if line_format.is_hashed else as_id)
        for path in line_format.item_id
    )
    yield from (("body", path, _as_text) for path in line_format.body)
    is_lenient = line_format.is_lenient
    others: tuple[tuple[str, str | None, Convert], ...] = (
        ("item_id", KEPT_ID if line_format.is_hashed else None, _as_text),
        ("created_at", line_format.created_at, _as_part),
        ("retrieved_at", line_format.retrieved_at, _as_part),
        ("thread_id", line_format.thread_id, as_id),
        ("parent_id", line_format.parent_id, as_id),
        ("author", line_format.author, line_format.author_text),
        ("title", line_format.title, _as_text),
        ("votes", line_format.votes, _as_count),
        ("reply_count", line_format.reply_count, _as_count),
        ("rating", line_format.rating, _as_part if is_lenient else values.number_of),
        ("rating", line_format.is_recommended, _as_answer if is_lenient else _as_yes_or_no),
    )
    yield from ((column, path, convert) for column, path, convert in others if path)


def _as_text(value: object) -> str | None:
    return None if _as_part(value) is None else str(value)


def _as_part(value: object) -> object:
    """Return a text or a number as it is, and None for all else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    is_large = isinstance(value, int) and abs(value) > _INT64_MAX
    return str(value) if is_large else value  # a decoder takes no larger number


def _as_count(value: object) -> int | None:
    number = values.number_of(value)
    if number is None or number != int(number) or abs(number) >= _INT64_MAX:
        return None
    return value if isinstance(value, int) else int(number)


def _as_answer(value: object) -> object:
    return value if isinstance(value, str | int) else None


def _as_yes_or_no(value: object) -> bool | None:
    text = str(value).lower()
    return True if text in YES else False if text in NO else None
