"""Redaction of landed lines: words and names go, the line stays, so that no count changes.

Words go because people deleted them, or because only figures derived from them may be kept.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from market_opinion.core.errors import LandingCorrupt
from market_opinion.storage.json_line import (
    KEPT_ID,
    REFUSED_MARK,
    earlier_readings,
    line_of,
    object_of,
    unmarked,
)
from market_opinion.storage.json_paths import read, write
from market_opinion.storage.landing.manifest import Content
from market_opinion.storage.line_format import LineFormat

GONE = "[deleted]"
# Replaces words and names that were removed after they were judged.
PURGED = "[purged]"
GONE_TEXTS = (GONE, "[removed]")
WITHOUT_WORDS = (*GONE_TEXTS, PURGED)
# Fields with an address that a platform makes of a title's words.
_SPELLS_TITLE = ("permalink",)
_UNREADABLE = b'{"erased": true}'
# Replaces an erased name in other people's words; it has the form of a name on Reddit.
_NOBODY = "erased_user"


@dataclass(frozen=True)
class Erasure:
    """Everything that has to be erased.

    `item_ids` are items to erase as a whole, `thread_ids` threads whose title goes wherever a
    comment repeats it, `authorless_ids` items that keep their words but lose their author, `users`
    names (lower case) that go wherever they stand.
    """

    item_ids: frozenset[str] = frozenset()
    thread_ids: frozenset[str] = frozenset()
    authorless_ids: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return whether there is anything to erase."""
        return bool(self.item_ids or self.thread_ids or self.authorless_ids or self.users)

    def __or__(self, other: "Erasure") -> "Erasure":
        """Return what either of them erases."""
        return Erasure(
            self.item_ids | other.item_ids,
            self.thread_ids | other.thread_ids,
            self.authorless_ids | other.authorless_ids,
            self.users | other.users,
        )


def erase_lines(content: Content, erasure: Erasure) -> tuple[bytes, list[str]]:
    """Return a landed file's lines after an erasure, and the ids of the items it changed.

    There are as many lines as before.
    """
    if (line_format := _format_of(content)) is None:
        return _each_line(content, None, lambda line, _: _erase_blindly(line, erasure))
    name_pattern = _mentions(erasure.users)
    return _each_line(
        content, line_format, lambda line, items: _erase(line, items, erasure, name_pattern)
    )


def purge_lines(content: Content) -> tuple[bytes, list[str]]:
    """Return a landed file's lines without words and names, and the ids of the items changed.

    There are as many lines as before.
    """
    return _each_line(content, _format_of(content), _purge)


def _each_line(
    content: Content,
    line_format: LineFormat | None,
    change: Callable[[bytes, "Sequence[_Item]"], bytes],
) -> tuple[bytes, list[str]]:
    touched: list[str] = []
    lines = []
    for line in content.raw.split(b"\n")[:-1]:
        items = _items(line, line_format, content.kind) if line_format else []
        changed = change(line, items)
        if changed != line and items:
            touched.append(items[0].item_fields.item_id)
        lines.append(changed if line.startswith(REFUSED_MARK) else unmarked(changed))
    return b"".join(line + b"\n" for line in lines), touched


def _format_of(content: Content) -> LineFormat | None:
    """Return the format of the lines; None where a damaged capture does not tell it."""
    try:
        return content.line_format
    except LandingCorrupt:
        if not content.is_damaged:
            raise
        return None


def _items(line: bytes, line_format: LineFormat, kind: str) -> "list[_Item]":
    """Return the item of a line, then those that it is by earlier values of its names, if any."""
    if (fields := object_of(line)) is None:
        return []
    readings = [fields, *earlier_readings(line, fields)]
    return [_Item(line_format, kind, reading) for reading in readings]


class _Item:
    """One decoded line, read by its format."""

    def __init__(self, line_format: LineFormat, kind: str, fields: dict[str, Any]) -> None:
        self._line_format = line_format
        self.fields = fields
        self.is_comment = kind == "comment"
        self.item_fields = line_format.item_fields(fields)

    def without(self, *, author: str | None, body: str | None, numbers: bool) -> bytes:
        """Return the line with nothing but its identity and the given author and body.

        The identity is the item's ids, times, community and position in its thread.
        """
        line_format = self._line_format
        redacted: dict[str, Any] = {}
        for path in (*line_format.identity_paths, *(line_format.number_paths if numbers else ())):
            if (value := read(self.fields, path)) is not None:
                write(redacted, path, value)
        self._keep_id(redacted)
        if line_format.author:
            write(redacted, line_format.author, author)
        if line_format.title and not self.is_comment:
            write(redacted, line_format.title, None)
        if line_format.body:
            write(redacted, line_format.body[0], body)
        return msgspec.json.encode(redacted)

    def with_changes(
        self, *, authorless: bool, titleless: bool, name_pattern: re.Pattern[str] | None
    ) -> bytes | None:
        """Return the line without author, thread title or names; None where nothing changes."""
        changed = (
            _renamed(self.fields, name_pattern)
            if name_pattern
            else msgspec.json.decode(msgspec.json.encode(self.fields))
        )
        if authorless and self._line_format.author:
            self._keep_id(changed)
            write(changed, self._line_format.author, GONE)
        if titleless and self._line_format.title and self.item_fields.title:
            write(changed, self._line_format.title, None)
            changed |= {name: None for name in _SPELLS_TITLE if name in changed}
        return None if changed == self.fields else msgspec.json.encode(changed)

    def _keep_id(self, fields: dict[str, Any]) -> None:
        """Write the id into the fields if it is a hash, since the hashed author goes."""
        if self._line_format.is_hashed:
            fields[KEPT_ID] = self.item_fields.item_id


def _purge(line: bytes, items: Sequence[_Item]) -> bytes:
    item = items[0] if items else None
    if item is None or not item.item_fields.item_id:
        return _UNREADABLE
    author = (
        item.item_fields.author
        if item.item_fields.author is None or item.item_fields.author in WITHOUT_WORDS
        else PURGED
    )
    purged = item.without(
        author=author,
        body=item.item_fields.body if item.item_fields.body in WITHOUT_WORDS else PURGED,
        numbers=True,
    )
    return line if _says(items, purged) else purged


def _erase(
    line: bytes, items: Sequence[_Item], erasure: Erasure, name_pattern: re.Pattern[str] | None
) -> bytes:
    if not items:
        is_about = name_pattern is not None and _names_any(line, erasure.users)
        return _UNREADABLE if is_about else line
    item = items[0]
    if any(_is_meant(each, erasure) for each in items):
        gone = item.without(author=GONE, body=GONE, numbers=False)
        return line if _says(items, gone) else gone
    changes = [
        each.with_changes(
            authorless=each.item_fields.item_id in erasure.authorless_ids,
            titleless=each.is_comment and each.item_fields.thread_id in erasure.thread_ids,
            name_pattern=name_pattern,
        )
        for each in items
    ]
    if changes[0] is not None:
        return changes[0]
    is_hidden = any(changes) or (len(items) > 1 and _names_any(line, erasure.users))
    return line_of(item.fields) if is_hidden else line


def _erase_blindly(line: bytes, erasure: Erasure) -> bytes:
    """Return a line whose fields nobody knows, or nothing of it if it has a name or an id."""
    quoted = (f'"{each}"'.encode() for each in erasure.item_ids | erasure.authorless_ids)
    is_about = _names_any(line, erasure.users) or any(each in line for each in quoted)
    return _UNREADABLE if is_about else line


def _is_meant(item: _Item, erasure: Erasure) -> bool:
    return (
        item.item_fields.item_id in erasure.item_ids
        or str(item.item_fields.author or "").lower() in erasure.users
    )


def _says(items: Sequence[_Item], line: bytes) -> bool:
    """Return whether the line of the items says what this one does, and nothing besides."""
    return len(items) == 1 and bool(msgspec.json.decode(line) == items[0].fields)


def _names_any(line: bytes, users: frozenset[str]) -> bool:
    return any(user.encode() in line.lower() for user in users)


def _renamed(value: Any, name_pattern: re.Pattern[str]) -> Any:  # noqa: ANN401, JSON
    """Return the value with a placeholder for each name."""
    if isinstance(value, str):
        return name_pattern.sub(_NOBODY, value)
    if isinstance(value, dict):
        return {name: _renamed(below, name_pattern) for name, below in value.items()}
    return [_renamed(below, name_pattern) for below in value] if isinstance(value, list) else value


def _mentions(users: frozenset[str]) -> re.Pattern[str] | None:
    """Return a pattern of the names where they are written as names.

    These places are `u/name`, `user/name` and `@name`; and any place for a name with a digit, `_`
    or `-`, which can be no ordinary word.
    """
    if not users:
        return None
    by_length = sorted(users, key=len, reverse=True)
    names = "|".join(map(re.escape, by_length))
    patterns = [rf"(?<=[ur]/)(?:{names})(?![\w-])", rf"(?<=@)(?:{names})(?![\w-])"]
    if unmistakable := [re.escape(user) for user in by_length if re.search(r"[\d_-]", user)]:
        patterns.append(rf"(?<![\w-])(?:{'|'.join(unmistakable)})(?![\w-])")
    return re.compile("(?i)" + "|".join(patterns))
