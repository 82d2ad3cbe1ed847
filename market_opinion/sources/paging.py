"""Pages of a listing, whose end is believed only where it is proven."""

from collections.abc import Mapping
from typing import Any

from market_opinion.core.errors import MarketOpinionError, SourceUnreadable

_EMPTY_MAX = 25


class ListingBroken(MarketOpinionError):
    """A listing ended or went in a circle before its end; what came of it is kept."""


class Paging:
    """Watch over the pages of one listing: it ends, and never by going in a circle.

    For example::

        paging = Paging("app 570")
        while True:
            page = self.web.get("reviews", {"cursor": cursor}, what="app 570")
            items = paging.items(page, "reviews")
            yield from items
            if (cursor := page.get("next")) is None:
                return
            paging.go_on(cursor)
    """

    def __init__(self, what: str) -> None:
        """Watch the listing of `what`, as messages call it."""
        self._what = what
        self._cursors: set[str] = set()
        self._empty_count = 0

    def items(self, page: object, name: str) -> list[Any]:
        """Return the items of a page, which stand in the field `name`.

        Raises SourceUnreadable for an answer without the field or with an error, and ListingBroken
        after too many empty pages in a row.
        """
        if isinstance(page, Mapping) and page.get("error"):
            message = f"the answer for {self._what} holds an error"
            raise SourceUnreadable(message)
        items = page.get(name) if isinstance(page, Mapping) else None
        if not isinstance(items, list):
            message = f"the answer for {self._what} has no {name!r}{_reasons(page)}"
            raise SourceUnreadable(message)
        self._empty_count = 0 if items else self._empty_count + 1
        if self._empty_count > _EMPTY_MAX:
            message = f"the listing of {self._what} gave {self._empty_count} empty pages in a row"
            raise ListingBroken(message)
        return items

    def go_on(self, cursor: object) -> None:
        """Note the cursor of the next page; raises ListingBroken for one that was there before."""
        if str(cursor) in self._cursors:
            message = f"the listing of {self._what} goes in a circle: a page points at one before"
            raise ListingBroken(message)
        self._cursors.add(str(cursor))


def _reasons(page: object) -> str:
    """Return what an answer says of itself instead: the titles of its errors."""
    errors = page.get("errors") if isinstance(page, Mapping) else None
    titles = [str(each.get("title", "")) for each in errors or () if isinstance(each, Mapping)]
    return f" ({'; '.join(filter(None, titles))})" if any(titles) else ""
