"""Causes of a difference: opinion itself, who spoke, or the scorer; the three add up to it.

Who spoke is the part of the difference that other shares of the same groups explain, each group at
the mean of its two ratios (Kitagawa, 1955). Groups are communities, within them threads by size,
within these authors by how much they write. The scorer's part is how it and its predecessor differ
on items that both judged. What neither explains is opinion itself, or chance: chance has helped
most changes that are told, so opinion is called the cause where it is more than that.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from market_opinion.truth.differences import Bools
from market_opinion.truth.estimates import Counts
from market_opinion.truth.population import Floats, Ints

OPINION, MIX, SCORER, UNCLEAR = "opinion", "mix", "scorer", "unclear"
GROUPS = ("community", "thread", "author")
# A group of fewer voices in a period is taken together with the other small ones.
_GROUP_MIN = 20
# Voices that what is known of all brands counts for beside what is known of one figure.
PRIOR_VOICES = 50
# From this share of a period on, another version of the scorer may have made a difference.
_VERSION_SHARE_MIN = 0.05
# Mix and scorer explain a change from this share of it on, where what they leave may be chance.
_EXPLAINED_MIN = 1 / 4


class Groups(NamedTuple):
    """Codes of each row in the order of GROUPS, and how rows of such a group lean.

    A lean is the ratio over all brands, of the group within those before it.
    """

    codes: Sequence[Ints]
    leans: Sequence[Floats]


class Parts(NamedTuple):
    """The parts of a difference; that of the scorer is None where nothing tells it.

    `mix_of` is the group whose shares explain most of the mix; None where its part is zero.
    """

    opinion: float
    mix: float
    scorer: float | None
    mix_of: str | None

    def cause(self, chance: float) -> str:
        """Return the part that goes furthest the way of the whole.

        Opinion of less than `chance` is no cause where the other parts explain enough.
        """
        if self.scorer is None:
            return UNCLEAR
        whole = self.opinion + self.mix + self.scorer
        way = 1 if whole >= 0 else -1
        others = {MIX: way * self.mix, SCORER: way * self.scorer}
        likeliest = max(others, key=lambda side: others[side])
        explained = sum(others.values())
        is_chance = way * self.opinion < chance and explained >= _EXPLAINED_MIN * abs(whole)
        return likeliest if is_chance or others[likeliest] > way * self.opinion else OPINION


def explain(
    change: float, counts: Counts, is_now: Bools, groups: Groups, scorer: float | None
) -> Parts:
    """Return the parts of a change of the ratio of `counts`, which are weighted.

    `scorer` is the scorer's part.
    """
    cells = _nested(groups.codes, counts, is_now)
    sums = [
        _mix(counts, is_now, each, lean) for each, lean in zip(cells, groups.leans, strict=True)
    ]
    mixes = np.diff([0.0, *sums])
    mix = float(mixes.sum())
    furthest = int((mixes * (1 if mix >= 0 else -1)).argmax())
    return Parts(change - mix - (scorer or 0.0), mix, scorer, GROUPS[furthest] if mix else None)


def scorer_part(
    now: Mapping[str, float], before: Mapping[str, float], effects: Mapping[str, float]
) -> float | None:
    """Return what the scorer's versions add to a difference.

    `now` and `before` are the shares of each version, `effects` by how much the version of now
    judges otherwise, on items that both judged. None where such items are missing.
    """
    gaps = {name: before.get(name, 0.0) - now.get(name, 0.0) for name in {*now, *before}}
    target = max(now, key=lambda name: now[name], default=None)
    others = {name: gap for name, gap in gaps.items() if name != target}
    if any(abs(gap) >= _VERSION_SHARE_MIN and name not in effects for name, gap in others.items()):
        return None
    return sum(gap * effects.get(name, 0.0) for name, gap in others.items())


def _mix(counts: Counts, is_now: Bools, cells: Ints, lean: Floats) -> float:
    """Return the part of the difference that other shares of the cells explain.

    A cell's ratio is drawn to that of its period, moved by how the cell leans, so that a few voices
    of a cell do not pass for what it thinks.
    """
    shares, ratios = [], []
    leans = np.bincount(cells, counts.below * lean) / np.bincount(cells, counts.below)
    leans -= np.average(lean, weights=counts.below)
    for mask in (is_now, ~is_now):
        above, below = (np.bincount(cells, values * mask, leans.size) for values in counts)
        usual = above.sum() / below.sum() + leans
        ratios.append((above + PRIOR_VOICES * usual) / (below + PRIOR_VOICES))
        shares.append(below / below.sum())
    # The opinion of a group that one period lacks cannot have changed.
    ratios = [
        np.where(share > 0, own, other)
        for share, own, other in zip(shares, ratios, reversed(ratios), strict=True)
    ]
    return float(((shares[0] - shares[1]) * (ratios[0] + ratios[1]) / 2).sum())


def _nested(groups: Sequence[Ints], counts: Counts, is_now: Bools) -> list[Ints]:
    """Return the cells of each level: groups within the cells of the level before.

    A community may be new or gone, so it is large enough in one period; others are in both.
    """
    cells, levels = np.zeros(is_now.size, np.int64), []
    for depth, codes in enumerate(groups):
        pairs = cells * (int(codes.max(initial=0)) + 1) + codes
        _, inner = np.unique(pairs, return_inverse=True)
        sizes = np.stack([np.bincount(inner, counts.below * mask) for mask in (is_now, ~is_now)])
        is_large = (sizes.max(axis=0) if depth == 0 else sizes.min(axis=0)) >= _GROUP_MIN
        rest = cells + inner.max(initial=0) + 1
        _, cells = np.unique(np.where(is_large[inner], inner, rest), return_inverse=True)
        levels.append(cells)
    return levels
