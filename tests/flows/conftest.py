"""What tests of flows share."""

import pytest

from tests.reddit_server import FakeReddit, RedditServer


@pytest.fixture
def with_report():
    """For tests that look at the page a run draws."""


@pytest.fixture(autouse=True)
def _without_report(request, monkeypatch):
    """Drawing is a third of a small run, and few tests look at it."""
    if "with_report" not in request.fixturenames:
        for flow in ("flows.stages", "flows.replay"):
            monkeypatch.setattr(f"{flow}.draw_report", lambda _: None)


@pytest.fixture
def with_default_scorer():
    """For tests that look at who judges."""


@pytest.fixture(autouse=True)
def _judged_by_rules(request, monkeypatch):
    """What a flow keeps, repairs and counts does not depend on who judges, and rules are quick."""
    if "with_default_scorer" not in request.fixturenames:
        monkeypatch.setenv("SCORER", "lexicon")


@pytest.fixture
def reddit(monkeypatch):
    """A Reddit whose clock stands where a test puts it, and the environment that leads to it."""
    fake = FakeReddit()
    with RedditServer(fake) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("REDDIT_REQUESTS_PER_MINUTE", "100000")
        monkeypatch.setattr("time.sleep", lambda _: None)
        yield fake
