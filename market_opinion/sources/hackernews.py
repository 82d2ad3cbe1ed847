"""Hacker News by its search interface (hn.algolia.com/api): every story and comment of an exact span of time, without a key."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Self

import msgspec

from market_opinion.core.errors import SourceUnavailable
from market_opinion.core.window import Window
from market_opinion.sources import Sink, SourceContext
from market_opinion.sources.second_look import Known, Sighting
from market_opinion.sources.web import Web
from market_opinion.sources.windowed import WebSource, file_item, read_to_start
from market_opinion.storage.known_formats import format_of
from market_opinion.storage.landing.origin import FetchResult

# A search gives no more than this, on one page or on several.
_HITS_MAX = 1000
_SECOND = timedelta(seconds=1)
_TAGS = {"submission": "story", "comment": "comment"}
# Where an item by itself has its words.
_WORDS = ("title", "text")
# The same words again, marked up for a page of results.
_DECORATION = ("_highlightResult", "_snippetResult")


class HackerNews(WebSource):
    """All of it, as one community; a domain finds its products in it."""

    platform = "hackernews"
    kinds = ("submission", "comment")
    access = "open, no key"

    @classmethod
    def open(cls, opening: SourceContext) -> Self:
        """At HACKERNEWS_URL."""
        settings = opening.settings
        return cls(
            Web(
                settings.hackernews_url,
                opening.pace(cls.platform, settings.hackernews_requests_per_minute),
            )
        )

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """Everything of the window; a span that holds more than a search gives is halved until it does not."""
        window, (community,) = self.asked_for(window), communities
        for kind in self.kinds:
            for hit in self._hits(kind, window.start, window.end):
                if item := file_item(kind, community, hit, window, forms=self.forms):
                    sink(item)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def look_again(self, community: str, window: Window, known: Collection[Known]) -> Sighting:
        """The window searched again, and each item that is not found there asked for by itself, since searches forget some."""
        self.web.begin()
        items = [
            item
            for kind in sorted({each.kind for each in known})
            for hit in self._hits(kind, window.start, window.end)
            if (item := file_item(kind, community, hit, window, forms=self.forms))
        ]
        found = {
            format_of(self.forms, item.kind).key(msgspec.json.decode(item.line)) for item in items
        }
        unfound = [each for each in known if each.item_id not in found]
        return Sighting(items, standing=frozenset(filter(self._stands, unfound)))

    def _stands(self, known: Known) -> bool:
        """Whether the item can be read by itself."""
        found = self.web.find(f"items/{known.item_id}", what=f"item {known.item_id}")
        return found is not None and any(found.get(name) for name in _WORDS)

    def _hits(self, kind: str, start: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
        what = f"Hacker News from {start.isoformat()} to {end.isoformat()}"
        span = f"created_at_i>={int(start.timestamp())},created_at_i<{int(end.timestamp())}"
        found = self.web.get(
            "search_by_date",
            {"tags": _TAGS[kind], "numericFilters": span, "hitsPerPage": _HITS_MAX},
            what=what,
        )
        # The count may be an estimate: a full page may hide more whatever it says.
        if found["nbHits"] <= len(found["hits"]) < _HITS_MAX:
            yield from (
                {name: value for name, value in hit.items() if name not in _DECORATION}
                for hit in found["hits"]
            )
        elif end - start > _SECOND:
            middle = start + (end - start) // _SECOND // 2 * _SECOND
            yield from self._hits(kind, start, middle)
            yield from self._hits(kind, middle, end)
        else:
            message = (
                f"{what}: {found['nbHits']} {kind}s, of which a search gives {len(found['hits'])}"
            )
            raise SourceUnavailable(message)
