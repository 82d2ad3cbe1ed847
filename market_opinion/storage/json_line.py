"""One line of JSON, decoded by the same rules whoever asks.

The fast decoders check whole files at once. A line that one of them does not take is read here:
what stands in a field that nobody reads is no reason to refuse the line.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

MAX_LINE_BYTES = 1_048_576
"""Reddit allows 40,000 characters a text, so a longer line than this is no item."""

BOM = b"\xef\xbb\xbf"
_REFUSED = "(refused)"
REFUSED_MARK = b'{"(refused)":'
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_INTEGER_DIGITS_MAX = 4_000


class LineRefused(Exception):
    """A line that cannot be read, with the code of the reason; the message never quotes it."""

    def __init__(self, *, reason: str, detail: str) -> None:
        """Keep the reason and the detail apart."""
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def refused_line(reason: str, detail: str) -> bytes:
    """Return the line that stands for a row of a file that could not be told apart.

    It is landed in the row's place, so that rows kept and rows refused are as many as there were.
    """
    return msgspec.json.encode({_REFUSED: reason, "detail": detail})


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

    Numbers beyond what a float holds become null, and half a pair of surrogates U+FFFD.
    """
    if len(line) > MAX_LINE_BYTES:
        _refuse("too_large", f"{len(line):,} bytes, at most {MAX_LINE_BYTES:,} are read")
    try:
        text = without_marks(line).decode()
    except UnicodeDecodeError as error:
        raise LineRefused(reason="not_utf8", detail=f"byte {error.start} is not UTF-8") from None
    try:
        value = json.loads(
            text, parse_constant=lambda _: None, parse_int=_integer, parse_float=_float
        )
    except RecursionError:
        if not text.lstrip().startswith("{"):
            raise LineRefused(reason="not_json", detail="brackets, and no object") from None
        raise LineRefused(reason="too_deep", detail="nested deeper than any item is") from None
    except json.JSONDecodeError as error:
        raise LineRefused(reason="not_json", detail=f"{error.msg} (byte {error.pos})") from None
    if not isinstance(value, dict):
        _refuse("wrong_type", f"expected an object, got {_NAMES.get(type(value), 'null')}")
    if _REFUSED in value:
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
