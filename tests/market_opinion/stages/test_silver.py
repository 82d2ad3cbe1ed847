"""Silver items: cleaned rows without names, and one reason for each that cannot be used."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_ITEMS, SILVER_THREADS
from market_opinion.stages import bronze, silver, threads
from tests.market_opinion.stages.test_bronze import T10, content

PEPPER = "a pepper for tests"


def submissions(titles):
    """Bronze rows of submissions: id, title and author of each."""
    return pl.DataFrame(
        [
            {
                "platform": "reddit",
                "community": "phones",
                "item_id": thread_id,
                "created_at": T10,
                "window_start": T10,
                "title": title,
                "author": author,
                "body": body[0] if body else "",
            }
            for thread_id, title, author, *body in titles
        ],
        schema={name: BRONZE_ITEMS.schema[name] for name in threads.SUBMISSION_COLUMNS},
    )


def cleaned(*items, titles=()):
    kinds = {
        "comment": [i for i in items if "body" in i],
        "submission": [i for i in items if "selftext" in i],
    }
    rows, rejections, _ = bronze.parse(
        [content(some, kind=kind, uri=kind) for kind, some in kinds.items()]
    )
    assert rejections.height == 0
    began = submissions(titles)
    known = threads.find_threads(began, markup=("markdown",))
    beginners = began.select(thread_id="item_id", thread_author="author")
    items = bronze.newest(rows)
    options = {"markup": ("markdown",), "pepper": PEPPER}
    return SILVER_ITEMS.check(silver.clean_items(items, known, beginners, **options).rows)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"body": "[deleted]", "author": "[deleted]"}, "deleted"),
        ({"body": "[removed]"}, "removed"),
        ({"body": "[ Removed by Reddit ]"}, "removed"),
        ({"body": "[ Removed by Reddit on account of the [content policy](/help/p). ]"}, "removed"),
        ({"body": "Comment removed by moderator"}, "removed"),
        ({"body": "[Comment deleted by user]"}, "deleted"),
        ({"body": "This post has been removed by the moderators."}, "removed"),
        ({"body": "&#91;removed&#93;"}, "removed"),
        ({"body": "`[deleted]`"}, "deleted"),
        ({"body": "Comment deleted by user, but my phone is fine"}, None),
        ({"body": "The post was removed from my app"}, None),
        ({"author": "AutoModerator"}, "bot"),
        ({"author": "RemindMeBot"}, "bot"),
        ({"body": "I am a bot, and this action was performed automatically."}, "bot"),
        ({"body": "Sorry. I'm a bot and I noticed a link."}, "bot"),
        ({"body": "He asked if I am a bot and I said that my phone is fine."}, None),
        ({"body": "I'm a bot engineer, and my phone is fine."}, None),
        ({"body": "[purged]"}, "too_short"),  # somebody wrote it; a purge leaves no name
        ({"body": "[purged]", "author": "[purged]"}, "purged"),
        ({"body": "👍👍"}, "empty"),
        ({"body": "> only a quote"}, "empty"),
        ({"body": None}, "empty"),
        ({"body": "https://example.com/x"}, "link_only"),
        ({"body": "so true"}, "too_short"),
        ({"body": "u/some_name u/other_name u/third_name"}, "empty"),
        ({"body": "Three whole words"}, None),
        ({"author": "talbot"}, None),
    ],
)
def test_each_gate_gives_its_reason(make_comment, fields, reason):
    """A21: and the row stays."""
    row = cleaned(make_comment(**fields)).to_dicts()[0]
    assert (row["unusable_reason"], row["is_usable"]) == (reason, reason is None)


def test_what_was_deleted_leaves_no_text(make_comment, make_submission):
    """Not even the title of its thread."""
    rows = cleaned(
        make_comment(body="[deleted]"),
        make_submission(at="2026-03-01T10:01:00", selftext="[removed]"),
    )
    assert rows.select("text", "context_title").rows() == [("", None), ("", None)]


def test_the_second_to_say_the_same_is_a_duplicate(make_comment):
    """E13: of an earlier item of the same hour, whatever its case."""
    first, second = (
        make_comment("b", body="Same words here"),
        make_comment("a", body="same words HERE", at="2026-03-01T10:16:00"),
    )
    assert cleaned(second, first).select("item_id", "unusable_reason").rows() == [
        ("b", None),
        ("a", "duplicate"),
    ]


def test_a_comment_carries_its_threads_title(make_comment):
    """The one that it carries itself where the thread is not known."""
    rows = cleaned(
        make_comment("a", link_title="As it was &amp; is"),
        make_comment("b", link_title="Own &amp; title", link_id="t3_s9"),
        titles=[("s1", "**Pixel** 9", "quiet_otter")],
    )
    assert rows["context_title"].to_list() == ["Pixel 9", "Own & title"]


def test_a_thread_whose_words_are_gone_has_no_title():
    """Whoever removed them; the others are in the table's contract, without their authors' names."""
    found = threads.find_threads(
        submissions(
            [
                ("s1", "quiet_otter on the *Pixel*", "quiet_otter"),
                ("s2", "A title", "someone", "[removed]"),
                ("s3", None, "[purged]", "[purged]"),
                ("s4", "Written by hand", "someone", "[purged]"),
            ]
        ),
        markup=("markdown",),
    )
    titles = SILVER_THREADS.check(found)["title"].to_list()
    assert titles == ["[user] on the Pixel", "Written by hand"]


def test_the_title_of_a_submission_comes_first_in_its_text(make_submission):
    """A paragraph of its own."""
    assert (
        cleaned(make_submission(at="2026-03-01T10:01:00", selftext="and more"))["text"].item()
        == "Pixel 9 after a month\nand more"
    )


def test_no_name_passes(make_comment, make_submission):
    """E33: author, signature, mention, title and link."""
    rows = cleaned(
        make_comment(
            author="canary_77",
            body="I, canary_77, thank u/canary_88",
            permalink="/user/canary_77/comments/x/",
        ),
        make_submission(
            at="2026-03-01T10:01:00",
            author="Canary_99",
            title="By u/canary_66",
            permalink="/r/u_canary_99/x/by_canary/",
        ),
    )
    assert "canary" not in json.dumps(rows.to_dicts(), default=str).lower()


def test_an_author_has_one_key_whatever_the_case_and_none_when_gone(make_comment):
    """E17: HMAC under the pepper."""
    keys = cleaned(
        make_comment("a", author="Otter"),
        make_comment("b", author="otter", body="other words here"),
        make_comment("c", author="[deleted]"),
    )
    first, second, gone = keys.sort("item_id")["author_key"]
    assert first == second
    assert len(first) == 64
    assert gone is None


def test_languages_are_told_only_from_sixty_characters(make_comment):
    """Below, any answer would be a guess."""
    german = "Ich habe das Telefon seit drei Wochen und bin mit dem Akku wirklich sehr zufrieden."
    rows = cleaned(make_comment("a", body=german), make_comment("b", body="sehr zufrieden damit"))
    assert rows["language"].to_list() == ["deu", "und"]


def test_an_address_is_made_of_ids(make_comment, make_submission):
    """Titles and user names in received links do not come through."""
    rows = cleaned(make_comment(), make_submission(at="2026-03-01T10:01:00"))
    links = dict(rows.select("kind", "permalink").rows())
    assert links == {
        "comment": "https://www.reddit.com/comments/s1/_/c1/",
        "submission": "https://www.reddit.com/comments/s1/",
    }


@pytest.mark.parametrize(
    "bad", ["..", "../../user/x", "a/b", "a?b=c", "a#b", "@evil", "a b", '"><x']
)
def test_a_text_that_is_no_id_leads_an_address_nowhere_else(make_comment, bad):
    """Ids from outside are checked before they are a link."""
    link = cleaned(make_comment(bad))["permalink"].item()
    assert link == "https://www.reddit.com/comments/s1/_/_/"


def test_hours_are_cleaned_alike_alone_and_together(make_comment):
    """No row depends on another hour's."""
    early = [make_comment(f"a{n}", body=f"words that repeat {n % 3}") for n in range(9)]
    assert cleaned(*early).equals(pl.concat([cleaned(*early)]))


def test_threads_that_arrive_late_outdate_their_comments():
    """Only hours whose comments lack the title."""
    hours = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (10, 11, 15)]
    began = pl.DataFrame(
        {
            "thread_id": ["s1", "s2"],
            "title": ["One", None],
            "window_start": [hours[0] - timedelta(hours=5)] * 2,
        }
    )
    later = pl.DataFrame(
        {
            "thread_id": ["s1", "s1", "s2"],
            "context_title": [None, "One", None],
            "window_start": hours,
        }
    )
    assert [str(w) for w in threads.outdated(began, later)] == ["2026-03-01T10:00/2026-03-01T11:00"]


SPREAD = st.lists(
    st.tuples(st.sampled_from("aBß9Σİ"), st.sampled_from(" .-—"), st.integers(0, 40)), max_size=30
)


@settings(deadline=None)
@given(
    st.lists(
        SPREAD.map(lambda parts: "".join(letter + mark * count for letter, mark, count in parts)),
        min_size=1,
    )
)
def test_how_a_text_begins_is_how_its_letters_begin(texts):
    """Otherwise copies of it would not be looked at: whatever stands between the letters, and however much of it."""
    found = pl.DataFrame({"text": texts}).select(
        opening=silver._opening(pl.col("text")),
        whole=silver._letters(pl.col("text")).str.head(silver._OPENING_CHARACTERS),
    )
    assert found["opening"].to_list() == found["whole"].to_list()


def test_the_name_of_its_author_is_in_no_title(make_comment, make_submission):
    """E16: in any case of letters, in the submission and below it; an ordinary word stays."""
    title = "TINLANTERN702 reviews the Pixel 8: the camera is great"
    at = "2026-03-01T10:05:00"
    masked = "[user] reviews the Pixel 8: the camera is great"
    rows = cleaned(
        make_submission("s1", title, at, author="TinLantern702", selftext="by tinlantern702"),
        make_submission("s3", "Maple on the Pixel 8", at, author="Maple", selftext="Maple"),
        make_comment("c1", link_title=title),
        make_comment("c2"),
        titles=[("s1", title, "TinLantern702")],
    )
    found = dict(rows.select("item_id", "context_title").iter_rows())
    assert found == {"s1": masked, "c1": masked, "c2": masked, "s3": "Maple on the Pixel 8"}
    texts = dict(rows.select("item_id", "text").iter_rows())
    assert texts["s1"] == f"{masked}\nby [user]"
    assert texts["s3"] == "Maple on the Pixel 8\nMaple"


def test_what_was_masked_is_counted_by_kind(make_comment):
    """In texts as they are cleaned, with names of the thread's accounts."""
    rows, _, _ = bronze.parse(
        [
            content(
                [
                    make_comment(
                        "a", body="mail a@example.org or b@example.org", author="tin_lamp"
                    ),
                    make_comment("b", body="as tin_lamp said, ring 202-555-0123"),
                ],
                kind="comment",
                uri="comment",
            )
        ]
    )
    none = SILVER_THREADS.empty(), pl.DataFrame(schema=silver.BEGINNER_SCHEMA)
    options = {"markup": ("markdown",), "pepper": PEPPER}
    cleaned_items = silver.clean_items(bronze.newest(rows), *none, **options)
    assert cleaned_items.masked == {"email": 2, "phone": 1, "author": 1}
