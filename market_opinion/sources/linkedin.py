"""LinkedIn by its Community Management API: what people write below the posts of organisations that one administers."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.window import Window
from market_opinion.sources import Sink, SourceContext
from market_opinion.sources.second_look import Known, Sighting
from market_opinion.sources.web import Web
from market_opinion.sources.windowed import WebSource, file_item, read_to_start
from market_opinion.storage.landing.origin import FetchResult

_PAGE_ITEMS = 100


class LinkedIn(WebSource):
    """A community is an organisation by the number in its URN."""

    platform = "linkedin"
    capture_path = "listing"
    kinds = ("submission", "comment")
    access = "organisations of your own: an approved app"

    def __init__(self, web: Web, *, days: int) -> None:
        """Look below what was posted in so many days before a window."""
        super().__init__(web)
        self._reach = timedelta(days=days)

    @classmethod
    def open(cls, opening: SourceContext) -> Self:
        """With LINKEDIN_ACCESS_TOKEN, at LINKEDIN_URL."""
        settings = opening.settings
        if settings.linkedin_access_token is None:
            message = "source linkedin needs LINKEDIN_ACCESS_TOKEN with r_organization_social, of an app approved for Community Management"
            raise SettingsInvalid(message)
        secret = settings.linkedin_access_token.get_secret_value()
        headers = {
            "Authorization": f"Bearer {secret}",
            "LinkedIn-Version": settings.linkedin_version,
            "X-Restli-Protocol-Version": "2.0.0",
        }
        pace = opening.pace(secret, settings.linkedin_requests_per_minute)
        return cls(
            Web(settings.linkedin_url, pace, headers=headers), days=settings.linkedin_posts_days
        )

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """The organisation's posts of the window, and the comments of the window below its posts of the last LINKEDIN_POSTS_DAYS."""
        window, (organisation,) = self.asked_for(window), communities
        oldest = window.start - self._reach
        author = {
            "q": "author",
            "author": f"urn:li:organization:{organisation}",
            "sortBy": "CREATED",
        }
        for post in self._elements("posts", author, what=f"organisation {organisation}"):
            if (
                datetime.fromtimestamp(post.get("publishedAt", post["createdAt"]) / 1000, UTC)
                < oldest
            ):
                break
            if item := file_item("submission", organisation, post, window, forms=self.forms):
                sink(item)
            for comment in self._comments(post["id"]):
                if item := file_item("comment", organisation, comment, window, forms=self.forms):
                    sink(item)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def look_again(self, community: str, window: Window, known: Collection[Known]) -> Sighting:
        """Each of them by its URN; the organisation's posts first, since a token that may not see those sees none of them."""
        self.web.begin()
        author = {"q": "author", "author": f"urn:li:organization:{community}", "count": 1}
        self.web.get("posts", author, what=f"organisation {community}")
        items = []
        for each in known:
            path = f"posts/{quote(each.item_id, safe='')}"
            if each.kind == "comment":
                number = each.item_id.rpartition(",")[2].rstrip(")")
                path = f"socialActions/{quote(each.thread_id or '', safe='')}/comments/{number}"
            found = self.web.find(path, what=each.item_id)
            if found is not None and (
                item := file_item(each.kind, community, found, window, forms=self.forms)
            ):
                items.append(item)
        return Sighting(items)

    def _comments(self, urn: str) -> Iterator[dict[str, Any]]:
        """All below a post, and below those comments: LinkedIn goes no deeper."""
        for comment in self._elements(
            f"socialActions/{quote(urn, safe='')}/comments", {}, what=f"comments of {urn}"
        ):
            yield comment
            if (
                comment.get("commentsSummary", {}).get("totalFirstLevelComments", 0)
                and "parentComment" not in comment
            ):
                yield from self._comments(comment["commentUrn"])

    def _elements(
        self, path: str, params: dict[str, Any], *, what: str
    ) -> Iterator[dict[str, Any]]:
        start = 0
        while True:
            page = self.web.get(path, {**params, "start": start, "count": _PAGE_ITEMS}, what=what)
            yield from page["elements"]
            start += len(page["elements"])
            if not page["elements"] or not any(
                link["rel"] == "next" for link in page.get("paging", {}).get("links", ())
            ):
                return
