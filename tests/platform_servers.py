"""Servers on loopback that answer as each platform documents, over given items.

Time is that of their clock. Pages are short, so that every answer is paged. Faults come first, in
order.
"""

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.loopback import Loopback, QuietHandler

KEY = "a token that no log may hold"


@dataclass(frozen=True)
class ItemFields:
    """One item; `at` is in seconds since 1970, `thread` the id of its subject or thread."""

    kind: str
    id: str
    at: float
    text: str
    author: str
    thread: str = ""
    parent: str = ""
    stars: int = 5


@dataclass
class Platform(ABC):
    """One platform: its items, and its answers."""

    community: str
    said: list[ItemFields] = field(default_factory=list)
    clock: Callable[[], float] = lambda: 0.0
    faults: deque[tuple[int, dict[str, str], Any]] = field(default_factory=deque)
    requests: list[str] = field(default_factory=list)
    page: int = 4
    key: str | None = KEY

    name = ""

    def answer(self, target: str, headers: Any) -> tuple[int, dict[str, str], Any]:
        self.requests.append(target)
        if self.faults:
            return self.faults.popleft()
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return self.refusal()
        parts = urlsplit(target)
        found = self.read(
            unquote(parts.path),
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            headers,
        )
        return (200, {}, found) if found is not None else (404, {}, {"message": "no such thing"})

    def refusal(self) -> tuple[int, dict[str, str], Any]:
        return 401, {}, {"message": "unauthorized"}

    @abstractmethod
    def read(self, path: str, query: dict[str, str], headers: Any) -> Any:
        """Return the answer at this path; None if there is none."""

    def seen(self, kind: str, **equal: str) -> list[ItemFields]:
        """Return the visible items, newest first."""
        found = [each for each in self.said if each.kind == kind and each.at <= self.clock()]
        wanted = [
            each
            for each in found
            if all(getattr(each, name) == value for name, value in equal.items())
        ]
        return sorted(wanted, key=lambda each: (-each.at, each.id))

    def one(self, item_id: str) -> ItemFields | None:
        """The item of this id, while it can be seen."""
        return next(
            (each for each in self.said if each.id == item_id and each.at <= self.clock()), None
        )

    @abstractmethod
    def settings(self, address: str) -> dict[str, str]:
        """The variables by which a process uses the server."""


@dataclass
class HackerNews(Platform):
    """`forgotten` are the ids of what can be seen and no search finds."""

    forgotten: set[str] = field(default_factory=set)

    name = "hackernews"

    def settings(self, address):
        return {"HACKERNEWS_URL": f"{address}/api/v1"}

    def read(self, path, query, headers):
        if path.startswith("/api/v1/items/"):
            found = self.one(path.rpartition("/")[2])
            return found and {
                "id": int(found.id),
                "author": found.author,
                "created_at_i": int(found.at),
                "text": found.text,
            }
        assert path == "/api/v1/search_by_date"
        low, high = (
            int(part.partition("=" if ">" in part else "<")[2])
            for part in query["numericFilters"].split(",")
        )
        kind = {"story": "submission", "comment": "comment"}[query["tags"]]
        found = [
            each
            for each in self.seen(kind)
            if low <= each.at < high and each.id not in self.forgotten
        ]
        hits = [self.hit(each) for each in found][: min(self.page, int(query["hitsPerPage"]))]
        return {
            "hits": hits,
            "nbHits": len(found),
            "page": 0,
            "nbPages": 1,
            "hitsPerPage": len(hits),
            "exhaustiveNbHits": True,
        }

    @staticmethod
    def hit(each):
        common = {
            "objectID": each.id,
            "author": each.author,
            "created_at": datetime.fromtimestamp(each.at, UTC).isoformat(),
            "created_at_i": int(each.at),
            "_tags": ["comment", f"author_{each.author}"],
            "_highlightResult": {"author": {"value": each.author}},
        }
        if each.kind == "submission":
            return {
                **common,
                "title": each.text,
                "story_text": None,
                "points": 3,
                "num_comments": 2,
                "url": "https://example.com",
            }
        return {
            **common,
            "comment_text": f"<p>{each.text}</p>",
            "story_id": int(each.thread),
            "parent_id": int(each.thread),
            "story_title": "Ask",
        }


class Steam(Platform):
    name = "steam"

    def settings(self, address):
        return {"STEAM_URL": address}

    def read(self, path, query, headers):
        if path != f"/appreviews/{self.community}":
            return {"success": 2, "query_summary": {"num_reviews": 0}, "reviews": []}
        start = 0 if query["cursor"] == "*" else int(query["cursor"].removeprefix("At+"))
        page = self.seen("review")[start : start + self.page]
        reviews = [
            {
                "recommendationid": each.id,
                "author": {"steamid": each.author, "playtime_forever": 5},
                "language": "english",
                "review": each.text,
                "timestamp_created": int(each.at),
                "timestamp_updated": int(each.at),
                "voted_up": each.stars > 3,
                "votes_up": 2,
                "comment_count": 0,
            }
            for each in page
        ]
        return {
            "success": 1,
            "query_summary": {"num_reviews": len(page)},
            "cursor": f"At+{start + len(page)}",
            "reviews": reviews,
        }


@dataclass
class X(Platform):
    """`edited` says by the id of a post which one it became."""

    edited: dict[str, str] = field(default_factory=dict)

    name = "x"

    def settings(self, address):
        return {"X_URL": address, "X_BEARER_TOKEN": KEY}

    def read(self, path, query, headers):
        if path == "/2/tweets":
            asked = query["ids"].split(",")
            assert len(asked) <= 100
            found = [self.post(each) for each in map(self.latest, asked) if each]
            refused = [self.not_found(item_id) for item_id in asked if not self.latest(item_id)]
            return {
                **({"data": found} if found else {}),
                **({"errors": refused} if refused else {}),
            }
        assert path == "/2/tweets/search/recent"
        low, high = (
            datetime.fromisoformat(query[name]).timestamp() for name in ("start_time", "end_time")
        )
        assert low >= self.clock() - 7 * 86_400
        assert high <= self.clock() - 10
        found = sorted(self.seen("submission") + self.seen("comment"), key=lambda each: -each.at)
        found = [each for each in found if low <= each.at < high]
        start = int(query.get("next_token", 0))
        page = found[start : start + self.page]
        more = {"next_token": str(start + self.page)} if start + self.page < len(found) else {}
        return {
            **({"data": [self.post(each) for each in page]} if page else {}),
            "meta": {"result_count": len(page), **more},
        }

    def latest(self, item_id):
        return self.one(self.edited.get(item_id, item_id))

    @staticmethod
    def not_found(item_id):
        told = {
            "resource_type": "tweet",
            "parameter": "ids",
            "resource_id": item_id,
            "value": item_id,
        }
        return {
            **told,
            "title": "Not Found Error",
            "type": "https://api.twitter.com/2/problems/resource-not-found",
        }

    def post(self, each):
        reply = (
            {"referenced_tweets": [{"type": "replied_to", "id": each.thread}]}
            if each.kind == "comment"
            else {}
        )
        return {
            "id": each.id,
            "text": each.text,
            "author_id": each.author,
            "conversation_id": each.thread or each.id,
            "created_at": f"{datetime.fromtimestamp(each.at, UTC):%Y-%m-%dT%H:%M:%S}.000Z",
            "edit_history_tweet_ids": [
                *(old for old, new in self.edited.items() if new == each.id),
                each.id,
            ],
            "public_metrics": {
                "like_count": 2,
                "reply_count": 0,
                "retweet_count": 0,
                "quote_count": 0,
            },
            "lang": "en",
            **reply,
        }


class _Graph(Platform):
    def read(self, path, query, headers):
        _, version, node, *edges = path.split("/")
        assert version == "v24.0"
        if edges:
            return self.edge(node, edges[0], query)
        found = self.one(node)
        return found and self.object(found)

    def answer(self, target, headers):
        status, sent, found = super().answer(target, headers)
        missing = {
            "message": "Unsupported get request.",
            "type": "GraphMethodException",
            "code": 100,
            "error_subcode": 33,
        }
        return (400, sent, {"error": missing}) if status == 404 else (status, sent, found)

    def refusal(self):
        return (
            400,
            {},
            {
                "error": {
                    "message": "Invalid OAuth access token.",
                    "type": "OAuthException",
                    "code": 190,
                }
            },
        )

    def paged(self, objects, query):
        start = int(query.get("after", 0))
        page = objects[start : start + min(self.page, int(query["limit"]))]
        end = start + len(page)
        following = (
            {"next": f"https://graph.example/?access_token={KEY}&after={end}"}
            if end < len(objects)
            else {}
        )
        return {
            "data": page,
            **(
                {"paging": {"cursors": {"before": str(start), "after": str(end)}, **following}}
                if page
                else {}
            ),
        }


def graph_time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}+0000"


class Facebook(_Graph):
    name = "facebook"

    def settings(self, address):
        return {"META_URL": f"{address}/v24.0", "FACEBOOK_ACCESS_TOKEN": KEY}

    def object(self, each):
        return self.post(each) if each.kind == "submission" else self.comment(each)

    def edge(self, node, edge, query):
        if edge == "feed":
            if node != self.community:
                return None
            low, high = int(query.get("since", 0)), float(query.get("until", "inf"))
            posts = [each for each in self.seen("submission") if low <= each.at < high]
            return self.paged([self.post(each) for each in posts], query)
        assert (query["filter"], query["order"]) == ("stream", "reverse_chronological")
        return self.paged([self.comment(each) for each in self.seen("comment", thread=node)], query)

    def post(self, each):
        count = len(self.seen("comment", thread=each.id))
        summary = {"comments": {"data": [], "summary": {"total_count": count, "order": "ranked"}}}
        return {
            "id": each.id,
            "message": each.text,
            "created_time": graph_time(each.at),
            "from": {"id": each.author},
            **summary,
        }

    @staticmethod
    def comment(each):
        parent = {"parent": {"id": each.parent}} if each.parent else {}
        own = {
            "id": each.id,
            "message": each.text,
            "created_time": graph_time(each.at),
            "from": {"id": each.author},
        }
        return {**own, "like_count": 1, "comment_count": 0, **parent}


class Instagram(_Graph):
    name = "instagram"

    def settings(self, address):
        return {"META_URL": f"{address}/v24.0", "INSTAGRAM_ACCESS_TOKEN": KEY}

    def object(self, each):
        return self.medium(each) if each.kind == "submission" else self.comment(each)

    def edge(self, node, edge, query):
        if edge == "media":
            return (
                self.paged([self.medium(each) for each in self.seen("submission")], query)
                if node == self.community
                else None
            )
        if edge == "replies":
            return self.paged(
                [self.comment(each) for each in self.seen("comment", parent=node)], query
            )
        above = [each for each in self.seen("comment", thread=node) if not each.parent]
        return self.paged([self.with_replies(each) for each in above], query)

    def medium(self, each):
        count = len(self.seen("comment", thread=each.id))
        stamp = graph_time(each.at)
        return {
            "id": each.id,
            "caption": each.text,
            "timestamp": stamp,
            "username": each.author,
            "like_count": 1,
            "comments_count": count,
        }

    def with_replies(self, each):
        replies = self.paged(
            [self.comment(below) for below in self.seen("comment", parent=each.id)], {"limit": "2"}
        )
        return {**self.comment(each), **({"replies": replies} if replies["data"] else {})}

    @staticmethod
    def comment(each):
        parent = {"parent_id": each.parent} if each.parent else {}
        return {
            "id": each.id,
            "text": each.text,
            "timestamp": graph_time(each.at),
            "username": each.author,
            "like_count": 1,
            **parent,
        }


class LinkedIn(Platform):
    name = "linkedin"

    def settings(self, address):
        return {"LINKEDIN_URL": f"{address}/rest", "LINKEDIN_ACCESS_TOKEN": KEY}

    def read(self, path, query, headers):
        assert headers["x-restli-protocol-version"] == "2.0.0"
        assert headers["linkedin-version"] == "202511"
        if path.startswith("/rest/posts/"):
            found = self.one(path.removeprefix("/rest/posts/"))
            return found and self.post(found)
        if path == "/rest/posts":
            if query["author"] != f"urn:li:organization:{self.community}":
                return None
            return self.elements([self.post(each) for each in self.seen("submission")], query)
        urn, _, number = (
            path.removeprefix("/rest/socialActions/")
            .removesuffix("/comments")
            .partition("/comments/")
        )
        if number:
            found = self.one(f"urn:li:comment:({urn},{number})")
            return found and self.comment(found)
        below = (
            self.seen("comment", parent=urn)
            if urn.startswith("urn:li:comment")
            else self.seen("comment", thread=urn)
        )
        above = [
            each
            for each in below
            if each.parent == (urn if urn.startswith("urn:li:comment") else "")
        ]
        return self.elements([self.comment(each) for each in above], query)

    def elements(self, objects, query):
        start = int(query.get("start", 0))
        page = objects[start : start + self.page]
        links = [{"rel": "next", "href": "/rest/..."}] if start + len(page) < len(objects) else []
        return {"elements": page, "paging": {"start": start, "count": self.page, "links": links}}

    @staticmethod
    def post(each):
        stamp = int(each.at * 1000)
        return {
            "id": each.id,
            "author": each.author,
            "commentary": each.text,
            "publishedAt": stamp,
            "createdAt": stamp,
        }

    def comment(self, each):
        parent = {"parentComment": each.parent} if each.parent else {}
        return {
            "id": each.id.rpartition(",")[2].strip(")"),
            "commentUrn": each.id,
            "object": each.thread,
            "actor": each.author,
            "message": {"text": each.text, "attributes": []},
            "created": {"actor": each.author, "time": int(each.at * 1000)},
            "likesSummary": {"totalLikes": 1},
            "commentsSummary": {
                "totalFirstLevelComments": len(self.seen("comment", parent=each.id))
            },
            **parent,
        }


PLATFORMS = {each.name: each for each in (HackerNews, Steam, X, Facebook, Instagram, LinkedIn)}


class PlatformServer(Loopback):
    """Serves a platform on loopback for the length of a `with`."""

    def __init__(self, platform: Platform) -> None:
        class Handler(QuietHandler):
            def do_GET(self) -> None:
                status, headers, found = platform.answer(self.path, self.headers)
                content = found if isinstance(found, bytes) else json.dumps(found).encode()
                stamp = format_datetime(datetime.fromtimestamp(platform.clock(), UTC), usegmt=True)
                self.send(status, content, {"date": stamp, **headers})

        super().__init__(Handler)
