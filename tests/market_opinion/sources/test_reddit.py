"""The real PRAW against a server that answers as Reddit does: pages, requests, errors, tokens, quota."""

import json
import multiprocessing
import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from market_opinion.core.errors import CommunityClosed, CredentialsRefused, SourceUnavailable
from market_opinion.core.window import Window
from market_opinion.sources.quota import Priority, Quota
from market_opinion.sources.reddit import listings, visits
from market_opinion.sources.reddit.client import RedditClientFactory, requestor_of
from market_opinion.sources.reddit.credentials import RedditCredentials
from market_opinion.sources.reddit.ingestion import RedditIngestionService
from market_opinion.sources.reddit.items import CommentSerializer, SubmissionSerializer, encode
from market_opinion.sources.second_look import KnownItem
from market_opinion.storage.landing.origin import StopReason
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state.sqlite import SQLiteState
from tests.conftest import REPOSITORY
from tests.reddit_server import CREDENTIALS, FakeReddit, Post, RedditServer, thread

H10 = datetime(2026, 3, 2, 10, tzinfo=UTC)
T10 = H10.timestamp()
RECORDINGS = REPOSITORY.parent / "shared/data/reddit-api"


@pytest.fixture
def server():
    reddit = FakeReddit(clock=lambda: T10 + 4800)
    with RedditServer(reddit) as started:
        yield started


@pytest.fixture
def client(server):
    credentials = RedditCredentials.parse(CREDENTIALS, where="the test")
    return RedditClientFactory.create(credentials, reddit_url=server.url, oauth_url=server.url)


@pytest.fixture
def naps(monkeypatch):
    """Seconds that would have been slept."""
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


def test_a_listing_is_read_no_further_than_it_must(server, client):
    """A hundred items a request, one token, and nothing more for any item's fields: B09."""
    server.reddit.add(thread("phones", T10 - 3000, 900, random.Random(1), spread=7000))
    reading = listings.read_listing(
        client, "phones", "comment", back_to=H10 + timedelta(minutes=30)
    )
    assert reading.stop_reason is StopReason.PASSED_WINDOW_START
    before = len(server.reddit.requests)
    assert before == 1 + reading.page_count <= 6
    lines = [json.loads(encode(item, retrieved_utc=1.0)) for item in reading.items]
    assert len(server.reddit.requests) == before
    assert {line["subreddit"] for line in lines} == {"Phones"}
    assert not any("author_fullname" in line for line in lines)


def test_the_cap_is_no_end(server, client):
    """X6: 1,000 items and a silent end."""
    server.reddit.add(thread("phones", T10, 1500, random.Random(1), spread=4000))
    reading = listings.read_listing(client, "phones", "comment", back_to=H10 - timedelta(hours=1))
    assert (reading.stop_reason, len(reading.items), reading.page_count) == (
        StopReason.CAP_REACHED,
        1000,
        10,
    )


def test_a_listing_whose_anchor_is_deleted_is_read_again(server, client):
    """Between two pages the last item of the first is deleted: the rest seems not to be there."""
    server.reddit.add(thread("phones", T10, 250, random.Random(1), spread=4000))
    newest = sorted(
        (p for p in server.reddit.posts.values() if p.kind == "comment"),
        key=lambda p: (-p.created, p.name),
    )

    def delete_anchor():
        newest[99].deleted = T10

    server.reddit.faults.extend([None, None, delete_anchor])
    reading = listings.read_listing(client, "phones", "comment", back_to=H10 - timedelta(hours=1))
    assert (reading.stop_reason, len(reading.items)) == (StopReason.EXHAUSTED, 249)


def test_fetchers_give_a_window_and_a_tree(server, client):
    """B07, B08: half-open by creation; hidden comments too."""
    server.reddit.add(
        [
            *thread("phones", T10, 230, random.Random(1)),
            Post("submission", "s2", "phones", T10 + 3600, title="Next hour"),
        ]
    )
    submissions = list(listings.SubmissionFetcher(client).iterate_window("phones", T10, T10 + 3600))
    assert len(submissions) == 1
    comments = list(listings.CommentFetcher(client).iterate_comments(submissions[0]))
    assert len(comments) == 230
    assert {"id", "body", "score", "created_utc", "author"} <= CommentSerializer.to_dict(
        comments[0]
    ).keys()
    assert {"id", "title", "num_comments", "author"} <= SubmissionSerializer.to_dict(
        submissions[0]
    ).keys()


def test_known_items_are_asked_for_by_the_hundred(server, client):
    """X13: who is missing is gone."""
    server.reddit.add(thread("phones", T10, 249, random.Random(1)))
    names = list(server.reddit.posts)
    server.reddit.posts[names[5]].vanished = T10
    kinds = {"t1": "comment", "t3": "submission"}
    known = [KnownItem(kinds[each[:2]], each[3:], None) for each in names]
    look = visits.RedditSecondLook(client)
    found = look.look_again("phones", Window.hour(H10), known)
    assert (len(found.items), found.gone, look.retrieved_at) == (
        249,
        frozenset(),
        H10 + timedelta(seconds=4800),
    )
    assert sum(path == "/api/info/" for _, path in server.reddit.requests) == 3


@pytest.mark.parametrize("faults", [[500], [503, 502], [0], [504]])
def test_what_passes_is_tried_again(server, client, naps, faults):
    """B06: 5xx and broken connections."""
    server.reddit.add(thread("phones", T10, 5, random.Random(1)))
    requestor_of(client)
    listings.read_listing(client, "phones", "new", back_to=H10)
    server.reddit.faults.extend(faults)
    assert (
        len(
            listings.read_listing(
                client, "phones", "comment", back_to=H10 - timedelta(hours=1)
            ).items
        )
        == 5
    )


def test_a_429_waits_as_long_as_it_says(server, client, naps):
    """B06: PRAW itself would give up."""
    server.reddit.add(thread("phones", T10, 5, random.Random(1)))
    listings.read_listing(client, "phones", "comment", back_to=H10)
    server.reddit.faults.extend(
        [(429, {"retry-after": "7"}, b"{}"), (429, {"x-ratelimit-reset": "11"}, b"{}")]
    )
    assert (
        len(
            listings.read_listing(
                client, "phones", "comment", back_to=H10 - timedelta(hours=1)
            ).items
        )
        == 5
    )
    assert {7.0, 11.0} <= set(naps)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ((200, {}, b"<html>not json</html>"), SourceUnavailable),
        ((429, {"retry-after": "9999"}, b"{}"), SourceUnavailable),
        ((403, {}, b'{"reason": "private"}'), CommunityClosed),
        ((451, {}, b"{}"), CommunityClosed),
        ((404, {}, b'{"reason": "banned"}'), CommunityClosed),
    ],
)
def test_what_does_not_pass_is_named(server, client, naps, fault, error):
    listings.read_listing(client, "phones", "comment", back_to=H10)
    server.reddit.faults.append(fault)
    with pytest.raises(error, match="r/phones"):
        listings.read_listing(client, "phones", "comment", back_to=H10)


def test_a_token_that_ran_out_is_renewed(server, client):
    server.reddit.add(thread("phones", T10, 5, random.Random(1)))
    listings.read_listing(client, "phones", "comment", back_to=H10)
    server.reddit._tokens.clear()
    assert (
        len(
            listings.read_listing(
                client, "phones", "comment", back_to=H10 - timedelta(hours=1)
            ).items
        )
        == 5
    )


def test_wrong_credentials_are_no_passing_fault(server, client):
    server.reddit.secret = "changed"
    with pytest.raises(CredentialsRefused, match="REDDIT_CLIENT_ID"):
        listings.read_listing(client, "phones", "comment", back_to=H10)


def test_a_request_goes_to_the_last_second_of_its_turn(tmp_path):
    """B06: an urgent flow may be further ahead, so it goes on while a patient one waits."""
    store, ways = SQLiteState(tmp_path / "state.sqlite", environment="test"), {}
    for priority in (Priority.BACKFILL, Priority.COLLECT):
        ways[priority] = Quota(store, "app", per_minute=90, priority=priority)
    taken = dict.fromkeys(ways, 0)
    for priority in (Priority.BACKFILL, Priority.COLLECT):
        for _ in range(20):
            waits = store.reserve_request(
                ways[priority]._bucket,
                now=1000.0,
                interval_seconds=ways[priority]._interval_seconds,
                ahead_seconds=ways[priority]._ahead_seconds,
            )
            taken[priority] += waits == 0
    assert taken == {Priority.BACKFILL: 2, Priority.COLLECT: 8}
    assert b"app" not in (tmp_path / "state.sqlite").read_bytes().replace(b"watermarks", b"")


def _ask(path, url, seconds):
    quota = Quota(
        SQLiteState(path, environment="test"), "app", per_minute=120, priority=Priority.COLLECT
    )
    client = RedditClientFactory.create(
        RedditCredentials.parse(CREDENTIALS, where="the test"),
        reddit_url=url,
        oauth_url=url,
        wait_for_turn=quota.wait,
    )
    until = time.time() + seconds
    while time.time() < until:
        listings.fetch_items(client, ["t3_s1"])


@pytest.mark.integration
def test_two_processes_keep_to_one_quota(server, tmp_path):
    """B06: counted where the requests arrive; 120 a minute are at most 10 at once and 110 a minute after that."""
    processes = [
        multiprocessing.get_context("spawn").Process(
            target=_ask, args=(tmp_path / "s.sqlite", server.url, 8)
        )
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    moments = [at for at, _ in server.reddit.requests]
    seconds = moments[-1] - moments[0]
    assert 5 <= len(moments) <= 10 + 110 / 60 * seconds + 1


def test_an_hour_read_as_trees_claims_no_comments(server, client, tmp_path):
    """B08, X5: submissions of the hour, their trees in the hours of each comment."""
    server.reddit.add(thread("phones", T10 + 60, 30, random.Random(1), spread=4000))
    landing = Landing(f"file://{tmp_path}")
    from market_opinion.core.window import Window
    from market_opinion.storage.certificate import certify

    hour = Window.hour(H10)
    service = RedditIngestionService(
        client,
        landing,
        known=lambda *_: (set(), set()),
        now=H10 + timedelta(minutes=80),
        comments="tree",
    )
    service.ingest_window("phones", hour.start, hour.end)
    manifests = [capture.manifest for capture in landing.captures("reddit", ["phones"], hour)]
    lag = timedelta(minutes=15)
    assert certify(manifests, hour, lag=lag, kinds=("submission",)).state == "CERTIFIED"
    assert certify(manifests, hour, lag=lag).state == "INCOMPLETE"
    everything = landing.captures("reddit", ["phones"], Window(H10, H10 + timedelta(hours=2)))
    assert sum(capture.manifest.lines("comment") for capture in everything) == 30


def test_a_window_is_ingested_under_the_contract_s_names(server, client, tmp_path):
    """B15, B16, B17, B62: with comments, or without asking for any."""
    server.reddit.add(thread("phones", T10 + 60, 30, random.Random(1), spread=3000))
    landing = Landing(f"file://{tmp_path}")
    service = RedditIngestionService(
        client, landing, known=lambda *_: (set(), set()), now=H10 + timedelta(minutes=80)
    )
    alone = service.ingest_window("phones", H10, H10 + timedelta(hours=1), include_comments=False)
    assert (alone.submissions_count, alone.comments_count, alone.page_count) == (1, 0, 1)
    assert not any("comments" in path for _, path in server.reddit.requests)
    whole = service.ingest_window("phones", H10, H10 + timedelta(hours=1))
    assert (whole.subreddit, whole.comments_count, whole.late_hours) == ("phones", 30, ())
    assert (whole.window_start_ts, whole.window_end_ts) == (int(T10), int(T10) + 3600)
    assert (tmp_path / whole.s3_prefix / "manifest.json").exists()
    assert whole.s3_prefix == "reddit/phones/2026-03-02/100000"


@pytest.mark.skipif(
    not RECORDINGS.exists(), reason="recorded answers of Reddit are not on this machine"
)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TestSubredditListings.test_new", "submission"),
        ("TestSubredditStreams.test_comments", "comment"),
    ],
)
def test_recorded_answers_of_reddit_are_read(server, client, name, kind):
    """B10: Reddit's recorded answers keep every field of the whitelist that they have, without another request."""
    import zstandard

    cassette = json.loads(
        zstandard.ZstdDecompressor()
        .stream_reader((RECORDINGS / f"{name}.json.zst").read_bytes())
        .read()
    )
    bodies = [
        i["response"]["body"]["string"]
        for i in cassette["interactions"]
        if '"Listing"' in i["response"]["body"].get("string", "")
    ]
    listings.read_listing(client, "phones", "comment", back_to=H10)
    server.reddit.faults.append((200, {}, bodies[0].encode()))
    before = len(server.reddit.requests)
    reading = listings.read_listing(
        client, "phones", kind, back_to=datetime(2030, 1, 1, tzinfo=UTC)
    )
    lines = [json.loads(encode(item, retrieved_utc=1.0)) for item in reading.items]
    assert len(lines) >= 25
    assert all(
        {"id", "created_utc", "author", "subreddit", "permalink", "score"} - {"permalink"}
        <= line.keys()
        for line in lines
    )
    assert len(server.reddit.requests) == before + 1
