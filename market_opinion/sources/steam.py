"""Steam's reviews of an app (partner.steamgames.com/doc/store/getreviews), without a key."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from market_opinion.core.errors import CommunityClosed
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.window import Window
from market_opinion.sources import Sink, SourceContext
from market_opinion.sources.paging import ListingBroken, Paging
from market_opinion.sources.web import Web
from market_opinion.sources.windowed import WebSource, read_to_start
from market_opinion.storage.landing.origin import FetchResult
from market_opinion.storage.line_format import LineFormat

_PAGE_ITEMS = 100
# How often an empty page is asked for again.
_EMPTY_PAGES_MAX = 2


class SteamSettings(SettingsGroup):
    """Steam: reviews, without a key."""

    model_config = SettingsConfigDict(env_prefix="STEAM_")

    url: str = Field("https://store.steampowered.com", description="Address of Steam's shop.")
    requests_per_minute: int = Field(
        60, ge=11, description="Most requests a minute of all processes."
    )


class Steam(WebSource):
    """Steam: a community is an app, named by its id, for example 1245620.

    A review is of the product with `steam:1245620` in the column `ids` of products.csv.
    """

    platform = "steam"
    capture_path = "listing"
    kinds = ("review",)
    markup = ("bbcode",)
    reads, access = "reviews of apps, newest first", "open, no key"
    # `appid` is added to each review, since an answer does not name the app it is about.
    line_formats: ClassVar = {
        "review": LineFormat(
            item_id="recommendationid",
            created_at="timestamp_created",
            thread_id="appid",
            author="author.steamid",
            body="review",
            votes="votes_up",
            reply_count="comment_count",
            is_recommended="voted_up",
        )
    }
    item_address = "https://store.steampowered.com/app/{thread_id}/#app_reviews_hash"
    settings_group = SteamSettings

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the source at the address STEAM_URL."""
        settings = context.settings.group(SteamSettings)
        return cls(Web(settings.url, context.pace(cls.platform, settings.requests_per_minute)))

    def fetch(
        self,
        communities: tuple[str, ...],
        window: Window | None,
        *,
        now: datetime,  # noqa: ARG002, the platform's clock counts
        sink: Sink,
    ) -> FetchResult:
        """Pass on the reviews of the window, from the newest back to the window's start."""
        window, (app,) = self.asked_for(window), communities
        for review in self._reviews(app):
            if self.is_older("review", review, window.start):
                break
            if item := self.file_item("review", app, {**review, "appid": app}, window):
                sink(item)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def _reviews(self, app: str) -> Iterator[dict[str, Any]]:
        """Yield reviews in every language, newest first, also those outside Steam's score.

        The listing ends when as many came as Steam announces. It often ends before: an empty page
        is asked for again, and is no end.
        """
        listing, cursor = _Listing(app), "*"
        while not listing.is_whole:
            page = self._page(app, cursor)
            reviews = listing.take(page, cursor)
            yield from reviews
            cursor = page.get("cursor", "") if reviews else cursor

    def _page(self, app: str, cursor: str) -> dict[str, Any]:
        params = {
            "json": 1,
            "filter": "recent",
            "language": "all",
            "review_type": "all",
            "purchase_type": "all",
            "filter_offtopic_activity": 0,
            "num_per_page": _PAGE_ITEMS,
            "cursor": cursor,
        }
        page: dict[str, Any] = self.web.get(f"appreviews/{app}", params, what=f"app {app}")
        if page.get("success") != 1:
            message = f"Steam knows no app {app}: check [sources.steam] of the domain"
            raise CommunityClosed(message)
        return page


class _Listing:
    """The reviews of an app that came, and the number that Steam announced."""

    def __init__(self, app: str) -> None:
        self._paging = Paging(f"app {app}")
        self._app = app
        self._announced: int | None = None
        self._seen, self._cursors = set[str](), set[str]()
        self._empty_count = 0

    @property
    def is_whole(self) -> bool:
        """Whether as many reviews came as were announced."""
        return self._announced is not None and len(self._seen) >= self._announced

    def take(self, page: dict[str, Any], cursor: str) -> list[dict[str, Any]]:
        """Return the reviews of a page; raises ListingBroken where no more will come."""
        reviews = self._paging.items(page, "reviews")
        if not self._seen:
            self._announced = page.get("query_summary", {}).get("total_reviews")
        self._seen.update(str(each.get("recommendationid")) for each in reviews)
        self._empty_count = 0 if reviews else self._empty_count + 1
        is_circle = bool(reviews) and cursor in self._cursors
        if not self.is_whole and (is_circle or self._empty_count > _EMPTY_PAGES_MAX):
            announced = "an unknown number" if self._announced is None else f"{self._announced:,}"
            message = (
                f"the listing of app {self._app} ended after {len(self._seen):,} of {announced}"
                " reviews, and none of them was older than the window"
            )
            raise ListingBroken(message)
        self._cursors.add(cursor)
        return reviews
