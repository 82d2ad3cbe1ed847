"""What tests of flows share."""

import pytest

from tests.conftest import make_small
from tests.reddit_server import FakeReddit, RedditServer


@pytest.fixture(autouse=True)
def _small_runs(request, monkeypatch, _clean_environment):
    """The same for runs in processes of their own."""
    make_small(request, monkeypatch)


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
