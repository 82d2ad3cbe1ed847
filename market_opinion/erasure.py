"""Taking words and names out of what was received: the line stays, so that every count holds.

Either because people deleted them, or because only what was derived of them may be kept.
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

# What remains of an erased item: which one it was, when, and where in its thread.
_KEPT = ("id", "name", "created_utc", "subreddit", "link_id", "parent_id", "retrieved_utc", "retrieved_on")
GONE = "[deleted]"
# Stands for words and names that were taken out after they were judged.
PURGED = "[purged]"
WITHOUT_WORDS = (GONE, "[removed]", PURGED)
_COUNTS = ("score", "num_comments")
_UNREADABLE = b'{"erased": true}'
# A name of Reddit's own form that stands for one that was erased from somebody else's words.
_NOBODY = "erased_user"


@dataclass(frozen=True)
class Erasure:
    """What has to go.

    Whole items by id, the titles of threads where comments repeat them, the authors of items whose words stay, and every
    trace of users by name (lower case).
    """

    item_ids: frozenset[str] = frozenset()
    thread_ids: frozenset[str] = frozenset()
    authorless_ids: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.item_ids or self.thread_ids or self.authorless_ids or self.users)


def erase_lines(raw: bytes, erasure: Erasure) -> tuple[bytes, list[str]]:
    """Landed lines without what has to go, as many as before, and the ids of the items that lost something."""
    named = _mentions(erasure.users)
    touched: list[str] = []
    lines = [_erase(line, erasure, named, touched) for line in raw.split(b"\n")[:-1]]
    return b"".join(line + b"\n" for line in lines), touched


def purge_lines(raw: bytes) -> tuple[bytes, list[str]]:
    """Landed lines without any words or names, as many as before, and the ids of the items that lost some."""
    touched: list[str] = []
    lines = [_purge(line, touched) for line in raw.split(b"\n")[:-1]]
    return b"".join(line + b"\n" for line in lines), touched


def _purge(line: bytes, touched: list[str]) -> bytes:
    fields = _decoded(line)
    if fields is None or "id" not in fields:
        return _UNREADABLE
    kept = {name: fields[name] for name in (*_KEPT, *_COUNTS) if name in fields}
    words = "body" if "body" in fields else "selftext"
    author = fields.get("author")
    purged = {
        **kept,
        **({} if words == "body" else {"title": None}),
        "author": author if author is None or author in WITHOUT_WORDS else PURGED,
        words: fields[words] if fields.get(words) in WITHOUT_WORDS else PURGED,
    }
    if purged == fields:
        return line
    touched.append(str(fields["id"]))
    return msgspec.json.encode(purged)


def _erase(line: bytes, erasure: Erasure, named: re.Pattern[str] | None, touched: list[str]) -> bytes:
    fields = _decoded(line)
    if fields is None:
        is_about = named is not None and any(user.encode() in line.lower() for user in erasure.users)
        return _UNREADABLE if is_about else line
    item_id, author = str(fields.get("id")), str(fields.get("author") or "").lower()
    if item_id in erasure.item_ids or author in erasure.users:
        touched.append(item_id)
        kept = {name: fields[name] for name in _KEPT if name in fields}
        text = {"body": GONE} if "body" in fields else {"title": None, "selftext": GONE}
        return msgspec.json.encode({**kept, "author": GONE, **text})
    changed = dict(fields)
    if item_id in erasure.authorless_ids:
        changed["author"] = GONE
    if fields.get("link_title") and str(fields.get("link_id")).removeprefix("t3_") in erasure.thread_ids:
        changed |= {"link_title": None, "permalink": None}
    if named is not None:
        changed = {name: named.sub(_NOBODY, value) if isinstance(value, str) else value for name, value in changed.items()}
    if changed == fields:
        return line
    touched.append(item_id)
    return msgspec.json.encode(changed)


def _mentions(users: frozenset[str]) -> re.Pattern[str] | None:
    """The names where they are written as names: `u/name`, `user/name`, `@name`, and anywhere when they cannot be a word."""
    if not users:
        return None
    by_length = sorted(users, key=len, reverse=True)
    names = "|".join(map(re.escape, by_length))
    patterns = [rf"(?<=[ur]/)(?:{names})(?![\w-])", rf"(?<=@)(?:{names})(?![\w-])"]
    if unmistakable := [re.escape(user) for user in by_length if re.search(r"[\d_-]", user)]:
        patterns.append(rf"(?<![\w-])(?:{'|'.join(unmistakable)})(?![\w-])")
    return re.compile("(?i)" + "|".join(patterns))


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
