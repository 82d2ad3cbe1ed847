"""Quality: how much of what was received can be used."""

import polars as pl

from market_opinion.stages.quality import count_windows
from market_opinion.storage.state.ratios import ratios
from tests.market_opinion.stages.test_bronze import T10


def test_counts_are_per_community_and_hour():
    """A36: usable comments among comments; a refused line in an hour of no item is counted too."""
    items = pl.DataFrame(
        {
            "community": ["a", "a", "a"],
            "window_start": [T10] * 3,
            "kind": ["comment", "comment", "submission"],
            "is_usable": [True, False, True],
        }
    )
    refused = pl.DataFrame({"community": ["a", "b"], "window_start": [T10] * 2})
    found = {row["community"]: row for row in count_windows(items, refused).to_dicts()}
    assert (
        found["a"].items()
        >= {
            "comment_count": 2,
            "usable_comment_count": 1,
            "submission_count": 1,
            "rejection_count": 1,
        }.items()
    )
    assert found["b"].items() >= {"bronze_row_count": 0, "rejection_count": 1}.items()


def test_a_ratio_of_nothing_is_unknown():
    """Not zero, and not one."""
    assert ratios({"usable_comment_count": 0, "comment_count": 0})["usable_comment_ratio"] is None
    assert ratios({"usable_comment_count": 3, "comment_count": 4})["usable_comment_ratio"] == 0.75
