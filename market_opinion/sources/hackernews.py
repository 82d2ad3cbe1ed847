"""Hacker News by its search API (hn.algolia.com/api), without a key.

A search returns every story and comment of an exact span of time.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from market_opinion.core.errors import SourceUnavailable
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.window import Window
from market_opinion.sources import Sink, SourceContext
from market_opinion.sources.second_look import KnownItem, SecondLookResult
from market_opinion.sources.web import Web
from market_opinion.sources.windowed import WebSource, read_to_start
from market_opinion.storage.json_line import object_of
from market_opinion.storage.landing.origin import FetchResult
from market_opinion.storage.line_format import LineFormat

# A search returns no more hits than this, however many pages are asked for.
_HITS_MAX = 1000
_SECOND = timedelta(seconds=1)
_TAGS = {"submission": "story", "comment": "comment"}
# The fields that hold the words of an item when it is asked for by its id.
_WORDS = ("title", "text")
# The fields that repeat these words, marked up for a page of results.
_DECORATION = ("_highlightResult", "_snippetResult")

# A hit of a search.
_HIT: Mapping[str, Any] = {
    "item_id": "objectID",
    "created_at": "created_at_i",
    "author": "author",
    "votes": "points",
}


class HackerNewsSettings(SettingsGroup):
    """Hacker News by its search API, without a key."""

    model_config = SettingsConfigDict(env_prefix="HACKERNEWS_")

    url: str = Field("https://hn.algolia.com/api/v1", description="Address of the search.")
    requests_per_minute: int = Field(
        120, ge=11, description="Most requests a minute of all processes."
    )


class HackerNews(WebSource):
    """All of Hacker News, as one community; a domain finds its products in it."""

    platform = "hackernews"
    kinds = ("submission", "comment")
    markup = ("html", "quoted_lines")
    reads, access = "every story and comment, by its search API", "open, no key"
    line_formats: ClassVar = {
        "submission": LineFormat(
            **_HIT, title="title", body="story_text", reply_count="num_comments"
        ),
        "comment": LineFormat(
            **_HIT,
            thread_id="story_id",
            parent_id="parent_id",
            title="story_title",
            body="comment_text",
        ),
    }
    item_address = "https://news.ycombinator.com/item?id={item_id}"
    settings_group = HackerNewsSettings

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the source at the address HACKERNEWS_URL."""
        settings = context.settings.group(HackerNewsSettings)
        return cls(
            Web(
                settings.url,
                context.pace(cls.platform, settings.requests_per_minute),
            )
        )

    def fetch(
        self,
        communities: tuple[str, ...],
        window: Window | None,
        *,
        now: datetime,  # noqa: ARG002, the platform's clock counts
        sink: Sink,
    ) -> FetchResult:
        """Pass on every story and comment of the window.

        A span with more hits than a search returns is halved until its hits fit.
        """
        window, (community,) = self.asked_for(window), communities
        for kind in self.kinds:
            for hit in self._hits(kind, window.start, window.end):
                if item := self.file_item(kind, community, hit, window):
                    sink(item)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def look_again(
        self, community: str, window: Window, known: Collection[KnownItem]
    ) -> SecondLookResult:
        """Search the window again, and ask for each missing item by its id.

        A search sometimes leaves out items that still exist.
        """
        self.web.begin()
        items = [
            item
            for kind in sorted({each.kind for each in known})
            for hit in self._hits(kind, window.start, window.end)
            if (item := self.file_item(kind, community, hit, window))
        ]
        ids = {self.line_formats[item.kind].key(object_of(item.line) or {}) for item in items}
        missing = [each for each in known if each.item_id not in ids]
        return SecondLookResult(items, standing=frozenset(filter(self._stands, missing)))

    def _stands(self, item: KnownItem) -> bool:
        """Return whether the item can still be read by its id."""
        answer = self.web.find(f"items/{item.item_id}", what=f"item {item.item_id}")
        return answer is not None and any(answer.get(name) for name in _WORDS)

    def _hits(self, kind: str, start: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
        what = f"Hacker News from {start.isoformat()} to {end.isoformat()}"
        span = f"created_at_i>={int(start.timestamp())},created_at_i<{int(end.timestamp())}"
        page = self.web.get(
            "search_by_date",
            {"tags": _TAGS[kind], "numericFilters": span, "hitsPerPage": _HITS_MAX},
            what=what,
        )
        # The count of hits may be an estimate, so a full page may hide more hits than it says.
        if page["nbHits"] <= len(page["hits"]) < _HITS_MAX:
            yield from (
                {name: value for name, value in hit.items() if name not in _DECORATION}
                for hit in page["hits"]
            )
        elif end - start > _SECOND:
            middle = start + (end - start) // _SECOND // 2 * _SECOND
            yield from self._hits(kind, start, middle)
            yield from self._hits(kind, middle, end)
        else:
            message = (
                f"{what}: {page['nbHits']} {kind}s, of which a search returns {len(page['hits'])}"
            )
            raise SourceUnavailable(message)
