"""Listings whose end is not proven: the hour stays open, nothing goes round for ever."""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from market_opinion.core.settings import load_settings
from market_opinion.core.window import Window
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import Adapters
from market_opinion.sources import SourceContext, catalogue
from market_opinion.sources.live_reader import LiveReader
from market_opinion.sources.windowed import WindowIngestion
from tests.conftest import REPOSITORY
from tests.loopback import Loopback, QuietHandler

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
T10 = NOW - timedelta(hours=3)
SECRETS = {"FACEBOOK_ACCESS_TOKEN": "t", "LINKEDIN_ACCESS_TOKEN": "t", "X_BEARER_TOKEN": "t"}


def at(minutes):
    return T10 + timedelta(minutes=minutes)


class Free:
    """An allowance without a limit."""

    def wait(self):
        pass

    def note_refusal(self):
        pass

    def note_left(self, count):
        pass


@dataclass
class Reading:
    """What one hour became: its items, whether it is certified, why not, and the requests."""

    items: list
    certified: bool
    detail: str
    requests: int


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads the hour T10 of a community from a server that answers by a function."""

    def read_hour(name, answer, community="1001"):
        asked = []

        class Handler(QuietHandler):
            def do_GET(self):
                parts = urlsplit(self.path)
                asked.append(parts.path)
                found = answer(parts.path, dict(parse_qsl(parts.query)), self.server.server_port)
                self.send(200, json.dumps(found).encode(), {})

        with Loopback(Handler) as server:
            variable = {"facebook": "META_URL", "instagram": "META_URL"}.get(
                name, f"{name.upper()}_URL"
            )
            for key, value in {**SECRETS, variable: server.address}.items():
                monkeypatch.setenv(key, value)
            settings = load_settings()
            domain = load_domain("smartphones", REPOSITORY / "domains")
            domain.sources["x"] = type(domain.sources["reddit"])(
                communities=("phones",), queries={"phones": "phones"}
            )
            context = SourceContext(settings, domain, lambda *_: Free())
            source, landing = (
                catalogue.source_type(name).open(context),
                Adapters(settings).landing(),
            )
            ingestion = WindowIngestion(source, landing, now=NOW)
            LiveReader(name, ingestion, landing, NOW, logging.getLogger("test")).read(
                community, [T10]
            )
        captures = landing.captures(name, [community], Window.hour(T10))
        lines = [
            json.loads(line)
            for capture in captures
            for content in landing.read(capture)
            for line in content.raw.splitlines()
        ]
        manifests = [capture.manifest for capture in captures]
        return Reading(
            lines,
            any(m.stop_reason.certifies for m in manifests),
            "; ".join(m.stop_detail for m in manifests),
            len(asked),
        )

    monkeypatch.setenv("MARKET_OPINION_HOME", str(tmp_path / "home"))
    return read_hour


def review(number, minutes):
    return {
        "recommendationid": str(number), "author": {"steamid": "7"}, "review": "fine",
        "timestamp_created": int(at(minutes).timestamp()), "voted_up": True, "votes_up": 0, "comment_count": 0,
    }  # fmt: skip


def steam(pages, total=500):
    """Answers by cursor; one without an entry is an empty page."""

    def answer(_path, params, _port):
        reviews, cursor = pages.get(params["cursor"], ([], params["cursor"]))
        summary = {"num_reviews": len(reviews)}
        summary |= {"total_reviews": total} if params["cursor"] == "*" and total is not None else {}
        return {"success": 1, "query_summary": summary, "reviews": reviews, "cursor": cursor}

    return answer


NEWER = [review(n, 100 - n) for n in range(3)]


@pytest.mark.parametrize(
    "pages",
    [
        {"*": (NEWER, "a")},
        {},
        {"*": (NEWER, "a"), "a": (NEWER[:1], "a")},
        {"*": (NEWER, "a"), "a": (NEWER, "*")},
    ],
    ids=["ends early", "is empty", "repeats its cursor", "goes round"],
)
def test_an_early_end_of_a_listing_is_no_silence(read, pages):
    """X6: nothing older than the window was seen, and fewer came than were announced."""
    reading = read("steam", steam(pages), "1245620")
    assert not reading.certified
    assert f"{3 if pages else 0} of 500 reviews" in reading.detail
    assert reading.requests <= 5


@pytest.mark.parametrize(
    ("pages", "total", "count"),
    [
        ({"*": ([*NEWER, review(8, 30), review(9, -10)], "a")}, 500, 1),
        ({"*": (NEWER, "a")}, 3, 0),
        ({"*": (NEWER, "a"), "a": ([review(8, 30)], "b")}, 4, 1),
    ],
    ids=["passes the start", "has no older ones", "ends where it was announced"],
)
def test_a_proven_end_is_certified(read, pages, total, count):
    """X6."""
    reading = read("steam", steam(pages, total), "1245620")
    assert (reading.certified, len(reading.items)) == (True, count)


def post(number, minutes=5):
    return {"id": f"1001_{number}", "message": "fine", "created_time": at(minutes).isoformat()}


def facebook(pages):
    """Answers of the feed by what `after` is; the first has none."""

    def answer(path, params, port):
        if not path.endswith("/feed"):
            return {"data": []}
        page = pages(params.get("after")) if callable(pages) else pages[params.get("after")]
        return json.loads(json.dumps(page).replace("{port}", str(port)))

    return answer


def more(data, after):
    return {"data": data, "paging": {"cursors": {"after": after}, "next": "https://else.example"}}


def test_a_cursor_that_was_there_before_ends_the_reading(read):
    """X6: what came is kept."""
    reading = read("facebook", facebook(lambda _: more([post(1)], "same")))
    assert (reading.certified, reading.requests) == (False, 2)
    assert "circle" in reading.detail
    assert {item["id"] for item in reading.items} == {"1001_1"}


def test_empty_pages_without_an_end_are_bounded(read):
    """X6."""
    numbers = iter(range(10_000))
    reading = read("facebook", facebook(lambda _: more([], str(next(numbers)))))
    assert not reading.certified
    assert "empty pages" in reading.detail
    assert reading.requests < 40


def test_an_empty_page_in_the_middle_is_no_end(read):
    """X6."""
    pages = {None: more([post(1)], "a"), "a": more([], "b"), "b": {"data": [post(2)]}}
    reading = read("facebook", facebook(pages))
    assert (reading.certified, len(reading.items)) == (True, 2)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ({"id": "1001"}, "has no 'data'"),
        ({"data": {}}, "has no 'data'"),
        ([], "has no 'data'"),
        ({"data": [], "paging": {"next": "https://else.example/?after=x"}}, "no cursor"),
        ({"data": [], "paging": {"next": "https://else.example", "cursors": {}}}, "no cursor"),
        ({"data": [{"comments": {"summary": {"total_count": 2}}}]}, "no 'id'"),
    ],
)
def test_an_answer_that_lacks_what_it_needs_is_a_named_error_of_its_community(read, page, words):
    """X6: never a traceback, and never the token."""
    reading = read("facebook", facebook({None: page}))
    assert not reading.certified
    assert words in reading.detail
    assert "Bearer" not in reading.detail


def test_a_link_to_the_same_server_is_followed_for_its_cursor(read):
    """X6."""
    first = {"data": [post(1)], "paging": {"next": "http://127.0.0.1:{port}/x?after=a&access_token=t"}}  # fmt: skip
    reading = read("facebook", facebook({None: first, "a": {"data": [post(2)]}}))
    assert (reading.certified, len(reading.items)) == (True, 2)


@pytest.mark.parametrize("elements", [[], [{"id": "urn:li:share:1", "createdAt": 0}]])
def test_an_empty_or_repeated_page_that_promises_more_is_no_end(read, elements):
    """X6."""
    created = int(at(5).timestamp() * 1000)
    page = {
        "elements": [{**each, "createdAt": created, "author": "a"} for each in elements],
        "paging": {"links": [{"rel": "next", "href": "/x"}]},
    }
    reading = read("linkedin", lambda path, *_: page if path == "/posts" else {"elements": []})
    assert not reading.certified
    assert "circle" in reading.detail or "promises more" in reading.detail


def tweet(number, **fields):
    return {"id": str(number), "text": "short", "created_at": at(5).isoformat(), "author_id": "1", **fields}  # fmt: skip


def test_a_long_post_is_read_whole(read):
    """E14: its words stand beside the first 280 characters, and must be asked for."""
    asked = []

    def answer(_path, params, _port):
        asked.append(params["tweet.fields"])
        long = {"note_tweet": {"text": "long " * 100 + "and awful"}}
        data = [tweet(1, **long), tweet(2, note_tweet={}), tweet(3, note_tweet={"text": ""})]
        return {"data": data, "meta": {"result_count": 3}}

    reading = read("x", answer, "phones")
    assert all("note_tweet" in fields.split(",") for fields in asked)
    line_format = catalogue.line_formats("x")["submission"]
    bodies = {item["id"]: line_format.item_fields(item).body for item in reading.items}
    assert bodies["1"].endswith("and awful")
    assert (bodies["2"], bodies["3"]) == ("short", "short")


def test_an_answer_of_x_without_its_meta_is_the_last_page(read):
    """X6."""
    reading = read("x", lambda *_: {"data": [tweet(1)]}, "phones")
    assert (reading.certified, len(reading.items)) == (True, 1)


def test_an_answer_of_x_that_holds_errors_alone_is_told_by_their_title(read):
    """X6."""
    reading = read("x", lambda *_: {"errors": [{"title": "Usage Capped"}]}, "phones")
    assert not reading.certified
    assert "Usage Capped" in reading.detail


def test_empty_pages_of_x_without_an_end_are_bounded(read):
    """X6."""
    numbers = iter(range(10_000))

    def answer(*_):
        return {"meta": {"result_count": 0, "next_token": str(next(numbers))}}

    reading = read("x", answer, "phones")
    assert not reading.certified
    assert "empty pages" in reading.detail
    assert reading.requests < 40


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("x", {"errors": [{"title": "Timeout"}], "meta": {"result_count": 0}}),
        ("facebook", {"data": [], "error": {"message": "later", "code": 2}}),
        ("steam", {"success": 1, "reviews": [], "error": "busy", "query_summary": {"total_reviews": 0}}),
    ],
)  # fmt: skip
def test_an_error_in_an_answer_of_status_200_is_no_silence(read, name, page):
    """X6."""
    assert not read(name, lambda *_: page, "phones").certified


def test_a_link_to_no_page_is_no_promise(read):
    """X6: as for an edge without the link."""
    page = {"data": [post(1)], "paging": {"cursors": {"after": "a"}, "next": None}}
    reading = read("facebook", facebook({None: page}))
    assert (reading.certified, len(reading.items), reading.requests) == (True, 1, 1)


@pytest.mark.parametrize("odd", [None, 0, -1, 10**30, "soon", 1e300, [5]])
def test_a_time_that_cannot_be_read_costs_its_item_and_proves_nothing(read, odd):
    """X6: neither an end of the listing nor an error of all others."""
    newest = {**review(7, 40), "timestamp_created": odd}
    pages = {"*": ([newest, review(8, 30)], "a"), "a": ([review(9, 20), review(10, -10)], "b")}
    reading = read("steam", steam(pages), "1245620")
    assert reading.certified
    assert {"8", "9"} <= {item["recommendationid"] for item in reading.items}


def test_half_a_pair_of_surrogates_costs_itself(read):
    """X6: platforms cut texts in the middle of a sign."""
    cut = {**review(8, 30), "review": "fine \ud83d"}
    reading = read("steam", steam({"*": ([cut, review(9, -10)], "a")}), "1245620")
    assert (reading.certified, [item["review"] for item in reading.items]) == (
        True,
        ["fine \ufffd"],
    )


def test_a_post_without_the_time_of_its_draft_is_read(read):
    """X6: LinkedIn names one time or both."""
    listing = {"elements": [{"id": "urn:li:share:1", "publishedAt": int(at(5).timestamp() * 1000), "author": "a"}]}  # fmt: skip
    reading = read("linkedin", lambda path, *_: listing if path == "/posts" else {"elements": []})
    assert (reading.certified, len(reading.items)) == (True, 1)
