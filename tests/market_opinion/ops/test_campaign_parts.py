"""Parts of a campaign: how it is cut, and what makes a part be judged again."""

from market_opinion.core.window import HOUR, Slice, Window
from market_opinion.ops.campaign_parts import Campaign, unjudged
from tests.market_opinion.stages.test_hours import H0, capture

CAMPAIGN = Campaign("smartphones", "v1 lexicon")
WHOLE = Slice("reddit", ("phones",), Window(H0, H0 + 3 * HOUR))
CAPTURES = [capture(0, 5), capture(1, 5), capture(2, 5)]


def test_a_campaign_is_cut_into_parts_of_about_so_many_items():
    parts = CAMPAIGN.parts(WHOLE, CAPTURES, items=10)
    assert [part.span.window.hour_count for part in parts] == [2, 1]


def test_only_parts_that_changed_since_are_judged_again():
    """Another file, another domain or another scorer is a change; a capture of another part is none."""
    first, second = CAMPAIGN.parts(WHOLE, CAPTURES, items=10)
    judged = {part.name: {"fingerprint": part.fingerprint} for part in (first, second)}
    assert unjudged(CAMPAIGN.parts(WHOLE, CAPTURES, items=10), judged) == []
    changed = CAMPAIGN.parts(WHOLE, [*CAPTURES[:2], capture(2, 6)], items=10)
    assert [part.span.window.hour_count for part in unjudged(changed, judged)] == [1]
    other = Campaign("smartphones", "v2 lexicon").parts(WHOLE, CAPTURES, items=10)
    assert unjudged(other, judged) == other


def test_a_name_is_short_however_many_communities_there_are():
    span = Slice("reddit", tuple(f"community{n}" for n in range(500)), WHOLE.window)
    assert len(CAMPAIGN.part(span, []).name) < 80
