"""Random histories: what people write, edit and delete, and the archives that say so."""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

COMMUNITIES = ("harbour", "meadow")
DOMAINS = {
    "lamps": {"lamp-zorbex": "zorbex", "lamp-quillon": "quillon"},
    "pans": {"pan-tarvo": "tarvo", "pan-brimel": "brimel"},
}
PRODUCTS = {product: alias for products in DOMAINS.values() for product, alias in products.items()}
PLATFORM = "reddit"
GONE = "[deleted]"
# Eight hours around a midnight, so that a history touches two dates of the mart.
_START, _HOURS = datetime(2026, 3, 1, 20, tzinfo=UTC), 8
_MINUTE = 60
_READ_AT = int((_START + timedelta(days=2)).timestamp())
_TONES = ("great", "awful", "superb", "terrible")
_ASPECTS = ("battery", "handle")
_WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "glade", "heron", "islet", "jetty")
_AUTHORS = ("quiet_otter", "rusty_spoon", "pale_fern", "GreyMoth")

_DOMAIN = """\
title = "{title}"
languages = ["eng"]

[sources.reddit]
communities = ["harbour", "meadow"]

[aspects.battery]
title = "Battery"
cues = ["battery"]

[aspects.handle]
title = "Handle"
cues = ["handle"]

[aspects.overall]
title = "As a whole"
is_overall = true
cues = ["recommend"]

[brands.Vintora]
cues = ["vintora"]
"""


@dataclass(frozen=True)
class Line:
    """One version of an item, as an archive has it; times are seconds since 1970."""

    kind: str
    community: str
    item_id: str
    author: str
    created: int
    retrieved: int
    title: str | None
    body: str
    thread_id: str
    votes: int

    def json(self) -> str:
        """Return the line of the archive's file."""
        fields: dict[str, Any] = {
            "id": self.item_id,
            "subreddit": self.community,
            "author": self.author,
            "score": self.votes,
            "created_utc": self.created,
            "retrieved_on": self.retrieved,
        }
        if self.kind == "submission":
            fields |= {"title": self.title, "selftext": self.body, "num_comments": 2}
        else:
            thread = f"t3_{self.thread_id}"
            fields |= {"body": self.body, "link_id": thread, "parent_id": thread}
        return json.dumps(fields)


@dataclass(frozen=True)
class History:
    """Archives in the order in which they come, and ids of items that are erased afterwards."""

    arrivals: tuple[tuple[Line, ...], ...]
    erased: tuple[str, ...]


def random_history(chance: random.Random) -> History:
    """Return a history of two communities that speak of two domains."""
    texts = _texts(chance)
    items: list[Line] = []
    for community in COMMUNITIES:
        items += _items(chance, community, texts)
    count = chance.randint(1, 3)
    arrivals: list[list[Line]] = [[] for _ in range(count)]
    read_at = _READ_AT
    for item in items:
        first = chance.randrange(count)
        version = item
        for number in range(first, count):
            if number > first and chance.random() < 0.6:
                continue
            read_at += 1
            if number > first or chance.random() < 0.15:
                arrivals[number].append(replace(version, retrieved=read_at - 1))
                version = _changed(chance, version, texts)
            line = replace(version, retrieved=read_at)
            arrivals[number] += [line] * (2 if chance.random() < 0.1 else 1)
            read_at += 1
    for lines in arrivals:
        chance.shuffle(lines)
    kept = tuple(tuple(lines) for lines in arrivals if lines)
    ids = sorted({line.item_id for lines in kept for line in lines})
    erased = chance.sample(ids, k=min(2, len(ids))) if chance.random() < 0.4 else []
    return History(kept, tuple(erased))


def write_archive(lines: tuple[Line, ...], folder: Path) -> None:
    """Write the lines as an archive of Reddit: a file for each kind that is there."""
    folder.mkdir(parents=True)
    for kind, name in (("comment", "RC_history.jsonl"), ("submission", "RS_history.jsonl")):
        if of_kind := [line.json() for line in lines if line.kind == kind]:
            (folder / name).write_text("\n".join(of_kind) + "\n", encoding="utf-8")
            os.utime(folder / name, (_READ_AT,) * 2)


def write_domains(folder: Path) -> None:
    """Write the two domains that the histories speak of."""
    for name, products in DOMAINS.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "domain.toml").write_text(_DOMAIN.format(title=name.capitalize()))
        rows = [f"{each},Vintora,{alias},{alias},,model,,false" for each, alias in products.items()]
        header = "product_id,brand,product,aliases,ids,category,released_on,is_own_brand"
        (folder / name / "products.csv").write_text("\n".join([header, *rows]) + "\n")
        (folder / name / "prompt.md").write_text("# Nothing to say\n")


def _texts(chance: random.Random) -> Iterator[str]:
    """Yield texts without end, no two equal: on a product, on two, on one's own, on none."""
    number = 0
    while True:
        number += 1
        tail = " ".join(_WORDS[int(digit)] for digit in f"{number:02d}")
        first, second = chance.sample(sorted(PRODUCTS.values()), k=2)
        tone, aspect = chance.choice(_TONES), chance.choice(_ASPECTS)
        yield chance.choice(
            [
                f"The {first} {aspect} is {tone}, {tail}",
                f"The {first} {aspect} is {tone}, {second} is not {tail}",
                f"I love mine and the {aspect} is {tone}, {tail}",
                f"I love mine, but the {first} {aspect} is {tone}, {tail}",
                f"Nothing of note by the {tail} today",
            ]
        )


def _items(chance: random.Random, community: str, texts: Iterator[str]) -> Iterator[Line]:
    """Yield the first versions of threads and of the comments below them."""
    start, letter = int(_START.timestamp()), community[0]
    for thread in range(chance.randint(1, 2)):
        began = start + chance.randrange(_HOURS // 2 * 60) * _MINUTE
        thread_id = f"{letter}s{thread}"
        yield Line(
            "submission",
            community,
            thread_id,
            chance.choice(_AUTHORS),
            began,
            0,
            _title(chance),
            chance.choice(["", next(texts)]),
            thread_id,
            chance.randrange(50),
        )
        copied = ""
        for number in range(chance.randint(1, 5)):
            # Neighbours share their hour at times, which is where a copy is one.
            body = copied if copied and chance.random() < 0.25 else next(texts)
            copied = body
            at = began + _MINUTE * chance.choice((1, 2, 90, 150, 240)) + number
            yield Line(
                "comment",
                community,
                f"{letter}c{thread}{number}",
                chance.choice(_AUTHORS),
                at,
                0,
                None,
                body if chance.random() < 0.9 else "lol",
                thread_id,
                chance.randrange(-5, 20),
            )


def _title(chance: random.Random) -> str:
    first, second = chance.sample(sorted(PRODUCTS.values()), k=2)
    return chance.choice(
        [f"My {first} diary", f"The {first} or the {second}", "An evening by the sea"]
    )


def _changed(chance: random.Random, line: Line, texts: Iterator[str]) -> Line:
    """Return the item's next version: edited, deleted, or with other votes."""
    turn = chance.random()
    if turn < 0.3:
        return replace(line, body=GONE, author=GONE)
    if turn < 0.7 and line.body != GONE:
        title = _title(chance) if line.title else None
        return replace(line, body=next(texts), title=title)
    return replace(line, votes=line.votes + 1)
