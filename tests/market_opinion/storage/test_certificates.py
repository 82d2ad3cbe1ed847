"""Certificates of live hours: over random histories, faults, polls and crashes, a certified hour holds all that could be seen."""

import os
import random
import tempfile
import time
from collections import deque
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from market_opinion.core.errors import SourceUnavailable
from market_opinion.core.window import HOUR, Window, contiguous
from market_opinion.sources import catalogue
from market_opinion.sources.reddit import listings, visits
from market_opinion.sources.reddit.client import RedditClientFactory
from market_opinion.sources.reddit.credentials import RedditCredentials
from market_opinion.sources.reddit.profile import fullname
from market_opinion.stages import bronze
from market_opinion.storage.certificate import certify
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state import WindowState
from tests.reddit_server import CREDENTIALS, FakeReddit, Post, RedditServer, random_id

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
T0 = START.timestamp()
LAG = timedelta(minutes=15)
HOURS = [Window.hour(START + HOUR * n) for n in range(3)]
HISTORIES = int(os.environ.get("CERTIFICATE_HISTORIES", "200"))


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def fake():
    """A Reddit of small pages, so that few items make long listings: 5 a page, 20 in all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listings, "PAGE_ITEMS", 5)
        patch.setattr(listings, "PAGES_MAX", 4)
        patch.setattr(time, "sleep", lambda _: None)
        reddit = FakeReddit(cap=20)
        with RedditServer(reddit) as server:
            credentials = RedditCredentials.parse(CREDENTIALS, where="the test")
            yield (
                reddit,
                RedditClientFactory.create(
                    credentials, reddit_url=server.url, oauth_url=server.url
                ),
            )


def random_history(seed: int, count: int) -> list[tuple[str, int, int, int | None]]:
    """Kind, seconds after the start, seconds until it can be seen and until it is deleted then; half of it in one burst."""
    chance = random.Random(seed)
    burst = chance.randrange(3 * 3600 - 600)
    return [
        (
            chance.choice(["comment", "comment", "comment", "submission"]),
            chance.randrange(3 * 3600) if chance.random() < 0.5 else burst + chance.randrange(600),
            chance.choice([0, 0, 0, 5, 60, 119, 300, 1200]),
            chance.choice([None, None, None, None, None, 30, 600, 4000]),
        )
        for _ in range(count)
    ]


histories = st.builds(
    random_history, st.integers(0, 2**32), st.sampled_from([0, 3, 12, 25, 40, 80, 160])
)
actions = st.lists(
    st.tuples(
        st.sampled_from(["poll", "poll", "poll", "close"]),
        st.integers(20, 2400),  # seconds before it
        st.sampled_from([None, None, None, 500, 429, 0, 503]),  # what the server answers first
        st.one_of(st.none(), st.none(), st.integers(1, 8)),  # write at which the process dies
    ),
    min_size=1,
    max_size=16,
)


class History:
    """One run of collector and closer over a history, as the tasks drive them."""

    def __init__(self, fake, history, folder) -> None:
        self.reddit, self.client = fake
        chance = random.Random(len(history))
        self.reddit.posts.clear()
        self.reddit.faults = deque()
        for kind, at, delay, life in history:
            visible = T0 + at + delay
            self.reddit.add(
                [
                    Post(
                        kind,
                        random_id(chance),
                        "phones",
                        T0 + at,
                        visible=visible,
                        thread="s",
                        deleted=visible + life if life else 1e12,
                    )
                ]
            )
        self.now = T0
        self.reddit.clock = lambda: self.now
        self.landing = Landing(f"file://{folder}", formats=catalogue.line_formats)
        self.seen: dict[str, visits.PollMark] = {}

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def manifests(self, hour):
        return [capture.manifest for capture in self.landing.captures("reddit", ["phones"], hour)]

    def run(self, action, wait, fault, dies_at) -> None:
        self.now += wait
        self.reddit.faults.extend([fault] if fault is not None else [])
        write, left = self.landing.write, [dies_at or 10**9]

        def mortal(path, content):
            left[0] -= 1
            if left[0] == 0:
                # What was being written is cut off where it was.
                write(path, content[: len(content) // 2])
                raise Killed
            write(path, content)

        self.landing.write = mortal
        try:
            self.poll() if action == "poll" else self.close()
        except (Killed, SourceUnavailable):
            pass
        finally:
            self.landing.write = write
            self.reddit.faults.clear()

    def poll(self) -> None:
        _, self.seen = visits.poll(
            self.client, self.landing, "phones", seen=self.seen, now=self.moment
        )

    def close(self) -> None:
        due = [
            h
            for h in HOURS
            if h.end + LAG <= self.moment
            and certify(self.manifests(h), h, lag=LAG).state is not WindowState.CERTIFIED
        ]
        for window in contiguous(hour.start for hour in due):
            visits.close(
                self.client, self.landing, "phones", window, known=(), closed=(), now=self.moment
            )

    def names(self, hour) -> set[str]:
        captures = self.landing.captures("reddit", ["phones"], hour)
        rows, refused, _ = bronze.parse(
            content for capture in captures for content in self.landing.read(capture)
        )
        assert refused.height == 0
        items = bronze.newest(rows)
        return {
            fullname(kind, item_id) for kind, item_id in items.select("kind", "item_id").iter_rows()
        }


@given(history=histories, steps=actions)
@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_certified_hour_holds_everything_that_could_be_seen(fake, history, steps):
    """X5, X6, M2: no certificate is false, whatever happened; an hour that lacks something says so."""
    with tempfile.TemporaryDirectory() as folder:
        run = History(fake, history, folder)
        for step in [*steps, ("close", 3 * 3600 + 1000, None, None)]:
            run.run(*step)
        for hour in HOURS:
            manifests = run.manifests(hour)
            verdict = certify(manifests, hour, lag=LAG)
            own = [
                p
                for p in run.reddit.posts.values()
                if hour.start.timestamp() <= p.created < hour.end.timestamp()
            ]
            landed = run.names(hour)
            event(verdict.state)
            assert landed <= {post.name for post in own}
            if verdict.state is WindowState.CERTIFIED:
                at = verdict.certified_at.timestamp()
                # Past the cap, what appears later than the overlap cannot be seen by anyone.
                patience = 120 if any(m.capped for m in manifests) else 1e9
                visible = {
                    p.name
                    for p in own
                    if p.visible <= at < p.deleted and p.visible - p.created <= patience
                }
                assert visible <= landed
            else:
                assert verdict.detail


def test_an_hour_within_reach_is_certified_by_its_closing_look(fake, tmp_path):
    """The common case: nothing polled, the closer alone."""
    run = History(fake, [("comment", 60 * n, 0, None) for n in range(15)], tmp_path)
    run.run("close", 3600 + 900, None, None)
    verdict = certify(run.manifests(HOURS[0]), HOURS[0], lag=LAG)
    assert (verdict.state, len(run.names(HOURS[0]))) == (WindowState.CERTIFIED, 15)


def test_polls_that_overlap_certify_an_hour_beyond_the_cap(fake, tmp_path):
    """M2: 120 comments an hour where a listing shows 20."""
    run = History(fake, [("comment", 30 * n, 0, None) for n in range(240)], tmp_path)
    for _ in range(20):
        run.run("poll", 240, None, None)
    run.run("close", 0, None, None)
    assert certify(run.manifests(HOURS[0]), HOURS[0], lag=LAG).state is WindowState.CERTIFIED
    assert len(run.names(HOURS[0])) == 120


def test_a_collector_that_slept_leaves_an_unrecoverable_hour(fake, tmp_path):
    """M2: the message names the other road."""
    run = History(fake, [("comment", 30 * n, 0, None) for n in range(240)], tmp_path)
    run.run("poll", 240, None, None)
    run.run("close", 3600 + 900, None, None)
    verdict = certify(run.manifests(HOURS[0]), HOURS[0], lag=LAG)
    assert verdict.state is WindowState.UNRECOVERABLE
    assert "archive" in verdict.detail


def test_a_poll_that_sees_nothing_known_leaves_a_gap(fake, tmp_path):
    """M2: all that the last poll saw was deleted, so nothing proves that nothing lies between; closing repairs it."""
    run = History(
        fake,
        [
            *(("comment", n, 0, 400) for n in range(5)),
            *(("comment", 1200 + n, 0, None) for n in range(4)),
        ],
        tmp_path,
    )
    run.run("poll", 300, None, None)
    run.run("poll", 1000, None, None)
    assert certify(run.manifests(HOURS[0]), HOURS[0], lag=LAG).state is WindowState.GAP
    run.run("close", 3600, None, None)
    assert certify(run.manifests(HOURS[0]), HOURS[0], lag=LAG).state is WindowState.CERTIFIED
