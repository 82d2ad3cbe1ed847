"""X by the recent search of API v2, through tweepy: posts of the last seven days. Paid."""

import functools
import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import requests
import tweepy
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from requests.adapters import HTTPAdapter
from tweepy.errors import BadRequest, Forbidden, HTTPException, TooManyRequests, Unauthorized

from market_opinion.core.errors import (
    CredentialsRefused,
    InvalidRequest,
    MarketOpinionError,
    SettingsInvalid,
    SourceUnavailable,
)
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.window import Window
from market_opinion.sources import Pace, Sink, SourceContext
from market_opinion.sources.paging import Paging
from market_opinion.sources.second_look import KnownItem, SecondLookResult
from market_opinion.sources.web import Web, clock_of, retrying
from market_opinion.sources.windowed import OVERLAP, WebSource, read_to_start
from market_opinion.storage.landing.origin import FetchResult, RawItem
from market_opinion.storage.line_format import LineFormat

_HOST = "https://api.twitter.com"  # tweepy's own
_PAGE_ITEMS = 100
# Recent search refuses times more than seven days ago; a minute less leaves room for the request.
_REACH = timedelta(days=7) - timedelta(minutes=1)
# A post can be edited for half an hour after it was written; an hour leaves room.
_EDITED_WITHIN = timedelta(hours=1)
# X counts requests in windows of fifteen minutes.
_WAIT_MAX_SECONDS = 900
_ATTEMPTS = 3
_FIELDS = [
    "created_at",
    "author_id",
    "conversation_id",
    "public_metrics",
    "lang",
    "referenced_tweets",
    "edit_history_tweet_ids",
    "note_tweet",
]
# A post of GET /2/tweets/search/recent (docs.x.com, "Post object").
_POST = LineFormat(
    item_id="id",
    created_at="created_at",
    time="iso",
    thread_id="conversation_id",
    author="author_id",
    # The whole of a long post, of which `text` holds the first 280 characters.
    body="note_tweet.text|text",
    votes="public_metrics.like_count",
    reply_count="public_metrics.reply_count",
)


class XSettings(SettingsGroup):
    """X: recent search, paid. Its limit is per quarter of an hour: 450 requests are 30 a minute."""

    model_config = SettingsConfigDict(env_prefix="X_")

    bearer_token: SecretStr | None = Field(
        None, description="Bearer token of an app whose plan has recent search."
    )
    url: str = Field("https://api.x.com", description="Address of X's API.")
    requests_per_minute: int = Field(
        28, ge=11, description="Most requests a minute of all processes."
    )


class X(WebSource):
    """X: a community is a name with a query in `[sources.x.queries]` of the domain."""

    platform = "x"
    kinds = ("submission", "comment")
    reads = "posts of the last seven days that match a query, by API v2"
    access = "paid: a bearer token"
    line_formats: ClassVar = {"submission": _POST, "comment": _POST}
    item_address = "https://x.com/i/web/status/{item_id}"
    settings_group = XSettings

    def __init__(
        self, web: Web, client: tweepy.Client, pace: Pace, *, queries: dict[str, str]
    ) -> None:
        """Read with this client."""
        super().__init__(web)
        self._client = client
        self._pace = pace
        self._queries = queries

    @classmethod
    def open(cls, context: SourceContext) -> Self:
        """Return the source at the address X_URL, with the token X_BEARER_TOKEN."""
        settings = context.settings.group(XSettings)
        if settings.bearer_token is None:
            message = (
                "source x needs X_BEARER_TOKEN, of an app whose plan has recent search"
                " (https://developer.x.com); it is paid"
            )
            raise SettingsInvalid(message)
        token = settings.bearer_token.get_secret_value()
        client = tweepy.Client(token, return_type=requests.Response)
        client.session.mount(
            _HOST,
            _AddressAdapter(
                settings.url, max_retries=retrying().new(status_forcelist={500, 502, 503, 504})
            ),
        )
        pace = context.pace(token, settings.requests_per_minute)
        source = context.domain.sources.get(cls.platform)
        return cls(Web(settings.url, pace), client, pace, queries=source.queries if source else {})

    def fetch(
        self, communities: tuple[str, ...], window: Window | None, *, now: datetime, sink: Sink
    ) -> FetchResult:
        """Pass on every post of the window that matches the query."""
        window, (community,) = self.asked_for(window), communities
        if (query := self._queries.get(community)) is None:
            message = (
                f"source x has no query for {community}: add {community} to [sources.x.queries] of"
                " the domain, for example '(iphone OR pixel) -is:retweet'"
            )
            raise InvalidRequest(message)
        since, until = max(window.start, now - _REACH), min(window.end, now - OVERLAP)
        if since < until:
            for post in self._posts(query, since, until):
                kind = (
                    "comment"
                    if any(
                        each["type"] == "replied_to" for each in post.get("referenced_tweets") or ()
                    )
                    else "submission"
                )
                if item := self.file_item(kind, community, post, window):
                    sink(item)
        detail = "recent search of X reaches back seven days" if since > window.start else ""
        return read_to_start(
            window, self.kinds, at=self.web.began_at or now, since=since, detail=detail
        )

    def look_again(
        self, community: str, window: Window, known: Collection[KnownItem]
    ) -> SecondLookResult:
        """Ask for the items by id, a hundred a request.

        X names the posts that are deleted, protected or suspended, and requires that all of these
        be erased. An edited post has a new id: it is a successor, and the known post is gone.
        """
        self.web.begin()
        items, successors, gone = list[RawItem](), list[RawItem](), set[str]()
        by_id = {each.item_id: each for each in known}
        known_ids = [each.item_id for each in known]
        for start in range(0, len(known_ids), _PAGE_ITEMS):
            ids = known_ids[start : start + _PAGE_ITEMS]
            page = self._ask(functools.partial(self._client.get_tweets, ids, tweet_fields=_FIELDS))
            gone.update(
                error["resource_id"] for error in page.get("errors", ()) if error.get("resource_id")
            )
            for post in map(_without_empty_note, page.get("data", ())):
                earlier = [
                    each
                    for each in post.get("edit_history_tweet_ids", ())
                    if each in by_id and each != post["id"]
                ]
                gone.update(earlier)
                kind = by_id[earlier[0] if earlier else post["id"]].kind
                hours = Window(window.start, window.end + _EDITED_WITHIN)
                if item := self.file_item(kind, community, post, hours):
                    (items if post["id"] in by_id else successors).append(item)
        return SecondLookResult(
            items,
            frozenset(by_id[each] for each in gone if each in by_id),
            successors=tuple(successors),
        )

    def _posts(self, query: str, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        token: str | None = None
        paging = Paging("X's recent search")
        while True:
            page = self._ask(
                functools.partial(
                    self._client.search_recent_tweets,
                    query,
                    start_time=since,
                    end_time=until,
                    max_results=_PAGE_ITEMS,
                    next_token=token,
                    tweet_fields=_FIELDS,
                )
            )
            # An answer without a post has no `data`, and so has one that holds errors alone.
            if (page.get("meta") or {}).get("result_count") == 0 and not page.get("errors"):
                page = {"data": [], **page}
            yield from map(_without_empty_note, paging.items(page, "data"))
            token = (page.get("meta") or {}).get("next_token")
            if token is None:
                return
            paging.go_on(token)

    def _ask(self, ask: Callable[[], requests.Response]) -> dict[str, Any]:
        """Return the decoded answer; after a refusal for the rate, wait as long as X says first."""
        for attempt in range(1, _ATTEMPTS + 1):
            self._pace.wait()
            try:
                response = ask()
                answer: dict[str, Any] = response.json()
            except TooManyRequests as error:
                self._pace.note_refusal()
                wait = (
                    error.reset_time - clock_of(error.response).timestamp() + 1
                    if error.reset_time
                    else 2.0**attempt
                )
                if attempt == _ATTEMPTS or wait > _WAIT_MAX_SECONDS:
                    message = (
                        f"X refuses more requests for {wait:.0f} seconds:"
                        " lower X_REQUESTS_PER_MINUTE"
                    )
                    raise SourceUnavailable(message) from error
                time.sleep(max(wait, 0))
            except (HTTPException, requests.RequestException) as error:
                raise _explained(error) from error
            else:
                self.web.note(response)
                return answer
        raise AssertionError  # the last attempt returns or raises


def _without_empty_note(post: dict[str, Any]) -> dict[str, Any]:
    """Return a post without the field of long posts where it holds no words."""
    if (post.get("note_tweet") or {}).get("text"):
        return post
    return {name: value for name, value in post.items() if name != "note_tweet"}


class _AddressAdapter(HTTPAdapter):
    """Adapter that redirects requests from tweepy's own host to the address in X_URL."""

    def __init__(self, address: str, **options: Any) -> None:  # noqa: ANN401, HTTPAdapter's own
        super().__init__(**options)
        self._address = address.rstrip("/")

    def send(
        self,
        request: requests.PreparedRequest,
        *args: Any,  # noqa: ANN401, HTTPAdapter's own
        **options: Any,  # noqa: ANN401
    ) -> requests.Response:
        request.url = str(request.url).replace(_HOST, self._address, 1)
        return super().send(request, *args, **options)


def _explained(error: Exception) -> MarketOpinionError:
    if isinstance(error, (Unauthorized, Forbidden)):
        return CredentialsRefused(
            f"X refuses the token ({error}): check X_BEARER_TOKEN,"
            " and that the app's plan has recent search"
        )
    if isinstance(error, BadRequest):
        return InvalidRequest(
            f"X refuses the query ({error}): correct [sources.x.queries] of the domain"
        )
    return SourceUnavailable(f"X did not answer: {type(error).__name__}")
