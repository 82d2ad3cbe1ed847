"""Cleaning: what is left is what the writer said, without markup and without names."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_opinion.stages.cleaning import clean, normalise


def cleaned(text, markup=("markdown",)):
    return (
        pl.LazyFrame({"text": [text]}, schema={"text": pl.String})
        .pipe(clean, "text", markup=markup)
        .collect()
        .item()
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain words", "plain words"),
        ("**bold** and *it* and ~~gone~~ and ^up", "bold and it and gone and up"),
        ("an _emphasis_ but snake_case_name stays", "an emphasis but snake_case_name stays"),
        ("> what they said\n\nwhat I say", "what I say"),
        ("&gt; quoted &amp; gone\nmine &lt;3", "mine <3"),
        (">!a spoiler!< told", "a spoiler told"),
        ("# Title\n* one\n- two\n1. three", "Title\none\ntwo\nthree"),
        ("see [the review](https://example.com/a_(b)) here", "see the review here"),
        ("see https://example.com/x?y=1 and www.example.com/z", "see [link] and [link]"),
        ("![gif](giphy|abc)lol", "lol"),
        ("```\ncode\n```after", "after"),
        ("use `adb shell` now", "use adb shell now"),
        ("text\n\n    indented code\n\nmore", "text\nmore"),
        ("a\u200bb\u202ec\x07d", "abcd"),
        ("e\u0301tat", "état"),
        ("it’s “fine”…", 'it\'s "fine"...'),
        ("itʻs it՚s it&#39s", "it's it's it's"),
        ("a 𝗯𝗼𝗹𝗱 𝟴, ⓡⓞⓤⓝⓓ, ﬁne Ⅵ and 1️⃣5️⃣", "a bold 8, round, fine VI and 15"),
        ("too   many\t spaces  \n\n\n and lines ", "too many spaces\nand lines"),
        ("&#x200B;hidden&nbsp;entity", "hidden entity"),
        (r"escaped \*star\* and u/some\_name", "escaped star and [user]"),
        ("|a|b|\n|:-|-:|\n|1|2|", "ab\n12"),
        ("", ""),
        (None, None),
    ],
)
def test_markup_goes_and_words_stay(raw, expected):
    """Cases as Reddit's Markdown and its API's entities make them."""
    assert cleaned(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("thanks u/quiet_otter!", "thanks [user]!"),
        ("thanks /u/Quiet-Otter9 and r/u_QuietOtter", "thanks [user] and [user]"),
        ("ask u/na\u200bme", "ask [user]"),
        ("hi @galaxy.fan_88, hello", "hi [user], hello"),
        ("https://www.reddit.com/user/quiet_otter/comments", "[link]"),
        ("reddit.com/u/quiet_otter is me", "[link] is me"),
        ("mail me.you+x@mail.example.co.uk now", "mail [email] now"),
        ("mail josé@example.org", "mail [email]"),
        ("mail graphene.friend [at] example [dot] org", "mail [email]"),
        ("mail graphene.friend at example dot org", "mail [email]"),
        ("call +1 (555) 010-4477", "call [phone]"),
        ("call +49 170 1234567 now", "call [phone] now"),
        ("+442079460123", "[phone]"),
        ("(555) 010-4477 or 555.010.4477", "[phone] or [phone]"),
        ("020 7946 0123, 07700 900123", "[phone], [phone]"),
        ("1-800-555-0199", "[phone]"),
        ("text 555-0142 please", "text [phone] please"),
        ("my number is 5550142", "my number is [phone]"),
        ("98765 43210", "[phone]"),
        ("5550104477", "[phone]"),
    ],
)
def test_names_addresses_and_numbers_are_masked(raw, expected):
    """E16: invented names, reserved domains and numbers set aside for fiction."""
    assert cleaned(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        "500-1000 nits, 5000 mAh, 120 Hz", "2560x1440 at 1200", "on 2024-11-01 or 01.11.2024", "between 10:30 and 12:45",
        "it costs $1,299.99 or 1299 euros", "SM-G998B and 8/256", "Android 16 on my S24+ (Exynos 2400)", "100% / 3.5 mm",
        "10 out of 10, 24/7", "I am at home", "version 16.1.2 build 250301",
    ],
)  # fmt: skip
def test_figures_of_phones_are_no_phone_numbers(text):
    """Ordinary talk comes through as it was."""
    assert cleaned(text) == text


@given(st.text(max_size=200))
def test_cleaning_never_fails_and_is_done_once(text):
    """Nothing invisible is left, and the masks are stable."""
    result = cleaned(text)
    assert not any(ord(c) < 32 and c not in "\n\t" for c in result)
    assert "\u200b" not in result
    assert result == result.strip()


@given(st.text(max_size=100))
def test_normalised_text_keeps_every_character_in_its_place(text):
    """Evidence is found by its offsets."""
    flat = pl.select(normalise(pl.lit(text, pl.String))).item()
    assert len(flat) == len(text) or "ẞ" in text or "\u0345" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to mila＠example.org now", "write to [email] now"),
        ("ask ｕ／quiet_heron_700 now", "ask [user] now"),
        ("ring ٢٠٢-٥٥٥-٠١٢٣ now", "ring [phone] now"),
        ("my ig: mila.example_7 and t.me/mila_example", "my ig: [user] and [link]"),
        ("see ftp://mila:secret7@files.example.org/cv now", "see [link] now"),
        ("a photo by [Mila Example](https://example.org/mila)", "a photo by [user]"),
        ("IMEI 001017001234564 of mine", "IMEI [number] of mine"),
        ("device 00:00:5E:00:53:44 there", "device [place] there"),
        ("card 4111111111111111 is mine", "card [number] is mine"),
        ("ring (11) 55501-0123 now", "ring [phone] now"),
    ],
)
def test_personal_data_in_other_forms(text, expected):
    """E16: a number is taken as a whole, whatever digits and signs it is written in."""
    assert cleaned(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "One UI 6.1.1 and build UP1A.231005.007 run well",
        "it scored 1,234,567 and 6,789,012 in a benchmark",
        "shot at 10:30, at night, at home, on a Galaxy S24 Ultra with 12/512 GB",
        "discord calls stutter, snapchat looks bad and telegram drains it",
        "my name is nothing special and signed books are cheap",
        "the 5090 is 2x faster than the 4090, at 1440p and 4k",
        "upgraded from iOS 17.5.1 to 18.0.1, then 18.1",
    ],
)
def test_what_people_say_of_products_is_not_personal(text):
    """E16."""
    assert cleaned(text) == text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("[quote=ann]The battery is [b]awful[/b] [url=a.example]x[/url][/quote]mine", "mine"),
        ("[quote=a]x [quote=b][i]y[/i][/quote] z[/quote]mine", "mine"),
        ("[code]no [/b] words[/code] mine", "mine"),
        ("[code] never closed, [b]great[/b] camera", "never closed, great camera"),
        ("[img] never closed, [i]good[/i]", "never closed, good"),
    ],
)
def test_a_tag_of_steam_ends_at_its_own_end(raw, expected):
    """What is between is another's; one that is not closed takes no word with it."""
    assert cleaned(raw, ["bbcode"]) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("I like<pre><code>battery = bad\n</code></pre>the camera", "I like the camera"),
        ("<code>never closed, good camera", "never closed, good camera"),
        ("<table><tr><td>good</td><td>camera</td></tr></table>", "good camera"),
        ("<img src='a.png'>fine <font color=red>screen</font>", "fine screen"),
        ("5 < 6 <3 &lt;b&gt;typed&lt;/b&gt;", "5 < 6 <3 <b>typed</b>"),
    ],
)
def test_no_tag_of_html_stays_in_a_text(raw, expected):
    """Neither within another one nor without its end."""
    assert cleaned(raw, ["html"]) == expected
