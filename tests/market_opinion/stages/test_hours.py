"""Hours of a reading: due, open, stale, and the watermark they move."""

from datetime import UTC, datetime, timedelta

import pytest

from market_opinion.core.window import HOUR, Slice, Window
from market_opinion.stages.hours import (
    cut,
    due_slices,
    gap_entries,
    open_hours,
    slices_of,
    stale_slices,
    watermark_after,
)
from market_opinion.storage.landing.manifest import Capture, LandedFile, Manifest
from market_opinion.storage.landing.origin import CoveredSpan, StopReason
from market_opinion.storage.state import WindowEntry, WindowState

H0 = datetime(2026, 3, 1, tzinfo=UTC)
LAG = timedelta(minutes=15)
KINDS = ("submission", "comment")


def hour(n):
    return Window.hour(H0 + n * HOUR)


def capture(n, lines=1, community="phones", stop=StopReason.EXHAUSTED, covered=None, capped=()):
    window = hour(n)
    files = [LandedFile("comment.jsonl", "comment", lines, 1, f"sha-of-{lines}")]
    return Capture(
        f"reddit/{community}/{n}",
        Manifest(
            "reddit",
            community,
            window.start,
            window.end,
            f"origin-{n}",
            "archive",
            stop,
            "",
            window.end + HOUR,
            window.end + HOUR,
            files,
            covered,
            capped,
        ),
    )


def entry(n, state=WindowState.CERTIFIED, community="phones", **counts):
    return WindowEntry("reddit", community, H0 + n * HOUR, state, "exhausted", counts)


def test_a_slice_is_cut_by_the_lines_of_its_hours():
    """Hours are joined until a part would hold too many lines; an hour without any is part of it."""
    whole = Slice("reddit", ("phones",), Window(H0, H0 + 4 * HOUR))
    parts = cut(whole, [capture(0, 5), capture(1, 5), capture(3, 5)], max_items=10)
    assert [str(part.window) for part in parts] == [
        "2026-03-01T00:00/2026-03-01T03:00",
        "2026-03-01T03:00/2026-03-01T04:00",
    ]


def test_equal_hours_are_due_together_oldest_first():
    """Without a watermark the previous hour is due."""
    watermarks = {"a": None, "b": H0 + HOUR, "c": H0 + 3 * HOUR}
    due = due_slices("reddit", watermarks, now=H0 + 4.5 * HOUR, limit=2)
    assert due == [
        Slice("reddit", ("b",), Window(H0 + HOUR, H0 + 3 * HOUR)),
        Slice("reddit", ("a", "c"), hour(3)),
    ]


def test_an_hour_is_stale_when_the_ledger_counts_other_captures():
    """Entries of other communities, and entries that never counted any, are left alone."""
    whole = Slice("reddit", ("phones",), Window(H0, H0 + 5 * HOUR))
    entries = [
        entry(0, capture_count=1),
        entry(1, capture_count=1),
        entry(2, capture_count=0),
        entry(3),
        entry(1, community="android", capture_count=9),
    ]
    captures = [capture(0), capture(1), capture(1), capture(2)]
    assert stale_slices(whole, captures, entries) == [
        Slice("reddit", ("phones",), hour(1)),
        Slice("reddit", ("phones",), hour(2)),
    ]


def test_an_hour_is_open_until_its_captures_certify_it():
    """Also one that was never read."""
    window = Window(H0, H0 + 3 * HOUR)
    captures = [capture(0), capture(1, stop=StopReason.ERROR)]
    assert open_hours(window, captures, lag=LAG, kinds=KINDS) == [hour(1).start, hour(2).start]


def test_a_poll_reports_only_hours_with_a_hole():
    """An hour whose readings leave a second out is a gap, one that is just not over is not."""
    seen = CoveredSpan(H0 + timedelta(minutes=30), H0 + 2 * HOUR)
    holed = capture(0, covered=dict.fromkeys(KINDS, seen), capped=KINDS)
    entries = gap_entries("reddit", "phones", {hour(0): [holed], hour(5): []}, lag=LAG, kinds=KINDS)
    assert [(each.window_start, each.state) for each in entries] == [
        (H0, WindowState.UNRECOVERABLE)
    ]


@pytest.mark.parametrize(
    ("reached", "states", "expected"),
    [
        (None, "CC", (2, None)),
        (0, "CC", (2, None)),
        (1, "CC", (2, None)),
        (0, "CGC", (1, 1)),
        (None, "G", (None, 0)),
        (0, "CUC", (3, None)),
    ],
)
def test_a_watermark_stops_before_the_first_hour_that_is_not_settled(reached, states, expected):
    """An unrecoverable hour is settled, since no run can mend it."""
    names = {
        "C": WindowState.CERTIFIED,
        "G": WindowState.GAP,
        "U": WindowState.UNRECOVERABLE,
    }
    entries = [entry(n, names[letter]) for n, letter in enumerate(states)]
    moment, held_by = watermark_after(
        None if reached is None else H0 + reached * HOUR, reversed(entries)
    )
    index, holder = expected
    assert moment == (None if index is None else H0 + index * HOUR)
    assert held_by == (None if holder is None else entries[holder])


def test_a_watermark_waits_for_hours_of_an_earlier_part():
    """Hours behind an open one never move it."""
    assert watermark_after(H0, [entry(2), entry(3)]) == (H0, None)


def test_slices_name_their_communities_in_order():
    assert slices_of("reddit", {hour(1): {"b", "a"}, hour(0): ["c"]}) == [
        Slice("reddit", ("c",), hour(0)),
        Slice("reddit", ("a", "b"), hour(1)),
    ]
