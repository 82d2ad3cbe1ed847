"""One line of JSON, decoded by the same rules whoever asks.

The fast decoders check whole files at once. A line that one of them does not take is read here:
what stands in a field that nobody reads is no reason to refuse the line.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import msgspec

MAX_LINE_BYTES = 1_048_576
"""Reddit allows 40,000 characters a text, so a longer line than this is no item."""

BOM = b"\xef\xbb\xbf"
_REFUSED = "(refused)"
REFUSED_MARK = b'{"(refused)":'
KEPT_ID = "item_id_was"
"""The field for an id that was a hash of other fields, once those are erased."""
# The field, or a letter of a name that is written by its number.
_MAY_KEEP_ID = re.compile(rb"item_id_was|\\u00[2-7]")
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_INTEGER_DIGITS_MAX = 4_000
# The end of a name, or of a text that holds what looks like one.
_NAME_END = re.compile(rb'"[ \t\r\n]*:')
# A name may stand often in a line; beyond so many values of it, names alone are looked for.
_READINGS_MAX = 8
Pairs = list[tuple[str, Any]]


class LineRefused(Exception):
    """A line that cannot be read, with the code of the reason; the message never quotes it."""

    def __init__(self, *, reason: str, detail: str) -> None:
        """Keep the reason and the detail apart."""
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class RefusedLine(bytes):
    """A line of ours in the place of a row; no other line is landed with the mark of refusal."""


def refused_line(reason: str, detail: str) -> RefusedLine:
    """Return the line that stands for a row of a file that could not be told apart.

    It is landed in the row's place, so that rows kept and rows refused are as many as there were.
    """
    return RefusedLine(msgspec.json.encode({_REFUSED: reason, "detail": detail}))


def unmarked(line: bytes) -> bytes:
    """Return a line as it is landed: one that somebody sent does not begin with our mark.

    Where it does, a space parts its first bracket from its first name, which changes no value.
    """
    if isinstance(line, RefusedLine) or not without_marks(line).startswith(REFUSED_MARK):
        return line
    return line.replace(b"{", b"{ ", 1)


def without_kept_id(line: bytes) -> bytes:
    """Return a line that somebody sent; a field that is called as ours gets another name."""
    if not _MAY_KEEP_ID.search(line) or KEPT_ID not in (fields := object_of(line) or {}):
        return line
    return line_of({f"{name}_" if name == KEPT_ID else name: fields[name] for name in fields})


def line_of(fields: Mapping[str, Any]) -> bytes:
    """Return the line of an object; half a pair of surrogates in it becomes U+FFFD."""
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError:
        return msgspec.json.encode(whole(fields))


def without_marks(line: bytes) -> bytes:
    """Return a line without the byte order marks before it, of which two programs write two."""
    while line.startswith(BOM):
        line = line.removeprefix(BOM)
    return line


def read_object(line: bytes) -> dict[str, Any]:
    """Return the object of a line; raises LineRefused for a line that holds none.

    Numbers beyond what a float holds become null. Of a name that stands twice in an object, the
    last value counts, as for the decoders of Python.
    """
    if len(line) > MAX_LINE_BYTES:
        _refuse("too_large", f"{len(line):,} bytes, at most {MAX_LINE_BYTES:,} are read")
    try:
        text = without_marks(line).decode()
    except UnicodeDecodeError as error:
        raise LineRefused(reason="not_utf8", detail=f"byte {error.start} is not UTF-8") from None
    try:
        value = _decoded(text)
    except RecursionError:
        if not text.lstrip().startswith("{"):
            raise LineRefused(reason="not_json", detail="brackets, and no object") from None
        raise LineRefused(reason="too_deep", detail="nested deeper than any item is") from None
    except json.JSONDecodeError as error:
        raise LineRefused(reason="not_json", detail=f"{error.msg} (byte {error.pos})") from None
    if not isinstance(value, dict):
        _refuse("wrong_type", f"expected an object, got {_NAMES.get(type(value), 'null')}")
    if _REFUSED in value and line.startswith(REFUSED_MARK):
        _refuse(str(value[_REFUSED]), str(value.get("detail", "")))
    return value


_NAMES: dict[type, str] = {
    list: "a list",
    str: "a text",
    bool: "a yes or no",
    int: "a number",
    float: "a number",
}


def object_of(line: bytes) -> dict[str, Any] | None:
    """Return the object of a line; None for a line that holds none."""
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return {whole(name): whole(value) for name, value in read_object(line).items()}
        except LineRefused:
            return None
    return fields if isinstance(fields, dict) else None


def earlier_readings(line: bytes, fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a line with the first, second ... of the values of each name.

    `fields` is the object of the line. There are none unless some object in it has a name twice.
    """
    if len(_NAME_END.findall(line)) == _count_names(fields):
        return []
    most, found = 1, list[dict[str, Any]]()

    def take(pairs: Pairs) -> dict[str, Any]:
        nonlocal most
        by_name = defaultdict[str, list[Any]](list)
        for name, value in pairs:
            by_name[name].append(value)
        most = max(most, *(len(values) for values in by_name.values()), 1)
        return {name: values[min(len(found), len(values) - 1)] for name, values in by_name.items()}

    text = without_marks(line).decode(errors="replace")
    try:
        first = _decoded(text, take)
    except RecursionError:
        return []
    while len(found) < min(most, _READINGS_MAX) - 1:
        found.append(whole(_decoded(text, take) if found else first))
    return found


def has_repeats(line: bytes) -> bool:
    """Return whether a line is an object in which some object has a name twice."""
    fields = object_of(line)
    return fields is not None and bool(earlier_readings(line, fields))


def _count_names(value: object) -> int:
    """Return the number of names in a decoded value, at all depths."""
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            count += len(each)
            waiting.extend(below for below in each.values() if isinstance(below, dict | list))
        elif isinstance(each, list):
            waiting.extend(below for below in each if isinstance(below, dict | list))
    return count


def _decoded(text: str, take: Callable[[Pairs], dict[str, Any]] | None = None) -> Any:  # noqa: ANN401, JSON
    return json.loads(
        text,
        object_pairs_hook=take,
        parse_constant=lambda _: None,
        parse_int=_integer,
        parse_float=_float,
    )


def whole(value: Any) -> Any:  # noqa: ANN401, of JSON
    """Return a decoded value whose texts can be encoded again."""
    if isinstance(value, str):
        return _HALF_PAIRS.sub("\ufffd", value)
    if isinstance(value, dict):
        return {whole(name): whole(below) for name, below in value.items()}
    return [whole(below) for below in value] if isinstance(value, list) else value


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _INTEGER_DIGITS_MAX else None


def _float(text: str) -> float | None:
    number = float(text)
    return number if abs(number) != float("inf") else None


def _refuse(reason: str, detail: str) -> NoReturn:
    raise LineRefused(reason=reason, detail=detail)
