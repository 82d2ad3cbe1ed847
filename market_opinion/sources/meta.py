"""Facebook and Instagram by the Graph API: what people write below the posts and media of pages and accounts that are one's own."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import requests

from market_opinion.core.errors import (
    CredentialsRefused,
    MarketOpinionError,
    NotThere,
    SettingsInvalid,
    SourceUnavailable,
)
from market_opinion.core.window import Window
from market_opinion.sources import Sink, SourceContext
from market_opinion.sources.second_look import Known, Sighting
from market_opinion.sources.web import Web
from market_opinion.sources.windowed import WebSource, file_item, read_to_start
from market_opinion.storage.landing.origin import FetchResult

_PAGE_ITEMS = 100
# developers.facebook.com/docs/graph-api/guides/error-handling: used up for now, a token that is none, and what is not there.
_RATE_CODES = {4, 17, 32, 613}
_ABSENT_CODE, _ABSENT_SUBCODE = 100, 33
_TRANSIENT_CODES = {1, 2}
_TOKEN_CODES = {102, 190}


class _Graph(WebSource):
    """An edge of the graph read page by page."""

    capture_path = "graph"
    kinds = ("submission", "comment")
    feed: ClassVar[str]  # the edge of what was posted
    fields: ClassVar[dict[str, str]]  # that are asked for of each kind
    thread_field: ClassVar[str]  # where the thread of a comment is kept, which no answer says

    def __init__(self, web: Web, *, days: int) -> None:
        """Look below what was posted in so many days before a window."""
        super().__init__(web)
        self._reach = timedelta(days=days)

    @classmethod
    def open(cls, opening: SourceContext) -> Self:
        """With the platform's access token, at META_URL."""
        settings, variable = opening.settings, f"{cls.platform.upper()}_ACCESS_TOKEN"
        token = getattr(settings, variable.lower())
        if token is None:
            message = f"source {cls.platform} needs {variable}: a long-lived token for pages or accounts of your own (developers.facebook.com)"
            raise SettingsInvalid(message)
        secret = token.get_secret_value()
        pace = opening.pace(secret, settings.meta_requests_per_minute)
        return cls(
            Web(
                settings.meta_url,
                pace,
                headers={"Authorization": f"Bearer {secret}"},
                explain=_explained,
            ),
            days=settings.meta_posts_days,
        )

    def edge(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every object of an edge; the cursor and not the link to the next page is followed, since links hold the token."""
        after: dict[str, str] = {}
        while True:
            page = self.web.get(
                path, {"limit": _PAGE_ITEMS, **params, **after}, what=f"{self.platform} {path}"
            )
            yield from page["data"]
            if "next" not in page.get("paging", {}):
                return
            after = {"after": page["paging"]["cursors"]["after"]}

    def look_again(self, community: str, window: Window, known: Collection[Known]) -> Sighting:
        """Each of them by its id; what is on the page or account first, since a token that may not see that sees none of them."""
        self.web.begin()
        self.web.get(
            f"{community}/{self.feed}",
            {"fields": "id", "limit": 1},
            what=f"{self.platform} {community}",
        )
        items = []
        for each in known:
            found = self.web.find(
                each.item_id,
                {"fields": self.fields[each.kind]},
                what=f"{self.platform} {each.item_id}",
            )
            if found is not None:
                above = {self.thread_field: each.thread_id} if each.kind == "comment" else {}
                if item := file_item(
                    each.kind, community, {**found, **above}, window, forms=self.forms
                ):
                    items.append(item)
        return Sighting(items)


class Facebook(_Graph):
    """A community is a page by its id."""

    platform = "facebook"
    access = "pages of your own: an access token"
    feed, thread_field = "feed", "post_id"
    fields: ClassVar = {
        "submission": "id,message,created_time,from{id},comments.limit(0).summary(true)",
        "comment": "id,message,created_time,from{id},parent{id},like_count,comment_count",
    }

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """The page's posts of the window, and the comments of the window below its posts of the last META_POSTS_DAYS."""
        window, (page,) = self.asked_for(window), communities
        since, until = int((window.start - self._reach).timestamp()), int(window.end.timestamp())
        for post in self.edge(
            f"{page}/{self.feed}", fields=self.fields["submission"], since=since, until=until
        ):
            if item := file_item("submission", page, post, window, forms=self.forms):
                sink(item)
            if post.get("comments", {}).get("summary", {}).get("total_count", 0):
                self._comments(page, post["id"], window, sink)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def _comments(self, page: str, post_id: str, window: Window, sink: Sink) -> None:
        """Of every depth, newest first."""
        for comment in self.edge(
            f"{post_id}/comments",
            fields=self.fields["comment"],
            filter="stream",
            order="reverse_chronological",
        ):
            if datetime.fromisoformat(comment["created_time"]) < window.start:
                return
            if item := file_item(
                "comment", page, {**comment, self.thread_field: post_id}, window, forms=self.forms
            ):
                sink(item)


class Instagram(_Graph):
    """A community is a professional account by its id."""

    platform = "instagram"
    access = "accounts of your own: an access token"
    feed, thread_field = "media", "media_id"
    fields: ClassVar = {
        "submission": "id,caption,timestamp,username,like_count,comments_count",
        "comment": "id,text,timestamp,username,like_count,parent_id",
    }

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """The account's media of the window, and the comments of the window below its media of the last META_POSTS_DAYS.

        All comments of such a medium are read, since an answer to an old one is found below that one alone.
        """
        window, (account,) = self.asked_for(window), communities
        for medium in self.edge(f"{account}/{self.feed}", fields=self.fields["submission"]):
            if datetime.fromisoformat(medium["timestamp"]) < window.start - self._reach:
                break
            if item := file_item("submission", account, medium, window, forms=self.forms):
                sink(item)
            if medium.get("comments_count"):
                for comment in self._comments(medium["id"]):
                    if item := file_item(
                        "comment",
                        account,
                        {**comment, self.thread_field: medium["id"]},
                        window,
                        forms=self.forms,
                    ):
                        sink(item)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def _comments(self, media_id: str) -> Iterator[dict[str, Any]]:
        own = self.fields["comment"]
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
        code, subcode, text = error["code"], error.get("error_subcode"), error.get("message", "")
    except (requests.JSONDecodeError, KeyError, TypeError):
        return None
    if code in _TOKEN_CODES:
        return CredentialsRefused(
            f"the access token is refused for {what} ({code}: {text}): renew it"
        )
    if code in _RATE_CODES:
        return SourceUnavailable(
            f"{what}: requests are used up for now ({code}): lower META_REQUESTS_PER_MINUTE"
        )
    if (code, subcode) == (_ABSENT_CODE, _ABSENT_SUBCODE):
        return NotThere(f"{what} is not there, or not for this token")
    return (
        SourceUnavailable(f"{what} was not answered ({code})") if code in _TRANSIENT_CODES else None
    )
