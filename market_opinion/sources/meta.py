"""Facebook and Instagram by the Graph API: what people write below the posts and media of pages and accounts that are one's own."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Self

import requests

from market_opinion.errors import CredentialsRefused, MarketOpinionError, SettingsInvalid, SourceUnavailable
from market_opinion.sources import Opening, Sink, Stop
from market_opinion.sources.live import WebSource, file_item, read_to_start
from market_opinion.sources.web import Web
from market_opinion.window import Window

_PAGE_ITEMS = 100
# developers.facebook.com/docs/graph-api/guides/error-handling: used up for now, and a token that is none.
_RATE_CODES = {4, 17, 32, 613}
_TRANSIENT_CODES = {1, 2}
_TOKEN_CODES = {102, 190}


class _Graph(WebSource):
    """An edge of the graph read page by page."""

    capture_path = "graph"
    kinds = ("submission", "comment")

    def __init__(self, web: Web, *, days: int) -> None:
        """Look below what was posted in so many days before a window."""
        super().__init__(web)
        self._reach = timedelta(days=days)

    @classmethod
    def open(cls, opening: Opening) -> Self:
        """With the platform's access token, at META_URL."""
        settings, variable = opening.settings, f"{cls.platform.upper()}_ACCESS_TOKEN"
        token = getattr(settings, variable.lower())
        if token is None:
            message = (
                f"source {cls.platform} needs {variable}: a long-lived token for pages or accounts of your own (developers.facebook.com)"
            )
            raise SettingsInvalid(message)
        secret = token.get_secret_value()
        pace = opening.pace(secret, settings.meta_requests_per_minute)
        return cls(
            Web(settings.meta_url, pace, headers={"Authorization": f"Bearer {secret}"}, explain=_explained), days=settings.meta_posts_days
        )

    def edge(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401, as the API takes them
        """Every object of an edge; the cursor and not the link to the next page is followed, since links hold the token."""
        after: dict[str, str] = {}
        while True:
            page = self.web.get(path, {"limit": _PAGE_ITEMS, **params, **after}, what=f"{self.platform} {path}")
            yield from page["data"]
            if "next" not in page.get("paging", {}):
                return
            after = {"after": page["paging"]["cursors"]["after"]}


class Facebook(_Graph):
    """A community is a page by its id."""

    platform = "facebook"
    access = "pages of your own: an access token"

    def fetch(self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink) -> Stop:  # noqa: ARG002, its own clock counts
        """The page's posts of the window, and the comments of the window below its posts of the last META_POSTS_DAYS."""
        window, (page,) = self.asked_for(window), communities
        since, until = int((window.start - self._reach).timestamp()), int(window.end.timestamp())
        for post in self.edge(
            f"{page}/feed", fields="id,message,created_time,from{id},comments.limit(0).summary(true)", since=since, until=until
        ):
            if item := file_item("submission", page, post, window, forms=self.forms):
                sink(item)
            if post.get("comments", {}).get("summary", {}).get("total_count", 0):
                self._comments(page, post["id"], window, sink)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def _comments(self, page: str, post_id: str, window: Window, sink: Sink) -> None:
        """Of every depth, newest first."""
        fields = "id,message,created_time,from{id},parent{id},like_count,comment_count"
        for comment in self.edge(f"{post_id}/comments", fields=fields, filter="stream", order="reverse_chronological"):
            if datetime.fromisoformat(comment["created_time"]) < window.start:
                return
            if item := file_item("comment", page, {**comment, "post_id": post_id}, window, forms=self.forms):
                sink(item)


class Instagram(_Graph):
    """A community is a professional account by its id."""

    platform = "instagram"
    access = "accounts of your own: an access token"

    def fetch(self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink) -> Stop:  # noqa: ARG002, its own clock counts
        """The account's media of the window, and the comments of the window below its media of the last META_POSTS_DAYS.

        All comments of such a medium are read, since an answer to an old one is found below that one alone.
        """
        window, (account,) = self.asked_for(window), communities
        for medium in self.edge(f"{account}/media", fields="id,caption,timestamp,username,like_count,comments_count"):
            if datetime.fromisoformat(medium["timestamp"]) < window.start - self._reach:
                break
            if item := file_item("submission", account, medium, window, forms=self.forms):
                sink(item)
            if medium.get("comments_count"):
                for comment in self._comments(medium["id"]):
                    if item := file_item("comment", account, {**comment, "media_id": medium["id"]}, window, forms=self.forms):
                        sink(item)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def _comments(self, media_id: str) -> Iterator[dict[str, Any]]:
        own = "id,text,timestamp,username,like_count,parent_id"
        for comment in self.edge(f"{media_id}/comments", fields=f"{own},replies{{{own}}}"):
            replies = comment.pop("replies", {})
            yield comment
            if "next" in replies.get("paging", {}):
                yield from self.edge(f"{comment['id']}/replies", fields=own)
            else:
                yield from replies.get("data", ())


def _explained(response: requests.Response, what: str) -> MarketOpinionError | None:
    """Graph answers most of what goes wrong with 400 and a code."""
    try:
        error = response.json()["error"]
        code, text = error["code"], error.get("message", "")
    except (requests.JSONDecodeError, KeyError, TypeError):
        return None
    if code in _TOKEN_CODES:
        return CredentialsRefused(f"the access token is refused for {what} ({code}: {text}): renew it")
    if code in _RATE_CODES:
        return SourceUnavailable(f"{what}: requests are used up for now ({code}): lower META_REQUESTS_PER_MINUTE")
    return SourceUnavailable(f"{what} was not answered ({code})") if code in _TRANSIENT_CODES else None
