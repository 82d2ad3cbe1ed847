"""Generate a Reddit archive of any size.

.venv/bin/python -m benchmarks.archive FOLDER --items 1000000

The comments are invented: about 180 characters each, 5 % captured again with other votes, a quarter
of the texts with characters beyond ASCII, a tenth each with markup, links or names, and one in ten
names a phone.
"""

import json
import random
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cyclopts

_START = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
_COMMUNITIES = ("android", "iphone", "gadgets", "phones")
_WORDS = [
    "the",
    "a",
    "it",
    "this",
    "that",
    "my",
    "your",
    "is",
    "was",
    "has",
    "not",
    "never",
    "always",
    "really",
    "quite",
    "phone",
    "screen",
    "camera",
    "battery",
    "price",
    "update",
    "charger",
    "signal",
    "speaker",
    "good",
    "bad",
    "great",
    "awful",
    "slow",
    "fast",
    "cheap",
    "love",
    "hate",
    "think",
    "know",
    "bought",
    "sold",
    "used",
    "after",
    "before",
    "week",
    "month",
    "year",
    "when",
    "because",
    "but",
    "and",
    "or",
    "so",
    "if",
    "then",
    "people",
    "someone",
    "nothing",
    "everything",
    "still",
    "again",
    "maybe",
    "works",
    "fails",
    "broken",
    "fine",
    "okay",
    "money",
    "store",
    "support",
    "design",
    "build",
    "size",
    "heavy",
    "light",
]
_PRODUCTS = (
    "iPhone 15",
    "s24u",
    "Pixel 9",
    "galaxy s23",
    "15 pro max",
    "OnePlus 12",
    "p8p",
    "Fold 6",
    "iphones",
    "Xiaomi 14",
)
_DIRT = (
    "**bold**",
    "&amp;",
    "https://example.com/a/b",
    "u/some_name",
    "[text](https://example.com)",
    "~~no~~",
    "\n\n> quoted words\n\n",
    "me@example.com",
)
_BEYOND = ("’", "é", "…", "😀", "“so”", "ü", "—")


def body(chance: random.Random) -> str:
    """Return an invented comment."""
    words = chance.choices(_WORDS, k=chance.randint(4, 62))
    if chance.random() < 0.1:
        words[chance.randrange(len(words))] = chance.choice(_PRODUCTS)
    if chance.random() < 0.3:
        words.insert(chance.randrange(len(words)), chance.choice(_DIRT))
    if chance.random() < 0.25:
        words.append(chance.choice(_BEYOND))
    if len(words) > 12:
        words[len(words) // 2] += "."
    return " ".join(words)


def _line(chance: random.Random, number: int, text: str, second: int) -> dict[str, Any]:
    """Return a comment, but for its votes."""
    item_id, thread = f"m{number:x}", f"{number % 5000:x}"
    return {
        "id": item_id,
        "name": f"t1_{item_id}",
        "subreddit": _COMMUNITIES[number % len(_COMMUNITIES)],
        "author": f"user_{chance.randrange(200_000)}",
        "body": f"{text} {number % 1000}",
        "link_id": f"t3_{thread}",
        "parent_id": f"t3_{thread}",
        "permalink": f"/r/x/comments/{thread}/_/{item_id}/",
        "created_utc": _START + second,
    }


def make(
    folder: Path,
    *,
    items: int,
    hours: int = 24,
    seed: int = 1,
    bodies: Sequence[str] | None = None,
) -> Path:
    """Generate an archive of comments spread evenly over the hours, unless it exists already.

    `bodies` are texts to take in place of invented ones.
    """
    path = folder / f"RC_{items}_{hours}.jsonl"
    if path.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    bodies = bodies or [body(chance) for _ in range(min(items, 200_000))]
    recent = deque[dict[str, Any]](maxlen=2000)
    partial = path.with_suffix(".part")
    with partial.open("w", encoding="utf-8") as file:
        for number in range(items):
            if recent and chance.random() < 0.05:
                line = chance.choice(recent)
            else:
                line = _line(chance, number, chance.choice(bodies), number * hours * 3600 // items)
                recent.append(line)
            line = {**line, "score": chance.randrange(-5, 200)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    partial.rename(path)
    return folder


def main(folder: Path, *, items: int = 1_000_000, hours: int = 24) -> None:
    """Generate an archive.

    Args:
        folder: Folder of the archive.
        items: Number of comments.
        hours: Number of hours that the comments span.
    """
    print(make(folder, items=items, hours=hours))


if __name__ == "__main__":
    cyclopts.run(main)
