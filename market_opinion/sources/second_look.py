"""Second looks: known items are asked for again, and their votes, edits and deletions found."""

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
    """An item that bronze holds; a comment with the thread it is in."""

    kind: str
    item_id: str
    thread_id: str | None


@dataclass(frozen=True)
class SecondLookResult:
    """Items as they are now, items that are `gone`, and items that are `standing` unchanged.

    An item in none of the three is absent: it may be gone, or the platform has a bad moment.
    `successors` were not known, and take the place of some items that are gone.
    """

    items: list[RawItem]
    gone: frozenset[KnownItem] = frozenset()
    standing: frozenset[KnownItem] = frozenset()
    successors: tuple[RawItem, ...] = ()


class SecondLook(Protocol):
    """A live platform that can be asked again for items it gave once."""

    @property
    def format_reference(self) -> FormatReference:
        """The entry of a manifest that says how the lines are read."""

    @property
    def line_formats(self) -> LineFormats:
        """The formats of the lines by kind of item."""

    @property
    def retrieved_at(self) -> datetime:
        """The platform's time of the last look."""

    def look_again(
        self, community: str, window: Window, known: Collection[KnownItem]
    ) -> SecondLookResult:
        """Return the known items of a window as they are now.

        Raises CommunityClosed, CredentialsRefused or SourceUnavailable.
        """


@dataclass(frozen=True)
class Changes:
    """Differences from bronze: items with other content, items without author, absent items."""

    items: list[RawItem]
    authorless: set[KnownItem]
    absent: set[KnownItem]


def compare(
    sighting: SecondLookResult,
    known: Mapping[KnownItem, Mapping[str, Any]],
    line_formats: LineFormats,
) -> Changes:
    """Compare a second look with rows of bronze.

    Items that were not known are left out, and rows without words are not filled again.
    """
    by_key = {(item.kind, item.item_id): item for item in known}
    seen, changed, authorless = set[KnownItem](), list[RawItem](), set[KnownItem]()
    for item in sighting.items:
        item_fields = line_formats[item.kind].item_fields(msgspec.json.decode(item.line))
        if (one := by_key.get((item.kind, item_fields.item_id))) is None:
            continue
        seen.add(one)
        if item_fields.author is None and known[one]["author"] not in {None, *GONE_TEXTS}:
            authorless.add(one)
        if _differs(item_fields, known[one]):
            changed.append(item)
    return Changes(changed, authorless, known.keys() - seen - sighting.gone - sighting.standing)


def _differs(item_fields: ItemFields, row: Mapping[str, Any]) -> bool:
    if row["body"] == PURGED:
        return False
    # Platforms leave titles and counts out of some answers, which takes nothing back.
    counted = {
        "title": item_fields.title,
        "votes": item_fields.votes,
        "reply_count": item_fields.reply_count,
    }
    return item_fields.body != row["body"] or any(
        value is not None and value != row[name] for name, value in counted.items()
    )
