"""Comparisons of two named products: which one a sentence prefers.

Known are forms whose direction is beyond doubt: "better than", "not as good as", "beats", "loses
to", "prefer ... to", "compared to". A question prefers none.
"""

import re
from collections.abc import Sequence
from enum import Enum

from market_opinion.scorers.clauses import Span
from market_opinion.stages.naming import Naming

_BETTER = (
    "better|faster|quicker|smoother|snappier|brighter|sharper|crisper|clearer|louder|lighter|nicer"
    "|stronger|sturdier|tougher|cooler|superior|prettier|comfier|tastier|cleaner|quieter|safer"
    "|easier|cheaper|ahead|longer-lasting"
    "|more (?:reliable|comfortable|durable|responsive|accurate|polished|fun|stable|usable|pleasant"
    "|efficient|consistent|spacious|refined|intuitive)"
    "|less (?:laggy|buggy|bloated|annoying|noisy|fragile|cramped|slippery|expensive)"
)
_WORSE = (
    "worse|slower|dimmer|duller|blurrier|quieter audio|heavier|clunkier|hotter|weaker|inferior"
    "|buggier|laggier|uglier|flimsier|noisier|dirtier|harder to|pricier|behind"
    "|less (?:reliable|comfortable|durable|responsive|accurate|polished|fun|stable|usable|pleasant"
    "|efficient|consistent|spacious|refined|intuitive)"
    "|more (?:laggy|buggy|bloated|annoying|noisy|fragile|cramped|slippery|expensive)"
)
_WINS = "beats?|outlasts?|outperforms?|outshines?|trumps?|destroys?|crushes|smokes|blows"
_LOSES = (
    "loses? to|lags behind"
    "|(?:can't|cannot|doesn't|does not|won't|couldn't) (?:match|touch|compete with)"
)
_DENIED = r"(?:n't|\bnot|\bnever|\bnowhere near)\b"
_BESIDE = r"\b(?:compared (?:to|with)|next to|unlike)\b"
# The product named first is `one`, the second `other`, `~` are a few words of one clause. The sign
# is that of the product named first; the first form that fits counts.
_FORMS = [
    (re.compile(form.replace("~", r"[^.!?;\n]{0,60}?"), re.IGNORECASE), sign)
    for form, sign in (
        (rf"\bone\b~{_DENIED}~\bas \w+ as\b~\bother\b", -1),
        (rf"\bone\b~{_DENIED}~\b(?:{_BETTER})\b~\bthan\b~\bother\b", -1),
        (rf"\bone\b~\b(?:{_BETTER})\b~\bthan\b~\bother\b", 1),
        (rf"\bone\b~\b(?:{_WORSE})\b~\bthan\b~\bother\b", -1),
        (rf"\b(?:{_BETTER})\b~\bone\b~\bthan\b~\bother\b", 1),
        (rf"\b(?:{_WORSE})\b~\bone\b~\bthan\b~\bother\b", -1),
        (rf"\bone\b~\b(?:{_WINS})\b~\bother\b", 1),
        (rf"\bone\b~\b(?:{_LOSES})\b~\bother\b", -1),
        (r"\bprefer\b~\bone\b~\b(?:to|over)\b~\bother\b", 1),
        (r"\b(?:take|pick|choose|recommend)\b~\bone\b~\bover\b~\bother\b", 1),
        (r"\bone\b over ~\bother\b~\b(?:any day|every time|always)\b", 1),
        (rf"{_BESIDE}~\bone\b~\bother\b~\b(?:{_BETTER})\b", -1),
        (rf"{_BESIDE}~\bone\b~\bother\b~\b(?:{_WORSE})\b", 1),
    )
]
_COMPARED = 2


class Preference(Enum):
    """The place of a product in a comparison; `ASKED` where the sentence asks who is better."""

    WINNER = 1
    LOSER = -1
    ASKED = 0


def preferences(text: str, sentence: Span, names: Sequence[Naming]) -> dict[str, Preference]:
    """Return the places of two products that a sentence compares; empty without a comparison.

    `names` are the products that the text names.
    """
    inside = [name for name in names if sentence.start <= name.start < sentence.end]
    products = list(dict.fromkeys(name.product_id for name in inside))
    if len(products) != _COMPARED:
        return {}
    first, second = products
    marked = _marked(text, sentence, inside, first)
    sign = next((sign for form, sign in _FORMS if form.search(marked)), 0)
    if not sign:
        return {}
    if marked.rstrip().endswith("?"):
        return dict.fromkeys(products, Preference.ASKED)
    return {first: Preference(sign), second: Preference(-sign)}


def _marked(text: str, sentence: Span, inside: Sequence[Naming], first: str) -> str:
    """Return the sentence with `one` for the product named first and `other` for the second."""
    parts, at = [], sentence.start
    for name in inside:
        parts += [text[at : name.start], "one" if name.product_id == first else "other"]
        at = name.end
    return "".join([*parts, text[at : sentence.end]])
