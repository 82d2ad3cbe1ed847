"""Counts of a stage, as the run adds them up."""

from market_opinion.ops.counts import OpinionCounts, SilverCounts, as_dict


def test_counts_by_kind_have_a_name_a_kind():
    """And kinds that did not occur have none."""
    counts = SilverCounts(3, 2, 1, masked={"email": 2, "phone": 1})
    assert as_dict(counts) == {
        "usable_item_count": 3,
        "comment_count": 2,
        "usable_comment_count": 1,
        "masked_email_count": 2,
        "masked_phone_count": 1,
    }


def test_counts_read_as_words_in_a_log():
    """One of a kind has no plural, and money is money."""
    counts = SilverCounts(1200, 1, 0, masked={"spoken_email": 2})
    said = "1,200 usable items, 1 comment, 0 usable comments, 2 masked spoken emails"
    assert str(counts) == said
    costs = OpinionCounts(1, 2, 0, cost_micro_usd=1234)
    assert str(costs) == "1 opinion, 2 scored mentions, 0 rejected opinions, 0.001234 USD"


def test_a_count_that_is_none_is_left_out():
    """A run without a model says nothing of one."""
    assert as_dict(OpinionCounts(1, 2, 3)) == {
        "opinion_count": 1,
        "scored_mention_count": 2,
        "rejected_opinion_count": 3,
    }
