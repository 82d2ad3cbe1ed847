"""Comparisons of two named products: which one a sentence prefers.

Known are forms whose direction is beyond doubt: "better than", "not as good as", "beats", "loses
to", "prefer ... to", "compared to", "dies before". A question prefers none.
"""

import re
from collections.abc import Sequence
from enum import Enum

from market_opinion.scorers.clauses import Clause, Span
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
_WINS = (
    "beats?|outlasts?|outperforms?|outshines?|outclass(?:es)?|trumps?|destroys?|crushes|smokes"
    "|blows|(?:wins?|won) (?:against|over)"
)
_LOSES = (
    "los(?:es|t|ing) (?:to|against)|lags behind|no match for"
    "|(?:can't|cannot|cant|doesn't|does not|won't|couldn't) (?:match|touch|compete with"
    "|keep up with)"
)
_BEATEN = "beaten|outlasted|outperformed|outshone|outclassed|destroyed|crushed|smoked|blown away"
# What a product does badly, and how much of it.
_FAILS = (
    "dies?|died|drains?|discharges|overheats?|heats up|lags?|stutters?|freezes|crashes|throttles"
    "|breaks|cracks|scratches|fails|loses (?:charge|signal|value)"
)
_SOONER = "more(?: often)?|faster|quicker|sooner|earlier|harder|worse"
_LATER = "less(?: often)?|slower|later"
_FAULTS = "bugs|issues|problems|faults|flaws|crashes|glitches|ads|bloat|bloatware|complaints|noise"
_GOOD = (
    "good|great|amazing|awesome|excellent|superb|fantastic|incredible|wonderful|perfect|brilliant"
    "|fast|smooth|stunning|beautiful"
)
_BAD = (
    "bad|terrible|awful|horrible|garbage|trash|crap|junk|poor|slow|sluggish|laggy|dim|ancient|ugly"
    "|outdated|disappointing|a joke"
)
_DENIED = r"(?:n't|\b(?:is|was|are|does|did|do|has|ca|wo)nt|\bnot|\bnever|\bnowhere near)\b"
_BESIDE = r"\b(?:compared (?:to|with)|next to|unlike|coming from)\b"
_LEFT = "returned|sold|traded|swapped|ditched|dumped|replaced"
_WENT = "went|going|gone|switch(?:ed|ing)|mov(?:ed|ing)|upgrad(?:ed|ing)|chang(?:ed|ing)|came"
_SWAPPED = rf"\b(?:{_LEFT})\b~\bone\b~\b(?:for|with)\b~\bother\b\W*\b(?:because|since)\b"
_CONTRAST = r"\b(?:but|though|although|however|yet|while)\b"
_BOTH_WAYS = [
    [re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for words in ways]
    for ways in ((_BETTER, _WORSE), (_GOOD, _BAD))
]
# Signs for the two products, which nobody types.
_ONE, _OTHER = "_1_", "_2_"
# The product named first is `one`, the second `other`, `~` are a few words, `@` a few without a
# contrast, `#` a few without a contrast, an "and" and a comma. The sign is that of the product
# named first, 0 where neither is preferred for sure; the first form that fits counts.
_FORMS = [
    (
        re.compile(
            form.replace(r"\bone\b", rf"\b{_ONE}\b")
            .replace(r"\bother\b", rf"\b{_OTHER}\b")
            .replace("~", r"[^.!?;\n]{0,60}?")
            .replace("@", rf"(?:(?!{_CONTRAST})[^.!?;\n]){{0,60}}?")
            .replace("#", rf"(?:(?!{_CONTRAST}|\band\b)[^.,!?;\n]){{0,60}}?"),
            re.IGNORECASE,
        ),
        sign,
    )
    for form, sign in (
        (rf"\bone\b@{_DENIED}@\bas \w+ as\b~\bother\b", -1),
        (rf"\bone\b@{_DENIED}@\b(?:{_BETTER})\b~\bthan\b~\bother\b", -1),
        (rf"\bone\b@{_DENIED}@\b(?:{_WORSE})\b~\bthan\b~\bother\b", 0),
        (rf"\b(?:nothing|none of)\b~\bone\b@\b(?:{_BETTER})\b~\bthan\b~\bother\b", -1),
        (rf"\bone\b@{_DENIED}@\b(?:{_FAILS})\b~\b(?:than|before)\b~\bother\b", 0),
        (rf"\bone\b~\b(?:{_FAILS})\b~\b(?:{_LATER})\b~\bthan\b~\bother\b", 1),
        (rf"\bone\b~\b(?:{_FAILS})\b~\b(?:{_SOONER})\b~\bthan\b~\bother\b", -1),
        (r"\bone\b~\b(?:dies?|died)\b~\bbefore\b~\bother\b", -1),
        (rf"\bone\b~\b(?:fewer|less) (?:{_FAULTS})\b~\bthan\b~\bother\b", 1),
        (rf"\bone\b~\bmore (?:{_FAULTS})\b~\bthan\b~\bother\b", -1),
        (r"\bone\b~\b(?:gets?|got|runs?|ran) (?:\w+ ){0,2}(?:hott|warm)er than\b~\bother\b", -1),
        (r"\bone\b~\blast(?:s|ed)? (?:\w+ ){0,3}(?:longer than|times as long as)\b~\bother\b", 1),
        (r"\bone\b~\blast(?:s|ed)? twice as long as\b~\bother\b", 1),
        (rf"\b(?:fewer|less) (?:{_FAULTS})\b~\bone\b~\bthan\b~\bother\b", 1),
        (rf"\bmore (?:{_FAULTS})\b~\bone\b~\bthan\b~\bother\b", -1),
        (r"\bone\b@\bran out\b~\bbefore\b~\bother\b", -1),
        (rf"\bone\b@{_DENIED}@\b(?:ahead of|hold a candle to)\b~\bother\b", -1),
        (r"\bone\b@\bahead of\b~\bother\b", 1),
        (r"\brather\b~\bone\b~\bthan\b~\bother\b", 1),
        (rf"\bone\b~\b(?:{_BETTER})\b~\bthan\b~\bother\b", 1),
        (rf"\bone\b~\b(?:{_WORSE})\b~\bthan\b~\bother\b", -1),
        (rf"\b(?:{_BETTER})\b~\bone\b~\bthan\b~\bother\b", 1),
        (rf"\b(?:{_WORSE})\b~\bone\b~\bthan\b~\bother\b", -1),
        (r"\bone\b@\bsuperior to\b~\bother\b", 1),
        (r"\bone\b@\binferior to\b~\bother\b", -1),
        (rf"\bone\b@\b(?:{_BEATEN}) by\b~\bother\b", -1),
        (rf"\bone\b@{_DENIED}@\b(?:{_WINS})\b~\bother\b", -1),
        (rf"\bone\b~\b(?:{_WINS})\b~\bother\b", 1),
        (r"\bone\b~\bputs?\b~\bother\b~\bto shame\b", 1),
        (rf"\bone\b~\b(?:{_LOSES})\b~\bother\b", -1),
        (r"\bprefer\b~\bone\b~\b(?:to|over)\b~\bother\b", 1),
        (r"\b(?:take|pick|choose|recommend)\b~\bone\b~\bover\b~\bother\b", 1),
        (r"\bone\b over ~\bother\b~\b(?:any day|every time|always)\b", 1),
        (rf"\b(?:{_WENT}|from)\b~\bone\b[^.!?;\n<>]{{0,20}}(?<![-=])[<>](?!-)", 0),
        (r"\bone\b[\w' ]{0,20}(?<![-=<>])>{1,3}(?![-=])[\w' ]{0,20}\bother\b", 1),
        (r"\bone\b[\w' ]{0,20}(?<![-=<>])<{1,3}(?![-=>])[\w' ]{0,20}\bother\b", -1),
        (rf"{_BESIDE}~\bone\b@\bother\b#{_DENIED}@\b(?:{_GOOD}|{_BAD}|{_BETTER}|{_WORSE})\b", 0),
        (rf"{_BESIDE}~\bone\b~\bother\b#\b(?:{_BETTER}|{_GOOD}|upgrade)\b", -1),
        (rf"{_BESIDE}~\bone\b~\bother\b#\b(?:{_WORSE}|{_BAD}|downgrade)\b", 1),
        (rf"\bone\b#{_DENIED}#\b(?:{_GOOD}|{_BAD})\b~\bcompared (?:to|with)\b~\bother\b", 0),
        (rf"\bone\b#\b(?:{_GOOD})\b#\bcompared (?:to|with)\b~\bother\b", 1),
        (rf"\bone\b#\b(?:{_BAD})\b#\bcompared (?:to|with)\b~\bother\b", -1),
        (rf"\b(?:{_WENT}) from\b~\bone\b~\bto\b~\bother\b@{_DENIED}@\b(?:{_BETTER}|{_WORSE})\b", 0),
        (rf"\b(?:{_WENT}) from\b~\bone\b~\bto\b~\bother\b@\b(?:{_BETTER})\b", -1),
        (rf"\b(?:{_WENT}) from\b~\bone\b~\bto\b~\bother\b@\b(?:{_WORSE})\b", 1),
        (rf"{_SWAPPED}@\b(?:{_BETTER})\b", -1),
        (rf"{_SWAPPED}@\bwas\b~\b(?:{_BAD})\b", -1),
        (rf"\bmiss(?:ing)?\b~\bone\b~\bother\b@\b(?:{_BAD}|{_WORSE})\b", 1),
        (rf"\bone\b~\bnow\b~\bother\b@\b(?:{_BETTER})\b", -1),
        (rf"\bone\b@\b(?:{_BETTER})\b~\bother\b@\b(?:can't|cannot|doesn't) keep up\b", 1),
    )
]
_COMPARED = 2


class Preference(Enum):
    """The place of a product in a comparison.

    It is `OPEN` where the sentence does not tell the better one: it asks, or says "not worse",
    or that one thing is better and another worse.
    """

    WINNER = 1
    LOSER = -1
    OPEN = 0


def preferences(text: str, clause: Clause, names: Sequence[Naming]) -> dict[str, Preference]:
    """Return the places of two products that the sentence of a clause compares in this clause.

    Empty without a comparison. `names` are the products that the text names.
    """
    sentence = clause.sentence
    inside = [name for name in names if sentence.start <= name.start < sentence.end]
    products = list(dict.fromkeys(name.product_id for name in inside))
    if len(products) != _COMPARED:
        return {}
    first, second = products
    marked, places = _marked(text, sentence, inside, first)
    fits = ((form.search(marked), sign) for form, sign in _FORMS)
    found, sign = next(((match, sign) for match, sign in fits if match), (None, 0))
    if found is None:
        return {}
    start, end = places[found.start()], places[found.end() - 1] + 1
    if end <= clause.span.start or start >= clause.span.end:
        return {}
    is_mixed = any(all(way.search(marked) for way in ways) for ways in _BOTH_WAYS)
    if not sign or is_mixed or marked.rstrip().endswith("?"):
        return dict.fromkeys(products, Preference.OPEN)
    return {first: Preference(sign), second: Preference(-sign)}


def _marked(
    text: str, sentence: Span, inside: Sequence[Naming], first: str
) -> tuple[str, list[int]]:
    """Return the sentence with signs for the product named first and for the second.

    Beside it stands where each of its characters is in the text.
    """
    parts, places, at = [], [], sentence.start
    for name in inside:
        sign = _ONE if name.product_id == first else _OTHER
        parts += [text[at : name.start], sign]
        places += [*range(at, name.start), *[name.start] * len(sign)]
        at = name.end
    places += range(at, sentence.end)
    return "".join([*parts, text[at : sentence.end]]), places
