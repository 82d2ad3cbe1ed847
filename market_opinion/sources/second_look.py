"""Second looks: items that are known, asked for again, and what changed of them since: votes, edits, deletions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from market_opinion.core.window import Window
from market_opinion.storage.format_reference import FormatReference, LineFormats
from market_opinion.storage.landing.origin import RawItem
from market_opinion.storage.landing.redaction import GONE_TEXTS, PURGED
from market_opinion.storage.line_format import ItemFields


class KnownItem(NamedTuple):
    """An item that bronze holds; of a comment with the thread it is in."""

    kind: str
    item_id: str
    thread_id: str | None


@dataclass(frozen=True)
class SecondLookResult:
    """Items as they are now, those that the platform says are `gone`, and those that can be seen and were not given again.

    What is in none of the three is absent, which may mean that it is gone, or that the platform has a bad moment. `successors`
    were not known, and take the place of some that are gone.
    """

    items: list[RawItem]
    gone: frozenset[KnownItem] = frozenset()
    standing: frozenset[KnownItem] = frozenset()
    successors: tuple[RawItem, ...] = ()


class SecondLook(Protocol):
    """A live platform that can be asked again for items it gave once."""

    @property
    def format_reference(self) -> FormatReference:
        """What a manifest says of how its lines are read."""

    @property
    def line_formats(self) -> LineFormats:
        """The formats of its lines by kind of item."""

    @property
    def retrieved_at(self) -> datetime:
        """When the last look was, by the platform's clock."""

    def look_again(
        self, community: str, window: Window, known: Collection[KnownItem]
    ) -> SecondLookResult:
        """What became of the known items of a window; raises CommunityClosed, CredentialsRefused or SourceUnavailable."""


@dataclass(frozen=True)
class Changes:
    """What is not as it was known: items that say something else, items without their author, and items that are absent."""

    items: list[RawItem]
    authorless: set[KnownItem]
    absent: set[KnownItem]


def compare(
    sighting: SecondLookResult,
    known: Mapping[KnownItem, Mapping[str, Any]],
    line_formats: LineFormats,
) -> Changes:
    """Hold what was seen against rows of bronze; what was not known is left out, and rows without words are not filled again."""
    by_key = {(item.kind, item.item_id): item for item in known}
    seen, changed, authorless = set[KnownItem](), list[RawItem](), set[KnownItem]()
    for item in sighting.items:
        said = line_formats[item.kind].item_fields(msgspec.json.decode(item.line))
        if (one := by_key.get((item.kind, said.item_id))) is None:
            continue
        seen.add(one)
        if said.author is None and known[one]["author"] not in {None, *GONE_TEXTS}:
            authorless.add(one)
        if _differs(said, known[one]):
            changed.append(item)
    return Changes(changed, authorless, known.keys() - seen - sighting.gone - sighting.standing)


def _differs(said: ItemFields, row: Mapping[str, Any]) -> bool:
    if row["body"] == PURGED:
        return False
    # Platforms leave titles and counts out of some answers, which takes nothing back.
    told = {"title": said.title, "votes": said.votes, "reply_count": said.reply_count}
    return said.body != row["body"] or any(
        value is not None and value != row[name] for name, value in told.items()
    )
