"""An HTTP server on loopback that answers PRAW as Reddit does, over a given history.

Listings page by `after` and end after 1,000 places; a page that follows a deleted item is empty. Items appear later than
they say they were written, are edited, deleted by their authors, removed by moderators, or vanish. Time is what its clock
says, so that days pass in seconds.
"""

import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import Loopback, QuietHandler

CREDENTIALS = {
    "REDDIT_CLIENT_ID": "app-id-of-a-test",
    "REDDIT_CLIENT_SECRET": "a secret that no log may hold",
    "REDDIT_USER_AGENT": "test:market-opinion:0 (by /u/nobody)",
}


@dataclass
class Post:
    """A submission or comment and its later changes; times are seconds since 1970."""

    kind: str
    id: str
    community: str
    created: float
    body: str = "The battery of my iPhone 15 is great."
    author: str | None = "quiet_otter"
    title: str = ""
    thread: str = ""
    parent: str = ""
    visible: float = 0.0
    score: int = 1
    deleted: float = 1e12
    removed: float = 1e12
    vanished: float = 1e12
    account_deleted: float = 1e12
    edits: list[tuple[float, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{'t3' if self.kind == 'submission' else 't1'}_{self.id}"

    def is_listed(self, now: float) -> bool:
        return (
            max(self.visible, self.created) <= now < min(self.deleted, self.removed, self.vanished)
        )


@dataclass
class FakeReddit:
    """The state behind the server; `faults` (a status or a callable) are answered first."""

    posts: dict[str, Post] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    cap: int = 1000
    closed: dict[str, int] = field(default_factory=dict)
    faults: deque[Any] = field(default_factory=deque)
    token_seconds: int = 3600
    secret: str = CREDENTIALS["REDDIT_CLIENT_SECRET"]
    quota_per_minute: float = 1e9
    requests: list[tuple[float, str]] = field(default_factory=list)
    hidden_from: int = 100
    is_down: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    _tokens: dict[str, float] = field(default_factory=dict)
    _dead_anchors: set[str] = field(default_factory=set)

    def add(self, posts: Iterable[Post]) -> None:
        self.posts |= {post.name: post for post in posts}

    def answer(
        self, method: str, target: str, headers: Any, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self.lock:
            self.requests.append((time.monotonic(), parts.path))
            recent = sum(at > time.monotonic() - 60 for at, _ in self.requests)
        if self.is_down:
            return 503, {}, b"<html>upstream down</html>"
        if self.faults:
            fault = self.faults.popleft()
            if callable(fault):
                fault = fault()
            if isinstance(fault, tuple):
                return fault
            if fault:
                return fault, {}, b"{}"
        if recent > self.quota_per_minute:
            return 429, {"retry-after": "1"}, b"{}"
        if parts.path == "/api/v1/access_token":
            return self._token(headers)
        token = headers.get("Authorization", "").removeprefix("bearer ")
        if self._tokens.get(token, 0) < time.monotonic():
            return 401, {}, b'{"message": "Unauthorized", "error": 401}'
        return self._route(
            method, parts.path, {**query, **{k: v[0] for k, v in parse_qs(body.decode()).items()}}
        )

    def _token(self, headers: Any) -> tuple[int, dict[str, str], bytes]:
        import base64

        given = base64.b64decode(
            headers.get("Authorization", "Basic ").removeprefix("Basic ")
        ).decode()
        if given != f"{CREDENTIALS['REDDIT_CLIENT_ID']}:{self.secret}":
            return 401, {}, b'{"message": "Unauthorized", "error": 401}'
        token = f"token{len(self._tokens)}"
        self._tokens[token] = time.monotonic() + self.token_seconds
        return _json(
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": self.token_seconds,
                "scope": "*",
            }
        )

    def _route(
        self, method: str, path: str, query: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        words = path.strip("/").split("/")
        if words[0] == "r" and len(words) == 3 and words[2] in {"new", "comments"}:
            if status := self.closed.get(words[1]):
                location = {"location": "/subreddits/search?q=x"} if status == 302 else {}
                return status, location, b'{"reason": "private"}'
            return _json(
                self._listing(words[1], "submission" if words[2] == "new" else "comment", query)
            )
        if words[:2] == ["api", "info"]:
            found = [
                self._info(self.posts[name])
                for name in query["id"].split(",")
                if name in self.posts
            ]
            return _json(_listing([thing for thing in found if thing]))
        if words[0] == "comments":
            return _json(self._tree(words[1]))
        if words[:2] == ["api", "morechildren"]:
            return _json({"json": {"errors": [], "data": {"things": self._more(query)}}})
        return 404, {}, b'{"message": "Not Found", "error": 404}'

    def _listing(self, community: str, kind: str, query: dict[str, str]) -> dict[str, Any]:
        now, limit = self.clock(), int(query.get("limit", 25))
        mine = (
            p
            for p in self.posts.values()
            if p.community == community and p.kind == kind and max(p.visible, p.created) <= now
        )
        places = sorted(mine, key=lambda post: (-post.created, post.name))[: self.cap]
        start = 0
        if after := query.get("after"):
            anchors = [
                n
                for n, post in enumerate(places)
                if post.name == after and (post.is_listed(now) or after in self._dead_anchors)
            ]
            if not anchors:
                return _listing([])
            start = anchors[0] + 1
        page = places[start : start + limit]
        last = page[-1] if page and start + limit < len(places) else None
        if last and not last.is_listed(now):
            self._dead_anchors.add(last.name)
        return _listing(
            [self._thing(post) for post in page if post.is_listed(now)],
            after=last.name if last else None,
        )

    def _thing(self, post: Post, **more: Any) -> dict[str, Any]:
        now = self.clock()
        edits = [edit for edit in post.edits if edit[0] <= now]
        author = (
            "[deleted]"
            if min(post.account_deleted, post.deleted, post.removed) <= now
            else post.author
        )
        data = {
            "id": post.id,
            "name": post.name,
            "author": author,
            "author_fullname": "t2_secret",
            "subreddit": post.community.title(),
            "subreddit_id": "t5_1",
            "created_utc": post.created,
            "edited": edits[-1][0] if edits else False,
            "score": post.score,
            "stickied": False,
            "permalink": f"/r/{post.community}/comments/{post.thread or post.id}/_/{post.id}/",
            **more,
        }
        text = edits[-1][1] if edits else post.body
        text = "[deleted]" if post.deleted <= now else "[removed]" if post.removed <= now else text
        if post.kind == "submission":
            count = sum(
                p.thread == post.id and max(p.visible, p.created) <= now
                for p in self.posts.values()
            )
            return {
                "kind": "t3",
                "data": {
                    **data,
                    "title": post.title,
                    "selftext": text,
                    "num_comments": count,
                    "url": "https://x.example",
                },
            }
        return {
            "kind": "t1",
            "data": {
                **data,
                "body": text,
                "link_id": f"t3_{post.thread}",
                "parent_id": post.parent or f"t3_{post.thread}",
                "replies": "",
            },
        }

    def _info(self, post: Post) -> dict[str, Any] | None:
        now = self.clock()
        return self._thing(post) if max(post.visible, post.created) <= now < post.vanished else None

    def _tree(self, thread: str) -> list[dict[str, Any]]:
        now = self.clock()
        replies = sorted(
            (
                p
                for p in self.posts.values()
                if p.thread == thread and max(p.visible, p.created) <= now < p.vanished
            ),
            key=lambda p: p.created,
        )
        shown, hidden = replies[: self.hidden_from], replies[self.hidden_from :]
        things = [self._thing(post) for post in shown]
        if hidden:
            data = {
                "count": len(hidden),
                "name": "t1_more",
                "id": "more",
                "parent_id": f"t3_{thread}",
                "depth": 0,
                "children": [p.id for p in hidden],
            }
            things.append({"kind": "more", "data": data})
        return [_listing([self._thing(self.posts[f"t3_{thread}"])]), _listing(things)]

    def _more(self, query: dict[str, str]) -> list[dict[str, Any]]:
        return [self._thing(self.posts[f"t1_{child}"]) for child in query["children"].split(",")]


class RedditServer(Loopback):
    """The fake behind a socket; its `url` is where both hosts of Reddit are."""

    def __init__(self, reddit: FakeReddit) -> None:
        super().__init__(_handler(reddit))
        self.reddit = reddit
        self.url = self.address

    def environment(self) -> dict[str, str]:
        """The variables by which a process uses this server."""
        return {**CREDENTIALS, "REDDIT_URL": self.url, "REDDIT_OAUTH_URL": self.url}


def _handler(reddit: FakeReddit) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def _serve(self) -> None:
            status, headers, content = reddit.answer(
                self.command, self.path, self.headers, self.received()
            )
            if status == 0:  # A connection that breaks off.
                self.close_connection = True
                return
            date = format_datetime(datetime.fromtimestamp(int(reddit.clock()), UTC), usegmt=True)
            quota = {
                "x-ratelimit-remaining": "998.0",
                "x-ratelimit-used": "2",
                "x-ratelimit-reset": "1",
            }
            self.send(status, content, {"date": date, **quota, **headers})

        do_GET = do_POST = _serve

    return Handler


def _listing(children: list[dict[str, Any]], after: str | None = None) -> dict[str, Any]:
    return {
        "kind": "Listing",
        "data": {
            "modhash": "",
            "dist": len(children),
            "children": children,
            "after": after,
            "before": None,
        },
    }


def _json(value: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps(value).encode()


def random_id(chance: random.Random) -> str:
    """Return an id without order, as Reddit has them since 2026."""
    return "".join(chance.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=8))


def thread(
    community: str,
    at: float,
    comments: int,
    chance: random.Random,
    *,
    spread: float = 3600,
    **fields: Any,
) -> list[Post]:
    """A submission and comments below it, spread over the seconds after it."""
    root = Post(
        "submission",
        random_id(chance),
        community,
        float(int(at)),
        title="Pixel 9 after a month",
        body="",
        **fields,
    )
    below = [
        Post(
            "comment",
            random_id(chance),
            community,
            float(int(at + chance.uniform(1, spread))),
            thread=root.id,
            body=f"The Pixel 9 camera is great, number {n}.",
            **fields,
        )
        for n in range(comments)
    ]
    return [root, *(replace(post, visible=post.created) for post in below)]
