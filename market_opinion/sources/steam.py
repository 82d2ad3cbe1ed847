"""Reviews on Steam (partner.steamgames.com/doc/store/getreviews): those of one app, newest first, without a key."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Self

from market_opinion.core.errors import CommunityClosed
from market_opinion.core.window import Window
from market_opinion.sources import Sink, SourceContext
from market_opinion.sources.web import Web
from market_opinion.sources.windowed import WebSource, file_item, read_to_start
from market_opinion.storage.landing.origin import FetchResult

_PAGE_ITEMS = 100


class Steam(WebSource):
    """A community is an app by its id, as 1245620; `steam:1245620` among a product's ids says which product that is."""

    platform = "steam"
    capture_path = "listing"
    kinds = ("review",)
    access = "open, no key"

    @classmethod
    def open(cls, opening: SourceContext) -> Self:
        """At STEAM_URL."""
        settings = opening.settings
        return cls(
            Web(settings.steam_url, opening.pace(cls.platform, settings.steam_requests_per_minute))
        )

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """Back from the newest review until one is older than the window."""
        window, (app,) = self.asked_for(window), communities
        for review in self._reviews(app):
            if datetime.fromtimestamp(review["timestamp_created"], UTC) < window.start:
                break
            if item := file_item("review", app, {**review, "appid": app}, window, forms=self.forms):
                sink(item)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def _reviews(self, app: str) -> Iterator[dict[str, Any]]:
        """Of every language and every buyer, those that Steam itself leaves out of the score too."""
        params = {
            "json": 1,
            "filter": "recent",
            "language": "all",
            "review_type": "all",
            "purchase_type": "all",
            "filter_offtopic_activity": 0,
            "num_per_page": _PAGE_ITEMS,
        }
        cursor, seen = "*", set[str]()
        while cursor not in seen:
            seen.add(cursor)
            page = self.web.get(
                f"appreviews/{app}", {**params, "cursor": cursor}, what=f"app {app}"
            )
            if page.get("success") != 1:
                message = f"Steam knows no app {app}: check [sources.steam] of the domain"
                raise CommunityClosed(message)
            yield from page["reviews"]
            if not page["reviews"]:
                return
            cursor = page["cursor"]
