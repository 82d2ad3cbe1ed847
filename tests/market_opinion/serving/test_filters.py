"""Filters of the dashboard on the views of the mart."""

from datetime import date

import pytest

from market_opinion.core.errors import InvalidRequest
from market_opinion.serving.filters import Filters, condition, read_view, views
from market_opinion.serving.mart.duckdb import DuckDBMart


@pytest.fixture
def query(tmp_path, load, silver):
    """Questions to a mart of one comment on two phones."""
    store = DuckDBMart(tmp_path / "mart.duckdb")
    store.load(load, lambda: silver)
    return store.query


def test_every_view_can_be_read_whole(query):
    """By its name alone."""
    assert [view for view in views() if read_view(query, view, Filters()).width == 0] == []
    assert "daily_brand" in views()


@pytest.mark.parametrize(
    ("filters", "brands"),
    [
        (Filters(brand=("GOOGLE",)), ["Google", "Google"]),
        (Filters(product=("iphone 15",)), ["Apple"]),
        (Filters(product=("apple-iphone-15",)), ["Apple"]),
        (Filters(brand=("Google",), aspect=("camera", "price")), ["Google"]),
        (Filters(aspect=("price",), platform=("reddit",), community=("phones",)), ["Apple"]),
        (Filters(since=date(2026, 3, 1), until=date(2026, 3, 1), aspect=("price",)), ["Apple"]),
        (Filters(since=date(2026, 3, 2)), []),
        (Filters(until=date(2026, 2, 28)), []),
        (Filters(domain="cars"), []),
    ],
)
def test_filters_keep_what_they_name(query, filters, brands):
    """Without regard to case, all of them at once."""
    assert brands == read_view(query, "top_evidence", filters)["brand"].to_list()


def test_a_value_is_never_sql(query):
    """Quotes and statements in it are looked for as they are."""
    hostile = Filters(brand=("x' OR 1=1 --", "'); DROP TABLE mart.dim_date; --"))
    assert read_view(query, "daily_brand", hostile).is_empty()


def test_a_filter_that_a_view_lacks_is_refused_with_those_it_has(query):
    """Rather than left out in silence."""
    with pytest.raises(InvalidRequest, match="by community, only by brand, domain, since, until"):
        read_view(query, "share_of_voice", Filters(community=("phones",)))


def test_an_unknown_view_is_refused_with_those_there_are(query):
    """A name is never put into SQL unknown."""
    with pytest.raises(InvalidRequest, match=r"no view daily; there are: .*daily_brand"):
        read_view(query, "daily", Filters())


def test_a_range_that_ends_before_it_starts_is_refused():
    """Both days are named."""
    with pytest.raises(InvalidRequest, match="until 2026-02-01 is before since 2026-03-01"):
        Filters(since=date(2026, 3, 1), until=date(2026, 2, 1))


def test_no_filter_is_no_condition():
    """The whole view is read."""
    assert condition(Filters(), {"brand": "p.brand"}, of="x") == ("", {})
