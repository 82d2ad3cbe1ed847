"""A Reddit on which people delete what they wrote, for `benchmarks.stops`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from benchmarks.plain_flows import environment
from flows.backfill import backfill
from flows.refresh import refresh
from tests.reddit_server import FakeReddit, Post, RedditServer

WORDS = (b"zanzibar", b"timbuktu", b"samarkand", b"left_otter9")
_PHONES = "phones"
_HOUR = datetime(2026, 3, 1, 10, tzinfo=UTC)
_GONE_AT = (_HOUR + timedelta(hours=30)).timestamp()


@contextmanager
def reddit(now: datetime) -> Iterator[FakeReddit]:
    """Serve a thread of two hours, in which `withdraw` finds every kind of withdrawal."""
    fake = FakeReddit(clock=now.timestamp)
    fake.add(_posts())
    with RedditServer(fake) as server:
        quick = {"REDDIT_REQUESTS_PER_MINUTE": "100000"}
        with environment({**server.environment(), **quick}):
            yield fake


def receive(fake: FakeReddit) -> None:
    """Carry both hours as they were at first, and miss one comment for the first time."""
    _at(fake, _HOUR + timedelta(hours=3))
    backfill.fn(source="reddit", communities=[_PHONES], start=_HOUR, end=_HOUR + timedelta(hours=2))
    _look(fake, _HOUR + timedelta(hours=9))


def withdraw(fake: FakeReddit, now: datetime) -> None:
    """Look again, and find a thread and comments gone, an author gone, and other votes."""
    _look(fake, now)


def _look(fake: FakeReddit, now: datetime) -> None:
    _at(fake, now)
    refresh.fn(communities=[_PHONES], now=now)


def _at(fake: FakeReddit, now: datetime) -> None:
    fake.clock = now.timestamp


def _posts() -> list[Post]:
    start = _HOUR.timestamp()
    post = partial(Post, "comment", community=_PHONES, thread="s1")
    return [
        Post(
            "submission",
            "s1",
            _PHONES,
            start + 60,
            title="Zanzibar diary of a Pixel 9",
            body="",
            deleted=_GONE_AT,
        ),
        post(
            id="c1",
            created=start + 900,
            body="The Pixel 9 camera is a great timbuktu marvel",
            deleted=_GONE_AT,
        ),
        post(
            id="c2",
            created=start + 1000,
            body="The Pixel 9 screen is great",
            edits=[(_GONE_AT, "The Pixel 9 screen is awful")],
        ),
        post(
            id="c3",
            created=start + 1100,
            body="A samarkand of a Pixel 9 battery, great",
            vanished=start + 4 * 3600,
        ),
        post(
            id="c4",
            created=start + 1200,
            body="The Pixel 9 speaker is great",
            author="left_otter9",
            account_deleted=_GONE_AT,
        ),
        post(id="c5", created=start + 4000, body="Its battery is awful"),
    ]
