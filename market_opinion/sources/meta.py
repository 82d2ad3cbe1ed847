"""Facebook and Instagram by the Graph API: posts and comments of one's own pages and accounts."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

import requests
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from market_opinion.core.errors import (
    CredentialsRefused,
    MarketOpinionError,
    NotThere,
    SettingsInvalid,
    SourceUnavailable,
    SourceUnreadable,
)
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.window import Window
from market_opinion.sources import Sink, SourceContext
from market_opinion.sources.paging import Paging
from market_opinion.sources.second_look import KnownItem, SecondLookResult
from market_opinion.sources.web import Web
from market_opinion.sources.windowed import WebSource, read_to_start
from market_opinion.storage.landing.origin import FetchResult
from market_opinion.storage.line_format import LineFormat

_PAGE_ITEMS = 100
# Codes of errors (developers.facebook.com/docs/graph-api/guides/error-handling): too many requests,
# an object that does not exist, failures that pass by themselves, and tokens that are refused.
_RATE_CODES = {4, 17, 32, 613}
_ABSENT_CODE, _ABSENT_SUBCODE = 100, 33
_TRANSIENT_CODES = {1, 2}
_TOKEN_CODES = {102, 190}
# Page Post and Comment, IG Media and IG Comment (developers.facebook.com/docs/graph-api/reference).
_FACEBOOK: Mapping[str, Any] = {
    "item_id": "id",
    "created_at": "created_time",
    "time": "iso",
    "author": "from.id",
    "body": "message",
}
_INSTAGRAM: Mapping[str, Any] = {
    "item_id": "id",
    "created_at": "timestamp",
    "time": "iso",
    "author": "username",
    "votes": "like_count",
}


class MetaSettings(SettingsGroup):
    """The Graph API of Facebook and Instagram: comments on pages and accounts of your own."""

    model_config = SettingsConfigDict(env_prefix="META_")

    access_token: SecretStr | None = None
    url: str = Field(
        "https://graph.facebook.com/v24.0",
        description="Address of the Graph API, with its version.",
    )
    requests_per_minute: int = Field(
        30, ge=11, description="Most requests a minute of all processes with one token."
    )
    posts_days: int = Field(
        30,
        ge=1,
        description="Comments are read below posts and media that were at most so many days old.",
    )


class FacebookSettings(MetaSettings):
    """Facebook: comments on pages of your own, below what was posted in the last days."""

    access_token: SecretStr | None = Field(
        None,
        alias="FACEBOOK_ACCESS_TOKEN",
        description="Long-lived token for pages of your own.",
    )


class InstagramSettings(MetaSettings):
    """Instagram: comments on accounts of your own, below what was posted in the last days."""

    access_token: SecretStr | None = Field(
        None,
        alias="INSTAGRAM_ACCESS_TOKEN",
        description="Long-lived token for professional accounts of your own.",
    )


class _Graph(WebSource):
    """A platform of the Graph API, which calls a list of objects below another one an edge."""

    capture_path = "graph"
    kinds = ("submission", "comment")
    feed: ClassVar[str]  # the edge of posts or media
    fields: ClassVar[dict[str, str]]  # the fields to ask for, by kind of item
    settings_group: ClassVar[type[MetaSettings]]
    thread_field: ClassVar[str]  # added to comments for their thread, which no answer names

    def __init__(self, web: Web, *, days: int) -> None:
        """Read comments below posts and media of this many days before a window."""
        super().__init__(web)
        self._reach = timedelta(days=days)

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the source at the address META_URL, with the platform's access token."""
        settings = context.settings.group(cls.settings_group)
        if settings.access_token is None:
            variable = f"{cls.platform.upper()}_ACCESS_TOKEN"
            message = (
                f"source {cls.platform} needs {variable}: a long-lived token for pages or accounts"
                " of your own (developers.facebook.com)"
            )
            raise SettingsInvalid(message)
        secret = settings.access_token.get_secret_value()
        pace = context.pace(secret, settings.requests_per_minute)
        return cls(
            Web(
                settings.url,
                pace,
                headers={"Authorization": f"Bearer {secret}"},
                explain=_explained,
            ),
            days=settings.posts_days,
        )

    def edge(
        self,
        path: str,
        **params: Any,  # noqa: ANN401, as the API takes them
    ) -> Iterator[dict[str, Any]]:
        """Yield every object of an edge, page by page.

        Pages are asked for by their cursor and not by the link to the next page, which contains the
        token.
        """
        after: dict[str, str] = {}
        what = f"{self.platform} {path}"
        watch = Paging(what)
        while True:
            page = self.web.get(path, {"limit": _PAGE_ITEMS, **params, **after}, what=what)
            yield from watch.items(page, "data")
            paging = page.get("paging") or {}
            if not paging.get("next"):
                return
            cursor = (paging.get("cursors") or {}).get("after") or self._cursor_of(paging["next"])
            if not cursor:
                message = f"the answer for {what} promises more and has no cursor to it"
                raise SourceUnreadable(message)
            watch.go_on(cursor)
            after = {"after": cursor}

    def _cursor_of(self, link: str) -> str | None:
        """Return the cursor in a link to the next page, if the link leads to the same server."""
        parts = urlsplit(link)
        if parts.netloc != urlsplit(self.web.address).netloc:
            return None
        return next(iter(parse_qs(parts.query).get("after", [])), None)

    def look_again(
        self, community: str, window: Window, known: Collection[KnownItem]
    ) -> SecondLookResult:
        """Ask for each item by its id.

        The page or account is asked for first: to a token without access to it, every item would
        seem to be gone.
        """
        self.web.begin()
        self.web.get(
            f"{community}/{self.feed}",
            {"fields": "id", "limit": 1},
            what=f"{self.platform} {community}",
        )
        items = []
        for each in known:
            answer = self.web.find(
                each.item_id,
                {"fields": self.fields[each.kind]},
                what=f"{self.platform} {each.item_id}",
            )
            if answer is not None:
                thread = {self.thread_field: each.thread_id} if each.kind == "comment" else {}
                if item := self.file_item(each.kind, community, {**answer, **thread}, window):
                    items.append(item)
        return SecondLookResult(items)


class Facebook(_Graph):
    """Facebook: a community is a page, named by its id."""

    platform = "facebook"
    reads = "posts of pages and the comments below them, by the Graph API"
    access = "pages of your own: an access token"
    line_formats: ClassVar = {
        "submission": LineFormat(**_FACEBOOK),
        "comment": LineFormat(
            **_FACEBOOK,
            thread_id="post_id",
            parent_id="parent.id",
            votes="like_count",
            reply_count="comment_count",
        ),
    }
    item_address = "https://www.facebook.com/{item_id}"
    settings_group = FacebookSettings
    feed, thread_field = "feed", "post_id"
    fields: ClassVar = {
        "submission": "id,message,created_time,from{id},comments.limit(0).summary(true)",
        "comment": "id,message,created_time,from{id},parent{id},like_count,comment_count",
    }

    def fetch(
        self,
        communities: tuple[str, ...],
        window: Window | None,
        *,
        now: datetime,  # noqa: ARG002, the platform's clock counts
        sink: Sink,
    ) -> FetchResult:
        """Pass on the page's posts and comments of the window.

        Comments are read below posts of up to META_POSTS_DAYS before the window.
        """
        window, (page,) = self.asked_for(window), communities
        since, until = int((window.start - self._reach).timestamp()), int(window.end.timestamp())
        for post in self.edge(
            f"{page}/{self.feed}", fields=self.fields["submission"], since=since, until=until
        ):
            if item := self.file_item("submission", page, post, window):
                sink(item)
            if ((post.get("comments") or {}).get("summary") or {}).get("total_count"):
                self._comments(page, post["id"], window, sink)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def _comments(self, page: str, post_id: str, window: Window, sink: Sink) -> None:
        """Pass on the comments below a post at every depth, newest first, back to the window."""
        for comment in self.edge(
            f"{post_id}/comments",
            fields=self.fields["comment"],
            filter="stream",
            order="reverse_chronological",
        ):
            if self.is_older("comment", comment, window.start):
                return
            if item := self.file_item(
                "comment", page, {**comment, self.thread_field: post_id}, window
            ):
                sink(item)


class Instagram(_Graph):
    """Instagram: a community is a professional account, named by its id."""

    platform = "instagram"
    reads = "media of accounts and the comments below them, by the Graph API"
    access = "accounts of your own: an access token"
    line_formats: ClassVar = {
        "submission": LineFormat(**_INSTAGRAM, body="caption", reply_count="comments_count"),
        "comment": LineFormat(
            **_INSTAGRAM, thread_id="media_id", parent_id="parent_id", body="text"
        ),
    }
    settings_group = InstagramSettings
    feed, thread_field = "media", "media_id"
    fields: ClassVar = {
        "submission": "id,caption,timestamp,username,like_count,comments_count",
        "comment": "id,text,timestamp,username,like_count,parent_id",
    }

    def fetch(
        self,
        communities: tuple[str, ...],
        window: Window | None,
        *,
        now: datetime,  # noqa: ARG002, the platform's clock counts
        sink: Sink,
    ) -> FetchResult:
        """Pass on the account's media and comments of the window.

        Below media of up to META_POSTS_DAYS before the window, every comment is read, however old:
        a new answer to an old comment is shown below that comment only.
        """
        window, (account,) = self.asked_for(window), communities
        for medium in self.edge(f"{account}/{self.feed}", fields=self.fields["submission"]):
            if self.is_older("submission", medium, window.start - self._reach):
                break
            if item := self.file_item("submission", account, medium, window):
                sink(item)
            if medium.get("comments_count"):
                for comment in self._comments(medium["id"]):
                    if item := self.file_item(
                        "comment", account, {**comment, self.thread_field: medium["id"]}, window
                    ):
                        sink(item)
        return read_to_start(window, self.kinds, at=self.retrieved_at)

    def _comments(self, media_id: str) -> Iterator[dict[str, Any]]:
        """Yield the comments below a medium and the answers to them."""
        fields = self.fields["comment"]
        for comment in self.edge(f"{media_id}/comments", fields=f"{fields},replies{{{fields}}}"):
            replies = comment.pop("replies", None) or {}
            yield comment
            if (replies.get("paging") or {}).get("next"):
                yield from self.edge(f"{comment['id']}/replies", fields=fields)
            else:
                yield from replies.get("data", ())


def _explained(response: requests.Response, what: str) -> MarketOpinionError | None:
    """Return the error for a code of the Graph API, which answers most failures with status 400.

    None if the answer has no such code.
    """
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
            f"{what}: too many requests for now ({code}): lower META_REQUESTS_PER_MINUTE"
        )
    if (code, subcode) == (_ABSENT_CODE, _ABSENT_SUBCODE):
        return NotThere(f"{what} does not exist, or this token may not read it")
    return (
        SourceUnavailable(f"{what} was not answered ({code})") if code in _TRANSIENT_CODES else None
    )
