"""What tests of flows share."""

import pytest

from tests.reddit_server import FakeReddit, RedditServer


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
