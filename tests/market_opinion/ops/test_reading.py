"""Readings: which names of communities and platforms are taken from a request."""

from datetime import UTC, datetime

import pytest

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.ops import reading
from market_opinion.ops.run import Run
from tests.conftest import NOW

PATHS = [
    "../../../keys", "/etc/keys", "a/b", "a\\b", "a\0b", "a\nb", "x" * 300, "a%2e%2eb", "a#b", "a'b",
    ".hidden", "_inbox", "..", "", " ", "*", "\x1b[31m", "\u202ex",
]  # fmt: skip


def run_of(domain="smartphones"):
    return Run(domain, NOW, "run", "backfill", load_settings())


def test_a_name_of_a_community_is_no_path_and_no_key(tmp_path):
    """It becomes a folder, a key of a table and a parameter's name: letters, digits, . _ and -."""
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 3, tzinfo=UTC)
    for name in PATHS:
        with pytest.raises(InvalidRequest, match=r"is no name of a community") as refused:
            reading.plan_backfill(run_of(), "sample", None, [name], start, end, None)
        assert str(refused.value).isprintable()
    named, _ = reading.plan_backfill(run_of(), "sample", None, ["Some_Sub_"], start, end, None)
    assert named.communities == ("some_sub_",)


def test_a_platform_is_no_path_either(home):
    """Otherwise an erasure would take the folders beside the landing zone for communities."""
    (home / "landing" / "reddit" / "phones").mkdir(parents=True)
    assert reading.whole_platform(run_of(), "reddit").communities == ("phones",)
    for name in PATHS:
        with pytest.raises(InvalidRequest, match="was ever landed: check --platform"):
            reading.whole_platform(run_of(), name)
