"""Second looks: known items are fetched again to find their new votes, edits and deletions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from market_opinion.core.window import Window
from market_opinion.storage.format_reference import FormatReference, LineFormats
from market_opinion.storage.landing.origin import RawItem
from market_opinion.storage.landing.redaction import GONE_TEXTS, PURGED, WITHOUT_WORDS
from market_opinion.storage.line_format import ItemFields


class KnownItem(NamedTuple):
    """An item that is in bronze; `thread_id` is the thread of a comment."""

    kind: str
    item_id: str
    thread_id: str | None


@dataclass(frozen=True)
class SecondLookResult:
    """Known items as they are now, items that are `gone`, and items `standing` unchanged.

    An item in none of the three is absent: it may be gone, or the platform failed to show it.
    `successors` are new items that replace some of the gone ones, such as an edited post with a
    new id.
    """

    items: list[RawItem]
    gone: frozenset[KnownItem] = frozenset()
    standing: frozenset[KnownItem] = frozenset()
    successors: tuple[RawItem, ...] = ()


class SecondLook(Protocol):
    """A live platform whose known items can be fetched again.

    For example, in a source that can be asked for one item::

        def look_again(self, community, window, known):
            answers = [self.web.find(f"notes/{each.item_id}", what="a note") for each in known]
            lines = [self.file_item("review", community, note, window) for note in answers if note]
            return SecondLookResult([line for line in lines if line])
    """

    @property
    def format_reference(self) -> FormatReference:
        """Reference in a manifest to the format of its lines."""

    @property
    def line_formats(self) -> LineFormats:
        """Formats of the lines by kind of item."""

    @property
    def retrieved_at(self) -> datetime:
        """Time of the last look, by the platform's clock."""

    def look_again(
        self, community: str, window: Window, known: Collection[KnownItem]
    ) -> SecondLookResult:
        """Return the known items of a window as they are now.

        Raises CommunityClosed, CredentialsRefused or SourceUnavailable.
        """


@dataclass(frozen=True)
class Changes:
    """Differences from bronze: changed items, items that lost their author, absent items."""

    items: list[RawItem]
    authorless: set[KnownItem]
    absent: set[KnownItem]


def compare(
    sighting: SecondLookResult,
    known: Mapping[KnownItem, Mapping[str, Any]],
    line_formats: LineFormats,
) -> Changes:
    """Return the differences between a second look and the rows of bronze, by known item.

    Items that are not known are left out. An erased row does not count as changed, so its words
    are not filled in again.
    """
    by_key = {(item.kind, item.item_id): item for item in known}
    present, changed, authorless = set[KnownItem](), list[RawItem](), set[KnownItem]()
    for item in sighting.items:
        item_fields = line_formats[item.kind].item_fields(msgspec.json.decode(item.line))
        if (known_item := by_key.get((item.kind, item_fields.item_id))) is None:
            continue
        present.add(known_item)
        row = known[known_item]
        if item_fields.author is None and row["author"] not in {None, *GONE_TEXTS}:
            authorless.add(known_item)
        if _differs(item_fields, row):
            changed.append(item)
    return Changes(changed, authorless, known.keys() - present - sighting.gone - sighting.standing)


def _differs(item_fields: ItemFields, row: Mapping[str, Any]) -> bool:
    if row["body"] == PURGED and row["author"] in {None, *WITHOUT_WORDS}:
        return False
    # Platforms leave titles and counts out of some answers; a missing value is no change.
    optional = {
        "title": item_fields.title,
        "votes": item_fields.votes,
        "reply_count": item_fields.reply_count,
    }
    return item_fields.body != row["body"] or any(
        value is not None and value != row[name] for name, value in optional.items()
    )
