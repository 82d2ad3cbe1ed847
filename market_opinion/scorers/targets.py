"""Targets: the named product that a clause speaks of, and the one it is compared with."""

import re
from collections.abc import Callable, Sequence
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


# Whether the words of a sentence before a name, `[start, end)`, compare another product with it.
Comparing = Callable[[str, int, int], bool]


def is_compared(text: str, start: int, end: int) -> bool:
    """Return whether English words before a name compare another product with it."""
    return bool(_COMPARED.search(text, start, end))


def targets_of(
    text: str,
    clause: Clause,
    near: int,
    names: Sequence[Naming],
    referred: str | None,
    comparing: Comparing = is_compared,
    *,
    leaves_compared: bool = False,
) -> list[Target]:
    """Return the product a clause speaks of, nearest to a character, and those compared with it.

    `names` are those whose product is believed, in the order of the text; `referred` is the product
    of the thread. The product is looked for in the clause, its sentence, the text before, the
    thread, and the text after, in this order; `leaves_compared` passes over what another product
    was compared with before.
    """
    within = _inside(names, clause.span)
    losers = [n for n in within if comparing(text, clause.sentence.start, n.start)]
    others = [name for name in within if name not in losers]
    found = [Target(name.product_id, is_loser=True, is_near=True) for name in losers]
    in_sentence = _inside(names, clause.sentence) if not others else []
    beside = [n for n in in_sentence if not comparing(text, clause.sentence.start, n.start)]
    if leaves_compared:
        names = [n for n in names if not comparing(text, _sentence_start(text, n.start), n.start)]
    chosen = _chosen(clause, near, names, referred, others, beside)
    if chosen is None or any(target.product_id == chosen.product_id for target in found):
        return found
    return [chosen, *found]


def _chosen(
    clause: Clause,
    near: int,
    names: Sequence[Naming],
    referred: str | None,
    others: Sequence[Naming],
    beside: Sequence[Naming],
) -> Target | None:
    """Return what a clause speaks of, with the `others` named in it and those `beside` it."""
    beside = [name for name in beside if not clause.span.start <= name.start < clause.span.end]
    if others or beside:
        nearest = min(others or beside, key=lambda name: (_distance(name, near), name.start))
        return Target(nearest.product_id, is_loser=False, is_near=True)
    before = [name for name in names if name.start < clause.span.start]
    if before and clause.span.start - before[-1].end <= _REACH:
        return Target(before[-1].product_id, is_loser=False, is_near=False)
    if referred is not None:
        return Target(referred, is_loser=False, is_near=False)
    after = [name for name in names if name.start >= clause.span.end]
    chosen = before[-1] if before else after[0] if after else None
    return Target(chosen.product_id, is_loser=False, is_near=False) if chosen else None


def _sentence_start(text: str, at: int) -> int:
    return 1 + max(text.rfind(mark, 0, at) for mark in ".!?\n")


def _inside(names: Sequence[Naming], span: Span) -> list[Naming]:
    return [name for name in names if span.start <= name.start < span.end]


def _distance(name: Naming, near: int) -> int:
    return max(name.start - near, near - name.end, 0)
