"""Erasures and purges that have begun and not ended: what a later run needs to finish them.

A to-do names nobody. A user stands there as the key of an author, and the name is found again in
bronze, which is rewritten only after every landed file is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from market_opinion.core.contracts import BRONZE_ITEMS
from market_opinion.core.window import Slice, Window
from market_opinion.ops.peppers import known_pepper
from market_opinion.ops.reading import Reading, whole_platform
from market_opinion.ops.run import Run
from market_opinion.stages.authors import author_key, key_of_author, so_far
from market_opinion.storage.landing.redaction import Erasure

_TOPIC = "erasures"
# To-dos of purges by version 0.2, an hour each.
_PURGES_BEFORE = "purges"


@dataclass(frozen=True)
class OpenErasure:
    """An erasure with its reading, the hours of its items, and the slices to build anew.

    A purge takes the words of all items of its slices, so that it has no erasure.
    """

    name: str
    reading: Reading
    erasure: Erasure = field(default_factory=Erasure)
    near: Window | None = None
    slices: list[Slice] = field(default_factory=list)
    is_purge: bool = False


def write(run: Run, open_erasure: OpenErasure) -> None:
    """Write the to-do, or replace it by one that has come further."""
    reading, erasure, near = open_erasure.reading, open_erasure.erasure, open_erasure.near
    pepper = known_pepper(run.adapters.state(), run.settings)
    users = (author_key(reading.platform, user, pepper=pepper) for user in erasure.users)
    note = {
        "platform": reading.platform,
        "communities": list(reading.communities),
        "near": _span(near) if near else None,
        "item_ids": sorted(erasure.item_ids),
        "thread_ids": sorted(erasure.thread_ids),
        "authorless_ids": sorted(erasure.authorless_ids),
        "author_keys": sorted(users),
        "slices": [[*_span(each.window), *each.communities] for each in open_erasure.slices],
        "is_purge": open_erasure.is_purge,
    }
    run.adapters.state().put_notes(_TOPIC, {open_erasure.name: note})


def close(run: Run, open_erasure: OpenErasure) -> None:
    """Tick the to-do off."""
    for topic in (_TOPIC, _PURGES_BEFORE):
        run.adapters.state().drop_notes(topic, [open_erasure.name])


def find(run: Run) -> Iterator[OpenErasure]:
    """Yield the erasures and purges that earlier runs have begun and not ended."""
    for name, note in run.adapters.state().notes(_TOPIC).items():
        platform = note["platform"]
        erasure = Erasure(
            frozenset(note["item_ids"]),
            frozenset(note["thread_ids"]),
            frozenset(note["authorless_ids"]),
            users_of(run, platform, note["author_keys"]),
        )
        whole = whole_platform(run, platform)
        reading = Reading(whole.source, platform, tuple(note["communities"]))
        slices = [
            Slice(platform, tuple(communities), _window(start, end))
            for start, end, *communities in note["slices"]
        ]
        near = _window(*note["near"]) if note["near"] else None
        yield OpenErasure(name, reading, erasure, near, slices, note.get("is_purge", False))
    for name in run.adapters.state().notes(_PURGES_BEFORE):
        platform, start = name.split("/")
        reading = whole_platform(run, platform)
        hour = Window.hour(datetime.fromisoformat(start))
        slices = [Slice(platform, reading.communities, hour)]
        yield OpenErasure(name, reading, slices=slices, is_purge=True)


def users_of(run: Run, platform: str, author_keys: Iterable[str]) -> frozenset[str]:
    """Return the names, in lower case, whose keys these are, as far as bronze still has them.

    The keys may be of a pepper before the last rotation.
    """
    wanted = list(author_keys)
    if not wanted:
        return frozenset()
    where = {"platform": platform}
    rows = run.adapters.lake().read(BRONZE_ITEMS, where, columns=["platform", "author"]).unique()
    pepper = known_pepper(run.adapters.state(), run.settings)
    is_meant = [key_of_author(each).is_in(wanted) for each in so_far(pepper)]
    names = rows.filter(pl.any_horizontal(is_meant))["author"]
    return frozenset(name.lower() for name in names)


def _span(window: Window) -> list[str]:
    return [window.start.isoformat(), window.end.isoformat()]


def _window(start: Any, end: Any) -> Window:  # noqa: ANN401, as JSON has it
    return Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
