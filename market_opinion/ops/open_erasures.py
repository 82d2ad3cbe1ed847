"""Erasures, withdrawals and purges that have begun and not ended, as later runs finish them.

A withdrawal is an erasure that a platform asks for: of items that are gone there. A to-do names
nobody. A user stands there as the key of an author, and the name is found again in bronze, which is
rewritten only after every landed file is. A to-do is leased by the run that works on it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import polars as pl

from market_opinion.core.contracts import BRONZE_ITEMS
from market_opinion.core.log import Log
from market_opinion.core.window import Slice, Window
from market_opinion.domain.definition import domain_names
from market_opinion.ops.peppers import known_pepper
from market_opinion.ops.reading import Reading, whole_platform
from market_opinion.ops.run import Run
from market_opinion.stages.authors import author_key, key_of_author, so_far
from market_opinion.storage.landing.redaction import Erasure
from market_opinion.storage.state.lease import Lease

_TOPIC = "erasures"
# To-dos of purges by version 0.2, an hour each.
_PURGES_BEFORE = "purges"
# The lease of the work that is going on here; without one, nobody is kept from anything.
_lease: ContextVar[Lease | None] = ContextVar("lease", default=None)


@dataclass(frozen=True)
class OpenErasure:
    """An erasure with its run and reading, the hours of its items, and the slices to build anew.

    A purge takes the words of all items of its slices, so that it has no erasure. `waiting` are its
    slices that are still to be judged to the end; the last of `slices` may have lost some words.

    With `strays` nothing is left to do but to wait for these files of cut-off writers, by the table
    that they lie in, or `landing`. `author_keys` are the users, also once no name is known of them.
    """

    name: str
    run: Run
    reading: Reading
    erasure: Erasure = field(default_factory=Erasure)
    near: Window | None = None
    slices: list[Slice] = field(default_factory=list)
    waiting: list[Slice] = field(default_factory=list)
    is_purge: bool = False
    author_keys: frozenset[str] = frozenset()
    strays: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def half_purged(self) -> list[Slice]:
        """The slices of a purge that may hold words again, or still."""
        return self.slices if self.strays else self.slices[-1:]


@contextmanager
def at_work(run: Run) -> Iterator[None]:
    """Keep other runs from the to-dos that are begun or found while the context lasts.

    They are theirs a minute after the process dies, and at once after an error.
    """
    with Lease(run.adapters.state().claims) as lease:
        before = _lease.set(lease)
        try:
            yield
        finally:
            _lease.reset(before)


def _take(names: Iterable[str]) -> set[str]:
    """Lease to-dos by name; return those that no other run holds."""
    lease, by_key = _lease.get(), {f"{_TOPIC}/{name}": name for name in names}
    return {by_key[key] for key in (lease.take(by_key) if lease else by_key)}


def begin(
    run: Run,
    reading: Reading,
    erasure: Erasure,
    *,
    near: Window | None = None,
    slices: Iterable[Slice] = (),
) -> OpenErasure:
    """Write the to-do of an erasure, or of a withdrawal, before the first change."""
    name = f"{run.now.isoformat()} {uuid4()}"
    begun = OpenErasure(name, run, reading, erasure, near, list(slices))
    _take([name])
    write(begun)
    return begun


def begin_purge(run: Run, reading: Reading, expired: list[Slice]) -> OpenErasure:
    """Write the to-do of a purge of all these slices."""
    name = f"purge of {reading.platform} {run.now.isoformat()} {uuid4()}"
    begun = OpenErasure(name, run, reading, waiting=expired, is_purge=True)
    _take([name])
    write(begun)
    return begun


def advance(begun: OpenErasure, span: Slice) -> OpenErasure:
    """Write that a waiting slice of a purge is judged, and loses its words from now on."""
    waiting = [each for each in begun.waiting if each != span]
    further = replace(begun, slices=[*begun.slices, span], waiting=waiting)
    write(further)
    return further


def write(open_erasure: OpenErasure) -> None:
    """Write the to-do, or replace it by one that has come further."""
    run = open_erasure.run
    reading, erasure, near = open_erasure.reading, open_erasure.erasure, open_erasure.near
    pepper = known_pepper(run.adapters.state(), run.settings)
    users = (author_key(reading.platform, user, pepper=pepper) for user in erasure.users)
    note = {
        "domain": run.domain,
        "platform": reading.platform,
        "communities": list(reading.communities),
        "near": _span(near) if near else None,
        "item_ids": sorted(erasure.item_ids),
        "thread_ids": sorted(erasure.thread_ids),
        "authorless_ids": sorted(erasure.authorless_ids),
        "author_keys": sorted(open_erasure.author_keys.union(users)),
        "slices": _lists(open_erasure.slices),
        "waiting": _lists(open_erasure.waiting),
        "is_purge": open_erasure.is_purge,
        "strays": dict(open_erasure.strays),
    }
    run.adapters.state().put_notes(_TOPIC, {open_erasure.name: note})


def wait(open_erasure: OpenErasure, strays: Mapping[str, list[str]], log: Log) -> None:
    """Write that nothing is left to do but to wait for files that may be about to be committed."""
    write(replace(open_erasure, strays=strays))
    count = sum(map(len, strays.values()))
    log.warning("%d files of a run that was cut off: a later run goes on", count)


def close(open_erasure: OpenErasure) -> None:
    """Tick the to-do off."""
    for topic in (_TOPIC, _PURGES_BEFORE):
        open_erasure.run.adapters.state().drop_notes(topic, [open_erasure.name])
    if lease := _lease.get():
        lease.let_go([f"{_TOPIC}/{open_erasure.name}"])


def find(run: Run) -> Iterator[OpenErasure]:
    """Yield the erasures and purges that earlier runs have begun and not ended.

    Those of runs that still work on them are left out. Each is finished for the domain that it was
    begun for, where that is still there. Slices of a purge that have all their words wait no more
    where RETENTION has them stay by now.
    """
    known = set(domain_names(run.settings.domains_path))
    may_purge = run.settings.upkeep.retention == "derived_only"
    state = run.adapters.state()
    free = _take([*state.notes(_TOPIC), *state.notes(_PURGES_BEFORE)])
    # Read once more: whoever held one may have come further, or to the end.
    for name, note in state.notes(_TOPIC).items():
        if name not in free:
            continue
        platform = note["platform"]
        erasure = Erasure(
            frozenset(note["item_ids"]),
            frozenset(note["thread_ids"]),
            frozenset(note["authorless_ids"]),
            users_of(run, platform, note["author_keys"]),
        )
        whole = whole_platform(run, platform)
        reading = Reading(whole.source, platform, tuple(note["communities"]))
        domain = note.get("domain", run.domain)
        yield OpenErasure(
            name,
            replace(run, domain=domain) if domain in known else run,
            reading,
            erasure,
            _window(*note["near"]) if note["near"] else None,
            _slices(platform, note["slices"]),
            _slices(platform, note.get("waiting", [])) if may_purge else [],
            note.get("is_purge", False),
            frozenset(note["author_keys"]),
            note.get("strays", {}),
        )
    for name in free & state.notes(_PURGES_BEFORE).keys():
        platform, start = name.split("/")
        reading = whole_platform(run, platform)
        hour = Window.hour(datetime.fromisoformat(start))
        slices = [Slice(platform, reading.communities, hour)]
        yield OpenErasure(name, run, reading, slices=slices, is_purge=True)


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


def _lists(slices: Iterable[Slice]) -> list[list[str]]:
    return [[*_span(each.window), *each.communities] for each in slices]


def _slices(platform: str, lists: Iterable[list[str]]) -> list[Slice]:
    return [
        Slice(platform, tuple(communities), _window(start, end))
        for start, end, *communities in lists
    ]


def _span(window: Window) -> list[str]:
    return [window.start.isoformat(), window.end.isoformat()]


def _window(start: Any, end: Any) -> Window:  # noqa: ANN401, as JSON has it
    return Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
