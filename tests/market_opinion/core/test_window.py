"""Windows: half-open spans of whole UTC hours."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import (
    HOUR,
    Window,
    catch_up,
    clip,
    contiguous,
    floor_hour,
    merged,
    spans,
)

T0 = datetime(2026, 3, 1, tzinfo=UTC)
hours = st.integers(0, 500).map(lambda n: T0 + HOUR * n)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))


def test_an_hour_holds_its_start_and_not_its_end():
    """[start, end)."""
    assert T0 in Window.hour(T0)
    assert T0 + HOUR not in Window.hour(T0)


@pytest.mark.parametrize("start", [datetime(2026, 3, 1), datetime(2026, 3, 1, 0, 30, tzinfo=UTC)])
def test_only_whole_hours_in_utc_are_windows(start):
    """A naive or crooked time is refused by name."""
    with pytest.raises(InvalidRequest, match="is not a whole hour in UTC"):
        Window(start, T0 + HOUR * 5)


def test_the_first_run_takes_the_previous_full_hour():
    """B23."""
    assert catch_up(None, now=T0 + HOUR * 10 + timedelta(minutes=5), limit=1) == Window.hour(
        T0 + HOUR * 9
    )


@given(behind=st.integers(0, 50), limit=st.integers(1, 20), minute=st.integers(0, 59))
def test_catching_up_is_contiguous_bounded_and_never_the_running_hour(behind, limit, minute):
    """B24, B26."""
    now = T0 + HOUR * 100 + timedelta(minutes=minute)
    watermark = T0 + HOUR * (100 - behind)
    due = catch_up(watermark, now=now, limit=limit)
    if behind == 0:
        assert due is None
    else:
        assert (due.start, due.hour_count) == (watermark, min(limit, behind))
        assert due.end <= floor_hour(now)


@given(start=moments, end=moments)
def test_a_clipped_range_holds_exactly_the_whole_closed_hours_inside(start, end):
    """B29."""
    now = datetime(2026, 6, 1, 12, 40, tzinfo=UTC)
    inside = [
        h
        for h in (datetime(2026, 1, 1, tzinfo=UTC) + HOUR * n for n in range(8760))
        if start <= h and h + HOUR <= min(end, now)
    ]
    if not inside:
        with pytest.raises(InvalidRequest):
            clip(start, end, now=now)
    else:
        assert clip(start, end, now=now) == Window(inside[0], inside[-1] + HOUR)


@given(counts=st.lists(st.integers(0, 40), min_size=1, max_size=120), limit=st.integers(1, 200))
def test_spans_hold_every_hour_once_and_as_much_as_fits(counts, limit):
    """A span is over the limit only when it is a single hour, and shares no date with another but within that date."""
    pairs = [(Window.hour(T0 + HOUR * n), count) for n, count in enumerate(counts)]
    found = spans(pairs, max_items=limit)
    assert [hour for span in found for hour in span.hours()] == [window for window, _ in pairs]
    for span in found:
        assert (
            sum(count for window, count in pairs if window.start in span) <= limit
            or span.hour_count == 1
        )
    for left, right in itertools.pairwise(found):
        assert (
            left.dates()[-1] != right.start.date() or len(left.dates()) == len(right.dates()) == 1
        )


@given(st.lists(hours))
def test_contiguous_windows_cover_just_the_hours_given(starts):
    """No hour more, none less, none twice, and no two windows that touch."""
    found = contiguous(starts)
    assert [hour.start for window in found for hour in window.hours()] == sorted(set(starts))
    assert all(left.end < right.start for left, right in itertools.pairwise(found))


@given(
    st.lists(
        st.tuples(hours, st.integers(1, 30)).map(
            lambda pair: Window(pair[0], pair[0] + HOUR * pair[1])
        )
    )
)
def test_merged_windows_cover_the_same_hours(windows):
    """Those that overlap or touch are one."""
    found = merged(windows)
    assert found == contiguous(hour.start for window in windows for hour in window.hours())
    assert [hour.start for window in found for hour in window.hours()] == sorted(
        {h.start for window in windows for h in window.hours()}
    )


def test_dates_of_a_window_are_those_it_touches():
    """Midnight at the end is not touched."""
    assert [d.day for d in Window(T0 + HOUR * 23, T0 + HOUR * 48).dates()] == [1, 2]
