"""Live Reddit: hours closed, looked at again and forgotten, against a server that answers as Reddit does."""

import json
import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from pydantic import SecretStr

from flows.erase import erase
from flows.hourly import hourly
from flows.refresh import refresh
from flows.sweep import sweep
from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_ITEMS, SILVER_OPINIONS
from market_opinion.core.errors import CredentialsRefused, InvalidRequest, SettingsInvalid
from market_opinion.ops.adapters import open_adapters
from market_opinion.storage.state import WindowState
from tasks.collect import poll_communities
from tasks.request import check_live
from tests.conftest import everywhere
from tests.reddit_server import Post, thread

pytestmark = pytest.mark.usefixtures("without_engine")
H10 = datetime(2026, 3, 2, 10, tzinfo=UTC)
T10 = H10.timestamp()


def at(reddit, moment: datetime, offset: timedelta = timedelta()) -> datetime:
    """Put Reddit's clock there, and return ours, which may be off."""
    reddit.clock = moment.timestamp
    return moment + offset


def run_hourly(reddit, moment, communities=("phones",), offset=timedelta(), **options):
    return hourly.fn(
        source="reddit", communities=list(communities), now=at(reddit, moment, offset), **options
    )


def entry(community="phones", start=H10):
    return {(e.community, e.window_start): e for e in open_adapters().state().windows("reddit")}[
        community, start
    ]


def watermark(community="phones"):
    return open_adapters().state().load_last_run_timestamp("reddit", community)


def requests_recorded():
    """Requests by community, and what Reddit said last is left of its quota."""
    recorded = {}
    for each in open_adapters().state().requests(datetime(2026, 1, 1, tzinfo=UTC)):
        made, _ = recorded.get(each.community, (0, None))
        recorded[each.community] = (made + each.request_count, each.left_count)
    return recorded


def bronze():
    return open_adapters().lake().read(BRONZE_ITEMS).sort("item_id")


def comment(item_id, at_seconds, body="The Pixel 9 camera is great.", **fields):
    return Post(
        "comment",
        item_id,
        "phones",
        at_seconds,
        body=body,
        thread="s1",
        visible=fields.pop("visible", at_seconds),
        **fields,
    )


SUBMISSION = Post("submission", "s1", "phones", T10 + 60, title="Pixel 9 after a month", body="")


def test_an_hour_is_closed_and_carried_to_the_mart(reddit, home):
    """B01, B07, B16: certified with no request beyond token and pages, then nothing is left to do."""
    reddit.add(thread("phones", T10 + 60, 230, random.Random(1), spread=3500))
    summary = run_hourly(reddit, H10 + timedelta(minutes=80))
    assert (entry().state, watermark()) == (WindowState.CERTIFIED, H10 + timedelta(hours=1))
    assert (summary.counts["item_count"], summary.notes) == (231, ())
    assert summary.counts["opinion_count"] > 200
    assert sorted(path for _, path in reddit.requests) == [
        "/api/v1/access_token",
        "/r/phones/comments",
        "/r/phones/comments",
        "/r/phones/comments",
        "/r/phones/new",
    ]
    assert requests_recorded() == {"phones": (5, 998)}  # A38
    assert run_hourly(reddit, H10 + timedelta(minutes=90)).notes == ("no hour is due",)
    metrics = [json.loads(line) for line in (home / "metrics.jsonl").read_text().splitlines()]
    assert {(m["name"], m["value"]) for m in metrics if m["namespace"] == "RedditIngestion"} >= {
        ("Requests", 5),
        ("RequestsRemaining", 998),
        ("NewSubmissions", 1),
        ("NewComments", 230),
    }


def test_an_hour_is_not_due_before_its_lag_has_passed(reddit):
    """B26."""
    assert (
        run_hourly(reddit, H10 + timedelta(minutes=70)).counts.get("window_count") == 1
    )  # the hour before
    assert watermark() == H10


def test_one_closed_community_stops_no_other(reddit):
    """Private, banned and misspelt ones say which they are, hold their own watermark and go on by themselves."""
    reddit.add([SUBMISSION, comment("c1", T10 + 70)])
    reddit.closed = {"secret": 403, "banned": 404, "mispelt": 302}
    summary = run_hourly(
        reddit, H10 + timedelta(minutes=80), ("phones", "secret", "banned", "mispelt")
    )
    assert watermark() == H10 + timedelta(hours=1)
    assert [entry(name).state for name in reddit.closed] == [WindowState.INCOMPLETE] * 3
    words = ("private", "gone", "spelling")
    assert all(word in entry(name).detail for name, word in zip(reddit.closed, words, strict=True))
    assert len(summary.notes) == 3
    reddit.closed = {}
    run_hourly(reddit, H10 + timedelta(minutes=85), ("phones", "secret", "banned", "mispelt"))
    assert [watermark(name) for name in ("secret", "banned", "mispelt")] == [
        H10 + timedelta(hours=1)
    ] * 3


def test_three_hours_without_reddit_are_caught_up(reddit):
    """Each run says so and holds; the first one after it takes all hours, oldest first."""
    reddit.add(thread("phones", T10 + 60, 40, random.Random(1), spread=4 * 3600))
    reddit.is_down = True
    for hours in (1, 2, 3):
        summary = run_hourly(reddit, H10 + timedelta(hours=hours, minutes=20))
        assert (watermark(), summary.counts["certified_window_count"]) == (None, 0)
    assert "did not answer" in summary.notes[0]
    reddit.is_down = False
    open_adapters().state().save_last_run_timestamp("reddit", "phones", H10)
    run_hourly(reddit, H10 + timedelta(hours=4, minutes=20), max_windows=10)
    assert watermark() == H10 + timedelta(hours=4)
    assert bronze().filter(kind="comment").height == sum(
        p.kind == "comment" and p.created < T10 + 4 * 3600 for p in reddit.posts.values()
    )


def test_credentials_are_named_when_missing_and_when_refused(reddit, monkeypatch):
    """B55, B19."""
    reddit.secret = "another"
    with pytest.raises(CredentialsRefused, match="REDDIT_CLIENT_SECRET"):
        run_hourly(reddit, H10 + timedelta(minutes=80))
    monkeypatch.delenv("REDDIT_CLIENT_SECRET")
    with pytest.raises(SettingsInvalid, match="environment: check REDDIT_CLIENT_SECRET") as raised:
        run_hourly(reddit, H10 + timedelta(minutes=80))
    assert "secret that no log" not in str(raised.value)


@pytest.mark.parametrize("offset", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_an_hour_off_certifies_nothing_that_is_still_open(reddit, offset):
    """Reddit's clock decides: with ours ahead the hour stays open and says why, with ours behind it is closed later."""
    reddit.add([SUBMISSION, comment("c1", T10 + 70)])
    run_hourly(reddit, H10 + timedelta(minutes=80), offset=offset)
    ours = H10 + (timedelta(hours=1) if offset > timedelta() else timedelta(hours=-1))
    certified = offset < timedelta()
    assert (entry(start=ours).state is WindowState.CERTIFIED) == certified
    assert certified or "platform's clock" in entry(start=ours).detail
    run_hourly(reddit, H10 + timedelta(minutes=200), max_windows=5)
    assert watermark() is not None


def test_an_item_that_surfaces_late_is_merged_into_its_own_hour(reddit):
    """B26: by the next hour's look, counted."""
    reddit.add(
        [
            SUBMISSION,
            comment("c1", T10 + 70),
            comment("c2", T10 + 3000, visible=T10 + 6000),
            comment("c3", T10 + 4000),
        ]
    )
    run_hourly(reddit, H10 + timedelta(minutes=80))
    assert bronze()["item_id"].to_list() == ["c1", "s1"]
    run_hourly(reddit, H10 + timedelta(minutes=140))
    assert bronze()["item_id"].to_list() == ["c1", "c2", "c3", "s1"]
    assert (entry().counts["late_item_count"], entry().counts["bronze_row_count"]) == (1, 3)
    assert (
        open_adapters()
        .mart()
        .query("SELECT count(*) AS n FROM mart.fact_brand_mentions")["n"]
        .item()
        == 3
    )  # c2 repeats c1


def test_what_a_crash_left_landed_is_carried_by_the_next_run(reddit, monkeypatch):
    """A poll, a refresh or a late item that was landed and never built."""
    reddit.add([SUBMISSION, comment("c1", T10 + 70), comment("c2", T10 + 3000, visible=T10 + 6000)])
    run_hourly(reddit, H10 + timedelta(minutes=80))
    with monkeypatch.context() as broken:
        broken.setattr(
            "flows.stages.build_bronze", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            run_hourly(reddit, H10 + timedelta(minutes=140))
    assert bronze().height == 2
    run_hourly(reddit, H10 + timedelta(minutes=141))
    assert bronze().height == 3


def test_polls_land_what_no_closer_could_reach(reddit):
    """M2: 2,400 comments an hour, polled every five minutes, closed from the polls alone."""
    reddit.add([SUBMISSION, *(comment(f"c{n}", T10 - 1200 + 1.5 * n) for n in range(4400))])
    for minute in range(0, 100, 5):
        moment = at(reddit, H10 + timedelta(minutes=minute))
        counts, soonest = poll_communities.fn(
            *check_live.fn("smartphones", ["phones"], moment), moment
        )
    assert soonest <= timedelta(minutes=13)
    assert counts.gap_count == 0
    run_hourly(reddit, H10 + timedelta(minutes=100))
    assert (entry().state, watermark()) == (WindowState.CERTIFIED, H10 + timedelta(hours=1))
    assert bronze().height == 2401
    assert requests_recorded() == {"phones": (len(reddit.requests), 998)}


def test_an_hour_out_of_reach_is_said_to_be_and_passed(reddit):
    """M2: the watermark goes on, the ledger keeps the hole, the message names the archive."""
    reddit.add([SUBMISSION, *(comment(f"c{n}", T10 + 1.5 * n) for n in range(3600))])
    summary = run_hourly(reddit, H10 + timedelta(minutes=80))
    assert (entry().state, watermark()) == (WindowState.UNRECOVERABLE, H10 + timedelta(hours=1))
    assert "archive" in summary.notes[0]


def test_a_refresh_brings_votes_and_edits(reddit):
    """D06: a changed text is judged again, a changed vote is not."""
    reddit.add([SUBMISSION, comment("c1", T10 + 70), comment("c2", T10 + 80)])
    run_hourly(reddit, H10 + timedelta(minutes=80))
    before = open_adapters().lake().read(SILVER_OPINIONS)
    reddit.posts["t1_c1"].score = 77
    refresh.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=2, minutes=5)))
    assert bronze()["votes"].to_list() == [77, 1, 1]
    assert open_adapters().lake().read(SILVER_OPINIONS).equals(before)
    requests = len(reddit.requests)
    refresh.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=2, minutes=35)))
    assert len(reddit.requests) == requests
    reddit.posts["t1_c2"].edits.append((T10 + 3 * 3600, "The Pixel 9 camera is awful."))
    refresh.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=7, minutes=5)))
    after = open_adapters().lake().read(SILVER_OPINIONS).filter(item_id="c2", aspect="camera")
    assert after["label"].to_list() == ["negative"]
    assert requests_recorded() == {"phones": (len(reddit.requests), 998)}  # A38: looks again too


def test_threads_that_lack_much_are_expanded(reddit):
    """B08: comments no listing showed are found by their thread, a hundred a request, and land in their own hours."""
    reddit.hidden_from = 10
    unseen = [
        comment(
            f"h{n}",
            T10 + 600 + 60 * n,
            body=f"The Pixel 9 camera number {n} is great.",
            visible=T10 + 9000,
        )
        for n in range(90)
    ]
    reddit.add([SUBMISSION, comment("c1", T10 + 70), *unseen])
    run_hourly(reddit, H10 + timedelta(minutes=80))
    run_hourly(reddit, H10 + timedelta(minutes=140))
    assert bronze().height == 2
    summary = refresh.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=7)))
    assert bronze().height == 92
    assert (
        summary.counts["announced_comment_count"],
        summary.counts["captured_comment_count"],
    ) == (91, 1)
    assert entry(start=H10 + timedelta(hours=1)).counts["bronze_row_count"] == 40


def test_there_is_nothing_to_look_at_again_before_anything_came(reddit, with_report):
    """A schedule may be switched on first."""
    assert refresh.fn(communities=["phones"], now=at(reddit, H10)).report_path is None
    assert sweep.fn(communities=["phones"], now=at(reddit, H10)).counts["sweep_lag_hours"] == 0


def test_what_disappeared_from_reddit_disappears_here(reddit, home):
    """X13: deleted, removed, or absent twice."""
    words = [
        "zanzibar camera great",
        "timbuktu camera great",
        "vladivostok camera great",
        "samarkand camera great",
        "antananarivo camera great",
    ]
    reddit.add(
        [
            SUBMISSION,
            *(
                comment(f"c{n}", T10 + 70 + n, body=f"The Pixel 9 {text}")
                for n, text in enumerate(words)
            ),
        ]
    )
    run_hourly(reddit, H10 + timedelta(minutes=80))
    reddit.posts["t1_c0"].deleted = reddit.posts["t1_c1"].removed = reddit.posts[
        "t1_c2"
    ].vanished = T10 + 6000
    reddit.posts["t1_c4"].body = "[ Removed by Reddit ]"
    refresh.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=2, minutes=5)))
    assert everywhere(home, b"zanzibar", b"timbuktu", b"antananarivo") == []
    assert everywhere(home, b"vladivostok") != []  # absent once
    refresh.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=7, minutes=5)))
    assert everywhere(home, b"vladivostok") == []
    assert everywhere(home, b"samarkand") != []
    assert open_adapters().lake().read(SILVER_ITEMS).filter(kind="comment")["is_usable"].sum() == 1


def test_a_sweep_finds_what_went_after_the_last_refresh(reddit, home):
    """X13: and says how long nobody looked."""
    reddit.add([SUBMISSION, comment("c1", T10 + 70, body="The Pixel 9 zanzibar camera is great")])
    run_hourly(reddit, H10 + timedelta(minutes=80))
    refresh.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=73, minutes=5)))
    reddit.posts["t1_c1"].deleted = T10 + 80 * 3600
    summary = sweep.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=90)))
    assert everywhere(home, b"zanzibar") != []
    assert summary.counts["sweep_lag_hours"] == 17
    summary = sweep.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=100)))
    assert everywhere(home, b"zanzibar") == []
    assert summary.counts["sweep_lag_hours"] == 0


def test_a_deletion_that_was_cut_off_is_finished_by_the_next_sweep(reddit, home, monkeypatch):
    """Tables were built anew, their history was not forgotten yet."""
    reddit.add([SUBMISSION, comment("c1", T10 + 70, body="The Pixel 9 zanzibar camera is great")])
    run_hourly(reddit, H10 + timedelta(minutes=80))
    reddit.posts["t1_c1"].deleted = T10 + 6000
    with monkeypatch.context() as broken:
        broken.setattr(
            "flows.stages.forget_history", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            refresh.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=2, minutes=5)))
    assert everywhere(home, b"zanzibar") != []
    sweep.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=3)))
    assert everywhere(home, b"zanzibar") == []


def test_an_author_is_forgotten_on_request_and_nobody_else(reddit, home, tables):
    """X12, X13: a byte search finds neither words nor name; all other rows are as they were; a second request changes nothing."""
    reddit.add(
        [
            Post(
                "submission",
                "s1",
                "phones",
                T10 + 60,
                title="Zanzibar diary of a Pixel 9",
                body="",
                author="mad_hatter77",
            ),
            comment(
                "c1",
                T10 + 70,
                body="The Pixel 9 camera is a timbuktu marvel",
                author="mad_hatter77",
            ),
            comment(
                "c2",
                T10 + 80,
                body="I agree with u/mad_hatter77, the Pixel 9 camera is great",
                author="quiet_otter",
            ),
            comment("c3", T10 + 4000, body="The battery is great though", author="loud_otter"),
        ]
    )
    run_hourly(reddit, H10 + timedelta(minutes=80))
    run_hourly(reddit, H10 + timedelta(minutes=140))
    before = tables()
    summary = erase.fn(author=SecretStr("Mad_Hatter77"), now=H10 + timedelta(hours=5))
    assert everywhere(home, b"mad_hatter77", b"timbuktu", b"zanzibar") == []
    after = tables()
    for name in ("silver.items", "silver.opinions"):
        keep = pl.col("item_id").is_in(["c2", "c3"])
        # Judged anew without the erased title: how sure the scorer is may change.
        mine = (
            ["text", "item_id", "is_usable", "author_key", "votes"]
            if name == "silver.items"
            else ["item_id", "product_id", "aspect", "label", "evidence"]
        )
        own = before[name].filter(keep).select(mine)
        still = (
            pl.col("item_id") != "c3" if name == "silver.opinions" else pl.lit(True)
        )  # its product was in the erased title
        assert after[name].filter(keep).select(mine).filter(still).equals(own.filter(still))
    proof = json.loads(next(home.glob("erasures/*.json")).read_text())
    assert sorted(proof["item_ids"]) == ["c1", "s1"]
    assert set(proof["left_in"].values()) == {0}
    assert any("proof" in note for note in summary.notes)
    erase.fn(author=SecretStr("mad_hatter77"), now=H10 + timedelta(hours=6))
    assert all(after[name].equals(frame) for name, frame in tables().items())


def test_erasing_needs_something_that_is_there(reddit):
    reddit.add([SUBMISSION])
    with pytest.raises(InvalidRequest, match="nothing of reddit"):
        erase.fn(author=SecretStr("x"), now=H10)
    run_hourly(reddit, H10 + timedelta(minutes=80))
    with pytest.raises(InvalidRequest, match="give --author, --author-key, or --items"):
        erase.fn(now=H10)
    with pytest.raises(InvalidRequest, match="no items zz"):
        erase.fn(items=["zz"], now=H10)


def test_a_cap_of_our_own_is_never_success(reddit, monkeypatch):
    """B46, B47: what MAX_SUBMISSIONS cuts off is not certified, and raising it mends the hour."""
    reddit.add(
        Post("submission", f"s{n}", "phones", T10 + n, title="Pixel 9", visible=T10 + n)
        for n in range(350)
    )
    monkeypatch.setenv("MAX_SUBMISSIONS", "150")
    assert "MAX_SUBMISSIONS" in run_hourly(reddit, H10 + timedelta(minutes=80)).notes[0]
    assert (entry().state, entry().stop_reason, watermark()) == (
        WindowState.INCOMPLETE,
        "budget",
        None,
    )
    monkeypatch.setenv("MAX_SUBMISSIONS", "1000")
    run_hourly(reddit, H10 + timedelta(minutes=90))
    assert (entry().state, watermark()) == (WindowState.CERTIFIED, H10 + timedelta(hours=1))


def test_subreddits_may_be_preset(reddit, monkeypatch):
    """B48: a list, for runs that name none."""
    monkeypatch.setenv("DEFAULT_SUBREDDIT", "Phones,android")
    hourly.fn(source="reddit", now=at(reddit, H10 + timedelta(minutes=80)))
    assert {entry.community for entry in open_adapters().state().windows("reddit")} == {
        "phones",
        "android",
    }
