"""The ingestion service by the names that its callers know, against a server of Reddit's form."""

import pytest

from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.ingestion import (
    RedditClientFactory,
    RedditIngestionService,
    RedditIngestionStateStore,
    SubmissionFetcher,
)
from tests.reddit_server import FakeReddit, Post, RedditServer

T10 = 1772445600  # 2026-03-02T10:00Z


@pytest.fixture
def reddit(monkeypatch):
    fake = FakeReddit(clock=lambda: T10 + 4800)
    fake.add(
        Post("submission", f"s{n}", "phones", T10 + offset, title="Pixel 9")
        for n, offset in enumerate((-60, 60, 3599, 3600))
    )
    with RedditServer(fake) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield fake


def test_a_window_is_landed_by_seconds(reddit):
    """B15, B17, B62, B03: a half-open hour, counted, with its prefix."""
    result = RedditIngestionService().ingest_window("phones", T10, T10 + 3600, False)
    assert (result.subreddit, result.submissions_count, result.comments_count) == ("phones", 2, 0)
    assert result.s3_prefix == "reddit/phones/2026-03-02/100000"
    assert (result.window_start_ts, result.window_end_ts) == (T10, T10 + 3600)
    (capture, *_) = open_adapters().landing().captures("reddit", ["phones"], None)
    assert capture.folder.startswith(result.s3_prefix)


def test_a_client_fetches_the_submissions_of_a_window(reddit):
    """B04, B07."""
    fetcher = SubmissionFetcher(RedditClientFactory.create())
    found = {submission.id for submission in fetcher.iterate_window("phones", T10, T10 + 3600)}
    assert found == {"s1", "s2"}


def test_watermarks_are_seconds(home):
    """B22, B32, B33: none on the first run; never back."""
    store = RedditIngestionStateStore()
    assert store.load_last_run_timestamp("phones") is None
    assert store.save_last_run_timestamp("phones", T10)
    assert store.load_last_run_timestamp("phones") == T10
    assert not store.save_last_run_timestamp("phones", T10 - 3600)


def test_what_cannot_be_done_is_named(home, reddit, monkeypatch):
    with pytest.raises(InvalidRequest, match="not a whole hour"):
        RedditIngestionService().ingest_window("phones", T10 + 1, T10 + 3600)
    monkeypatch.delenv("REDDIT_CLIENT_SECRET")
    with pytest.raises(SettingsInvalid, match="REDDIT_CLIENT_SECRET"):
        RedditClientFactory.create()
