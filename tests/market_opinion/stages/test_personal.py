"""Personal data: each kind's row of the table, numbers by their check digits, and counts."""

import re
import time

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.privacy.corpus import PARTS, mutated, read_half
from market_opinion.stages import cleaning, personal
from market_opinion.stages.cleaning import clean


def cleaned(text):
    return pl.LazyFrame({"text": [text]}).pipe(clean, "text").collect().item()


@pytest.mark.parametrize("kind", personal.KINDS, ids=lambda kind: kind.name)
def test_personal_data_of_each_kind_goes_and_what_looks_like_it_stays(kind):
    """E16: the table's own examples, which document it."""
    assert kind.hidden in kind.example
    assert kind.hidden not in cleaned(kind.example)
    assert kind.mask in cleaned(kind.example)
    assert cleaned(kind.counterexample) == kind.counterexample


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pay DE89370400440532013000 now", "pay [number] now"),
        ("send to nl91 abna 0417 1643 00 today", "send to [number] today"),
        ("part DE89370400440532013001 here", "part DE89370400440532013001 here"),
        ("it says 5555-5555-5555-4444", "it says [number]"),
        ("it says 5555-5555-5555-4443", "it says 5555-5555-5555-4443"),
        ("my visa 5555-5555-5555-4443", "my visa [number]"),
        ("Amex 3782 822463 10005 failed", "Amex [number] failed"),
        ("it is 35-693803-564380-9", "it is [number]"),
        ("IMEI 356938035643800 is blocked", "IMEI [number] is blocked"),
        ("paper 8001015009087 of mine", "paper [number] of mine"),
        ("EAN 4006381333931 of the box", "EAN 4006381333931 of the box"),
        ("CPF 111.444.777-35", "CPF [number]"),
    ],
)
def test_check_digits_and_words_tell_a_number(text, expected):
    """Test cards and test accounts; a wrong digit without a word beside it is any number."""
    assert cleaned(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ring 01 99 00 88 77", "ring [phone]"),
        ("(11) 95550-0199 por favor", "[phone] por favor"),
        ("98765 43210 for offers", "[phone] for offers"),
        ("case number 00012345 is open", "case number 00012345 is open"),
        ("over 100 000 000 downloads", "over 100 000 000 downloads"),
        ("stops at 2147483647", "stops at 2147483647"),
        ("models of 2021-2022-2023", "models of 2021-2022-2023"),
        ("ticket 20240117001 again", "ticket 20240117001 again"),
    ],
)
def test_a_countrys_plan_tells_a_phone_number(text, expected):
    """Where its form alone does not, and counts stay."""
    assert cleaned(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Great phone.\nKind regards, Mila Example", "Great phone.\nKind regards, [user]"),
        ("I'm Joon Sample, hello", "I'm [user], hello"),
        ("Henk de Groot here, an owner", "[user] here, an owner"),
        ("I am Team Pixel since the first", "I am Team Pixel since the first"),
        ("Thanks, Apple Support was great", "Thanks, Apple Support was great"),
        ("Samsung Galaxy here, no issues", "Samsung Galaxy here, no issues"),
        ("my gamertag: Rusty Gate 55", "my gamertag: [user]"),
        ("twitter handle is deehearts", "twitter handle is [user]"),
        ("at Beispielweg 4, first floor", "at [place], first floor"),
        ("the shop on Fleet Street is cheap", "the shop on Fleet Street is cheap"),
    ],
)
def test_words_around_tell_a_person_and_a_place(text, expected):
    """Invented people; firms and products are nobody."""
    assert cleaned(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+1\u2011202\u2011555\u20110147 is mine", "[phone] is mine"),
        ("0049 30 55501234 in Berlin", "[phone] in Berlin"),
        ("8 (912) 555-01-23", "[phone]"),
        ("mila arroba example punto com", "[email]"),
        ("mila_AT_example_DOT_org now", "[email] now"),
        ("my twitch is milaexample, I stream", "my twitch is [user], I stream"),
        ("my twitch is laggy, I stream", "my twitch is laggy, I stream"),
        ("Instagram: great, Snapchat: awful", "Instagram: great, Snapchat: awful"),
        ("me llamo Maria Lopez y ya", "me llamo [user] y ya"),
        ("my name is maria", "my name is [user]"),
        ("my name is misspelled", "my name is misspelled"),
        ("Am Markt 7, 12345 Musterstadt", "[place]"),
        ("EMUI 10.0.0.180 and 11.0.2.2", "EMUI 10.0.0.180 and 11.0.2.2"),
        ("std::string crash", "std::string crash"),
        ("postgresql://mila:hunter22@db.example:5432/phones", "[link]"),
        ("Bearer abcdefghij0123456789", "Bearer [number]"),
    ],
)
def test_forms_of_other_countries_and_keys_go(text, expected):
    """E16: written by somebody who had not seen the detectors; product talk beside each."""
    assert cleaned(text) == expected


def test_guards_spare_no_text_that_a_detector_would_change(monkeypatch):
    """E16: the corpus and 6,000 mutations of it are cleaned alike with guards and without any."""
    lines = [line.text for half in PARTS for line in read_half(half)]
    frame = pl.LazyFrame({"text": lines + mutated(6_000, seed=18)})
    guarded = frame.pipe(clean, "text", marks="marks").collect()

    monkeypatch.setattr(cleaning, "_NOT_PLAIN", "")
    monkeypatch.setattr(cleaning, "_SEEN", "")
    kinds = tuple(kind._replace(guard="") for kind in personal.KINDS)
    monkeypatch.setattr(personal, "KINDS", kinds)
    unguarded = frame.pipe(clean, "text", marks="marks").collect()
    assert guarded.filter(pl.col("marks") != "").height > 2_000
    assert_frame_equal(guarded, unguarded)


def test_a_hint_spares_no_text_that_its_guard_matches():
    """Hints take the place of guards where all are looked for at once."""
    texts = cleaning._typed(pl.Series(mutated(6_000, seed=19)))  # as detectors see them
    hinted = [kind for kind in personal.KINDS if kind.hint]
    assert {"name", "handle", "street"} <= {kind.name for kind in hinted}
    for kind in hinted:
        guarded = texts.filter(texts.str.contains(kind.guard))
        assert guarded.len() > 20
        has_word = guarded.str.contains_any(list(kind.words), ascii_case_insensitive=True)
        assert guarded.filter(~(guarded.str.contains(kind.hint) | has_word)).to_list() == []


def test_masks_are_counted_by_kind():
    """Two of one kind in a text count twice; a text without any has no marks."""
    frame = pl.LazyFrame({"text": ["a@example.org, b@example.org or 192.0.2.44", "plain words"]})
    marks = frame.pipe(clean, "text", marks="marks").collect()["marks"]
    assert personal.count_marks(marks) == {"email": 2, "network_address": 1}


def test_a_writer_cannot_type_a_marker():
    """Markers and what stands for an @ go before anything is looked for."""
    typed = "".join(personal.MARKERS.values()) + "\ue0a7\ue0a8"
    assert cleaned(f"a {typed}quiet_heron b") == "a quiet_heron b"


_RUNS = ["0", "a", "A ", "1 ", "a.", "@", "a@", "- ", "x_", "1.", "AB12 ", "Mila ", "\u00a0", "(1"]


@pytest.mark.parametrize("run", _RUNS)
def test_no_detector_is_worse_than_linear(run):
    """A text eight times as long takes about eight times as long, not sixty-four times."""

    def seconds(length):
        text = (run * length)[:length] + " \u00e9 mila@example.org"
        times = []
        for _ in range(3):
            began = time.process_time()
            cleaned(text)
            times.append(time.process_time() - began)
        return min(times)

    seconds(1_000)
    assert seconds(40_000) < 24 * max(seconds(5_000), 0.005)


def test_every_kind_is_in_the_page_of_figures():
    """docs/privacy.md has a row a kind."""
    from tests.conftest import REPOSITORY

    page = (REPOSITORY / "docs" / "privacy.md").read_text().partition("## What masking finds")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(personal.MARKERS)
