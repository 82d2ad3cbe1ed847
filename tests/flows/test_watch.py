"""The flow that watches: weeks in the lake are compared, told once, and drawn (M8, M14)."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flows.watch import watch
from market_opinion.core.contracts import (
    GOLD_BURSTS,
    GOLD_CHANGES,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.ops import watching
from market_opinion.ops.adapters import open_adapters
from market_opinion.scorers.judging import scorer_version
from tasks.request import check_watch

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 2, 10, tzinfo=UTC)
PIXEL = "google-pixel-9"
WORDS = "The battery <b>of</b> this one"


@pytest.fixture(autouse=True)
def events(monkeypatch, without_engine, with_report):
    """The events that Prefect would get; a run needs no report but draws its digest."""
    sent = []
    monkeypatch.setattr(
        "tasks.watch.emit_event", lambda event, **fields: sent.append((event, fields["payload"]))
    )
    return sent


@pytest.fixture
def told(webhook, monkeypatch):
    """The rules and texts of the alerts that were sent."""
    address, received, _ = webhook
    monkeypatch.setenv("ALERT_WEBHOOK_URL", address)
    return lambda: [(alert["rule"], alert["text"]) for body in received for alert in body["alerts"]]


def write(praise, *, model="old", text=WORDS):
    """Write 40 comments a week into the lake; `praise` is how many of each week's praise."""
    keys, labels = [], []
    for week, good in praise.items():
        for n in range(40):
            at = MONDAY + timedelta(weeks=week, hours=4 * n)
            keys.append(
                {
                    "platform": "sample",
                    "community": "phones",
                    "kind": "comment",
                    "item_id": f"w{week}c{n}",
                    "thread_id": f"w{week}s{n}",
                    "created_at": at,
                    "window_start": at,
                    "author_key": f"w{week}a{n}",
                    "permalink": f"https://sample.test/w{week}c{n}",
                    "votes": n,
                }
            )
            labels.append("positive" if 7 * n % 40 < good else "negative")
    domain = {"domain": "smartphones", "product_id": PIXEL, "domain_version": "v"}
    fields = {
        SILVER_ITEMS: {"text": text, "language": "und", "is_usable": True},
        SILVER_MENTIONS: domain
        | {"aliases": "a", "mention_count": 1, "reason": "named", "confidence": 0.9},
        SILVER_OPINIONS: domain
        | {
            "aspect": "battery",
            "score_set": "live",
            "polarity": 0.5,
            "evidence": WORDS,
            "evidence_start": 0,
            "evidence_end": len(WORDS),
            "confidence": 0.8,
            "scorer": "lexicon",
            "model": model,
        },
    }
    lake = open_adapters().lake()
    for table, known in fields.items():
        rows = [dict.fromkeys(table.schema) | key | known for key in keys]
        if table is SILVER_OPINIONS:
            rows = [row | {"label": label} for row, label in zip(rows, labels, strict=True)]
        frame = pl.DataFrame(
            [{name: row[name] for name in table.schema} for row in rows], table.schema
        )
        lake.overwrite(table, frame, {"platform": "sample"}, None, run={"run-id": "r"})


def changes():
    return open_adapters().lake().read(GOLD_CHANGES)


def test_a_change_is_written_told_and_drawn(home, told, events, monkeypatch):
    """With its cause, by webhook, event and digest, whose quotes are the week's and no markup."""
    write({-4: 20, -3: 20, -2: 20, -1: 20, 0: 38})
    pages = []
    monkeypatch.setattr("tasks.report.put_page", lambda page, _: pages.append(page))
    summary = watch.fn(now=NOW)
    assert "## What changed\n\n- Net sentiment of " in pages[0]
    rows = changes().filter("is_change", measure="net_sentiment")
    assert rows.sort("aspect", nulls_last=True)["aspect"].to_list() == ["battery", None]
    assert set(rows["cause"]) == {"opinion"}
    assert summary.counts["change_count"] == 2
    assert [rule for rule, _ in told()] == ["opinion_changed", "opinion_changed", "digest"]
    assert told()[0][1].startswith(
        "Smartphones: Net sentiment of Google on Battery life rose by 0.90 ("
    )
    assert next(iter(events))[0] == "market-opinion.opinion_changed"
    page = (home / "digest-smartphones.html").read_text()
    assert "The battery &lt;b&gt;of&lt;/b&gt; this one" in page
    assert "https://sample.test/w0c39" in page
    text = (home / "digest-smartphones.md").read_text()
    assert r"> The battery \<b\>of\</b\> this one" in text
    assert "opinion itself changed" in text


def test_what_was_told_is_not_told_again(told, events):
    """A rerun writes the same rows and sends nothing; the week after has news of its own."""
    write({-4: 20, -3: 20, -2: 20, -1: 20, 0: 38})
    watch.fn(now=NOW)
    count, rows = len(told()), changes()
    snapshot = open_adapters().lake().snapshot_id(GOLD_CHANGES)
    watch.fn(now=NOW + timedelta(days=2))
    assert (len(told()), len(events)) == (count, count)
    assert open_adapters().lake().snapshot_id(GOLD_CHANGES) == snapshot
    watch.fn(now=NOW + timedelta(weeks=1))
    assert told()[count][0] == "digest"
    assert changes().filter(week_start=MONDAY.date()).equals(rows)
    notes = open_adapters().state().notes("watch")
    assert list(notes) == ["smartphones/2026-03-09 digest"]


def test_a_quiet_week_says_that_nothing_changed(told):
    write(dict.fromkeys(range(-4, 1), 20))
    watch.fn(now=NOW)
    (alert,) = told()
    assert alert[0] == "digest"
    assert "Nothing changed in the week of 2 March 2026" in alert[1]


def test_a_burst_is_written_with_its_day(told):
    """One thread that makes the figure of a day, told and shown with and without."""
    write(dict.fromkeys(range(-4, 1), 20))
    lake = open_adapters().lake()
    at = MONDAY + timedelta(days=3, hours=5)
    for table in (SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS):
        known = lake.read(table)
        more = pl.concat([known.filter(item_id="w0c39")] * 30).with_columns(
            item_id=pl.format("x{}", pl.int_range(pl.len())),
            thread_id=pl.lit("x"),
            created_at=pl.lit(at),
            window_start=pl.lit(at),
            **(
                {"author_key": pl.format("x{}", pl.int_range(pl.len()))}
                if table is SILVER_ITEMS
                else {}
            ),
        )
        rows = pl.concat([known, more.select(known.columns).cast(known.schema)])
        lake.overwrite(table, rows, {"platform": "sample"}, None, run={"run-id": "r"})
    assert watch.fn(now=NOW).counts["burst_count"] == 1
    (row,) = lake.read(GOLD_BURSTS).to_dicts()
    assert (row["kind"], row["full_date"]) == ("thread", at.date())
    assert (row["comment_count"], row["day_comment_count"]) == (30, 36)
    assert row["value"] < row["value_without"]
    (text,) = [text for rule, text in told() if rule == "burst"]
    assert "most of it in one thread" in text


def test_days_before_are_judged_once_more_where_the_scorer_is_another(monkeypatch, told):
    """The scorer of now hears praise where its predecessor heard half of it, so it is the cause."""
    run = check_watch.fn("smartphones", NOW)
    domain = run.load_domain()
    _, model, _ = scorer_version(domain, run.settings)
    write({-4: 20, -3: 20, -2: 20, -1: 20, 0: 40}, text="The Pixel 9 battery is great, I love it")
    lake = open_adapters().lake()
    assert watching.anchor_slices(run) == []
    is_now = pl.col("window_start") >= MONDAY
    live = lake.read(SILVER_OPINIONS).with_columns(
        model=pl.when(is_now).then(pl.lit(model)).otherwise("model"),
        domain_version=pl.when(is_now).then(pl.lit(domain.version)).otherwise("domain_version"),
    )
    lake.overwrite(SILVER_OPINIONS, live, {"platform": "sample"}, None, run={"run-id": "r"})
    monkeypatch.setattr(watching, "_ANCHOR_OPINIONS", 20)
    summary = watch.fn(now=NOW)
    rows = changes().filter("is_change", measure="net_sentiment")
    assert set(rows["cause"]) == {"scorer"}
    assert rows["scorer_part"].to_list() == pytest.approx([1.0, 1.0], abs=0.35)
    anchors = lake.read(SILVER_OPINIONS, {"score_set": watching.ANCHOR_SET})
    assert anchors["created_at"].dt.date().n_unique() >= 4
    assert anchors["created_at"].max() < MONDAY
    assert set(anchors["model"]) == {model}
    assert (
        lake.read(SILVER_OPINIONS, {"score_set": "live"})
        .sort("item_id")
        .equals(live.sort("item_id"))
    )
    assert any("the scorer changed, not what people said" in note for note in summary.notes)
    assert watch.fn(now=NOW).counts["change_count"] == summary.counts["change_count"]
