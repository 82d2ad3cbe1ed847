"""Targets: the named product that a clause speaks of, and the one it is compared with."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from market_opinion.scorers.clauses import Clause, Span
from market_opinion.stages.naming import Naming

# "better than the iPhone 14", "an upgrade over my S21", "compared to a Pixel 8".
_COMPARED = re.compile(
    r"(?:\bthan|\bover|\bcompared (?:to|with)|\bunlike|\bvs\.?|\bversus|\bfrom)"
    r" (?:the |my |an? |any |his |her |our |your |on |with |in |old |new |previous |base |last"
    r" |original |standard )*$",
    re.IGNORECASE,
)
# How far back a product that was named is still what a text speaks of, in characters.
_REACH = 400


class Target(NamedTuple):
    """A product that a clause may judge; `is_loser` where another one is compared with it."""

    product_id: str
    is_loser: bool
    is_near: bool


def targets_of(
    text: str, clause: Clause, near: int, names: Sequence[Naming], referred: str | None
) -> list[Target]:
    """Return the product a clause speaks of, nearest to a character, and those compared with it.

    `names` are those whose product is believed, in the order of the text; `referred` is the product
    of the thread. The product is looked for in the clause, its sentence, the text before, the
    thread, and the text after, in this order.
    """
    within = _inside(names, clause.span)
    losers = [name for name in within if _is_compared(text, name, clause)]
    others = [name for name in within if name not in losers]
    found = [Target(name.product_id, is_loser=True, is_near=True) for name in losers]
    chosen = _chosen(text, clause, near, names, referred, others)
    if chosen is None or any(target.product_id == chosen.product_id for target in found):
        return found
    return [chosen, *found]


def _chosen(
    text: str,
    clause: Clause,
    near: int,
    names: Sequence[Naming],
    referred: str | None,
    others: Sequence[Naming],
) -> Target | None:
    if others:
        nearest = min(others, key=lambda name: (_distance(name, near), name.start))
        return Target(nearest.product_id, is_loser=False, is_near=True)
    beside = [
        name for name in _inside(names, clause.sentence) if not _is_compared(text, name, clause)
    ]
    beside = [name for name in beside if not clause.span.start <= name.start < clause.span.end]
    if beside:
        nearest = min(beside, key=lambda name: (_distance(name, near), name.start))
        return Target(nearest.product_id, is_loser=False, is_near=True)
    before = [name for name in names if name.start < clause.span.start]
    if before and clause.span.start - before[-1].end <= _REACH:
        return Target(before[-1].product_id, is_loser=False, is_near=False)
    if referred is not None:
        return Target(referred, is_loser=False, is_near=False)
    after = [name for name in names if name.start >= clause.span.end]
    chosen = before[-1] if before else after[0] if after else None
    return Target(chosen.product_id, is_loser=False, is_near=False) if chosen else None


def _inside(names: Sequence[Naming], span: Span) -> list[Naming]:
    return [name for name in names if span.start <= name.start < span.end]


def _distance(name: Naming, near: int) -> int:
    return max(name.start - near, near - name.end, 0)


def _is_compared(text: str, name: Naming, clause: Clause) -> bool:
    return bool(_COMPARED.search(text, clause.sentence.start, name.start))
