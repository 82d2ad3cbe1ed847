"""Changes of a domain: which figures are compared, and what their rows say (M8)."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from market_opinion.core.contracts import GOLD_CHANGES, ITEM_KEY
from market_opinion.truth.changes import Judged, Weeks, find_changes

WEEKS = Weeks(date(2026, 3, 2))
BRANDS = {"pixel": "Google", "iphone": "Apple"}
COLUMNS = ("platform", "kind", "item_id", "window_start", "created_at", "community")


class Talk:
    """Opinions of 40 a week on one aspect of a brand; every comment is a thread of its own."""

    def __init__(self):
        self.rows, self.anchors = [], []

    def week(self, week, praise, *, product="pixel", community="phones", model="old", again=None):
        """Add 40 opinions, `praise` of them praise; `again` of them by the version of now."""
        for n in range(40):
            at = WEEKS.start_at + timedelta(weeks=week, hours=4 * n)
            row = {
                "platform": "reddit",
                "kind": "comment",
                "item_id": f"c{len(self.rows)}",
                "window_start": at,
                "created_at": at,
                "community": community,
                "thread_id": f"s{len(self.rows)}",
                "author_key": f"a{len(self.rows)}",
                "product_id": product,
                "aspect": "battery",
                "label": "positive" if n % 40 < praise else "negative",
                "scorer": "local",
                "model": model,
                "prompt_version": None,
                "domain_version": "d",
            }
            self.rows.append(row)
            if again is not None:
                label = "positive" if n % 40 < again else "negative"
                self.anchors.append(row | {"model": "new", "label": label})

    def changes(self, bursts=(), *, min_authors=5):
        frame = pl.DataFrame(self.rows)
        anchors = pl.DataFrame(self.anchors, schema=frame.schema)
        flagged = frame.filter(pl.col("item_id").is_in(list(bursts)))
        judged = Judged(
            frame.select(*COLUMNS, "thread_id", "author_key"),
            frame,
            frame,
            anchors,
            anchors.select("platform", "window_start").unique(),
            flagged.select(*ITEM_KEY, brand=pl.lit("Google")),
        )
        rows = find_changes(judged, BRANDS, WEEKS, min_authors=min_authors)
        return GOLD_CHANGES.check(rows.with_columns(domain=pl.lit("phones")))


@pytest.fixture
def talk():
    return Talk()


def before(talk, praise=20, **options):
    for week in (-4, -3, -2, -1):
        talk.week(week, praise, **options)


def of(rows, aspect="battery", measure="net_sentiment", brand="Google"):
    (row,) = rows.filter(
        pl.col("aspect").eq_missing(pl.lit(aspect)), measure=measure, brand=brand
    ).to_dicts()
    return row


def test_the_last_closed_week_is_the_one_before_now():
    """It begins on a Monday, whatever day it is."""
    for day in (9, 11, 15):
        assert Weeks.closed(datetime(2026, 3, day, 2, tzinfo=UTC)).start == date(2026, 3, 2)
    assert Weeks.closed(datetime(2026, 3, 8, 23, tzinfo=UTC)).start == date(2026, 2, 23)


def test_a_week_that_is_as_before_has_no_change(talk):
    before(talk)
    talk.week(0, 20)
    row = of(talk.changes())
    assert (row["change"], row["is_change"], row["cause"]) == (0, False, None)
    assert row["low"] == pytest.approx(-row["high"])


def test_a_change_of_opinion_is_told_with_its_interval(talk):
    """Of a brand, and of its aspect."""
    before(talk)
    talk.week(0, 38)
    for aspect in ("battery", None):
        row = of(talk.changes(), aspect)
        assert row["change"] == pytest.approx(0.9)
        assert 0 < row["low"] < 0.9 < row["high"]
        assert (row["is_change"], row["cause"], row["scorer_part"]) == (True, "opinion", 0)
        assert row["opinion_part"] + row["mix_part"] == pytest.approx(0.9)
        assert (row["comment_count"], row["author_count_before"]) == (40, 160)


def test_another_mix_of_communities_is_told_as_mix(talk):
    """Each thinks as before."""
    before(talk, 38, community="sweet")
    before(talk, 2, community="sour")
    for _ in range(4):
        talk.week(0, 38, community="sweet")
    row = of(talk.changes(), None)
    assert (row["cause"], row["mix_of"]) == ("mix", "community")


def test_another_version_of_the_scorer_is_told_as_scorer(talk):
    """It heard twice the praise on the same items of the weeks before."""
    before(talk, 18, again=36)
    talk.week(0, 36, model="new")
    row = of(talk.changes())
    assert (row["is_change"], row["cause"]) == (True, "scorer")
    assert row["scorer_part"] == pytest.approx(row["change"])


def test_another_version_without_items_of_both_is_unclear(talk):
    before(talk)
    talk.week(0, 38, model="new")
    row = of(talk.changes())
    assert (row["cause"], row["scorer_part"]) == ("unclear", None)


def test_share_of_voice_is_compared_by_brand(talk):
    """One brand falls as the other rises, from half to a fifth."""
    for product in BRANDS:
        before(talk, product=product)
    for product in ("pixel", "pixel", "pixel", "pixel", "iphone"):
        talk.week(0, 20, product=product)
    rows = talk.changes()
    ours, theirs = (of(rows, None, "share_of_voice", brand) for brand in ("Google", "Apple"))
    assert (ours["value"], ours["value_before"]) == (pytest.approx(0.8), pytest.approx(0.5))
    assert ours["change"] == pytest.approx(-theirs["change"])
    assert [ours["is_change"], theirs["is_change"]] == [True, True]


def test_a_change_is_shown_without_bursts_as_well(talk):
    """Half of the week's praise came in one."""
    before(talk)
    talk.week(0, 38)
    row = of(talk.changes(bursts=[f"c{n}" for n in range(160, 180)]))
    assert row["change"] == pytest.approx(0.9)
    assert row["change_without_bursts"] == pytest.approx(0.8)
    assert of(talk.changes())["change_without_bursts"] is None


def test_a_week_without_the_ones_before_has_too_few(talk):
    talk.week(0, 20)
    row = of(talk.changes())
    assert (row["is_too_few"], row["is_change"], row["p_value"]) == (True, False, None)


def test_few_people_are_left_out(talk):
    """Fewer authors than may be published show in no figure of their own."""
    before(talk)
    talk.week(0, 20)
    rows = talk.changes(min_authors=41)
    assert rows.height == 0


def test_nothing_compares_to_nothing(talk):
    """A lake without a comment gives no row."""
    talk.week(0, 20)
    frame = pl.DataFrame(talk.rows).clear()
    items = frame.select(*COLUMNS, "thread_id", "author_key")
    hours = frame.select("platform", "window_start")
    flagged = frame.select(*ITEM_KEY, brand="item_id")
    judged = Judged(items, frame, frame, frame, hours, flagged)
    assert find_changes(judged, BRANDS, WEEKS, min_authors=1).height == 0
