"""The scorer that needs no key: VADER on the clause around an aspect's cue, given to the product named nearest.

VADER: C.J. Hutto and E. Gilbert, ICWSM 2014. It knows no products and no irony; its opinions are a baseline that costs nothing.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import version
from typing import NamedTuple

import polars as pl
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from market_opinion.domain import Domain, normalise
from market_opinion.opinions import JUDGEMENT_SCHEMA, NEUTRAL_BELOW

NAME = "lexicon"

_SENTENCE = re.compile(r"[^\n.!?]+(?:[.!?](?!\s|$)[^\n.!?]*)*[.!?]*")
_CONTRAST = re.compile(r"\s*(?:[;—–]|,? (?:but|however|although|though|whereas|while|yet|except)\b|, (?:and|while)\b)\s*", re.IGNORECASE)
_COMPARED = re.compile(r"\bthan (?:the |my |an? |any |on |with |in |old |new )*$")


class _Span(NamedTuple):
    """A stretch of a text, `[start, end)` in characters."""

    start: int
    end: int


class _Judgement(NamedTuple):
    """Polarity of one clause for one product and aspect."""

    product_id: str
    aspect: str
    polarity: float
    span: _Span


class Lexicon:
    """Judges items of one domain; the same text always gets the same opinions."""

    def __init__(self, domain: Domain) -> None:
        """Compile the domain's cues."""
        self._overall = domain.overall_aspect
        self._aspect_of_cue = {normalise(cue): name for name, aspect in domain.aspects.items() for cue in aspect.cues}
        cues = sorted(self._aspect_of_cue, key=len, reverse=True)
        self._cue = re.compile(rf"(?<![^ ])(?:{'|'.join(map(re.escape, cues))})(?![^ ])")

    @property
    def model(self) -> str:
        """The lexicon and its version."""
        return f"vaderSentiment-{version('vaderSentiment')}"

    @cached_property
    def _vader(self) -> SentimentIntensityAnalyzer:
        return SentimentIntensityAnalyzer()

    def __call__(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Judgements, one row per product and aspect that a clause speaks of."""
        rows: list[tuple[object, ...]] = []
        for row, text, products, aliases in asked.select("row", "text", "products", "aliases").iter_rows():
            found = self.judge(text, dict(zip(products, aliases, strict=True)))
            rows.extend((row, j.product_id, j.aspect, j.polarity, *j.span, text[j.span.start : j.span.end]) for j in found)
        return pl.DataFrame(rows, schema=JUDGEMENT_SCHEMA, orient="row")

    def judge(self, text: str, products: dict[str, str]) -> list[_Judgement]:
        """The strongest judgement of each product and aspect in the text; `products` are ids with their `|`-parted aliases."""
        flat = _flatten(text)
        places = _places(flat, products)
        strongest: dict[tuple[str, str], _Judgement] = {}
        for found in self._judgements(text, flat, places, products):
            key = (found.product_id, found.aspect)
            if key not in strongest or abs(found.polarity) > abs(strongest[key].polarity):
                strongest[key] = found
        return list(strongest.values())

    def _judgements(self, text: str, flat: str, places: list[tuple[_Span, str]], products: dict[str, str]) -> Iterator[_Judgement]:
        """Every judgement, in the order of the text. A product no sentence names is what the whole text is about."""
        for sentence in (_Span(*match.span()) for match in _SENTENCE.finditer(text)):
            named = [place for place in places if sentence.start <= place[0].start < sentence.end]
            cues = [(m.start(), self._aspect_of_cue[m.group()]) for m in self._cue.finditer(flat, sentence.start, sentence.end)]
            if not cues and not named:
                continue
            for clause in _clauses(text, sentence):
                within = [(at, aspect) for at, aspect in cues if clause.start <= at < clause.end]
                yield from self._of_clause(text, clause, within, named or places, products)

    def _of_clause(
        self, text: str, clause: _Span, cues: list[tuple[int, str]], places: list[tuple[_Span, str]], products: dict[str, str]
    ) -> Iterator[_Judgement]:
        named = [place for place in places if clause.start <= place[0].start < clause.end]
        if not cues and not named:
            return
        polarity = self._vader.polarity_scores(text[clause.start : clause.end])["compound"]
        aspects = {aspect: at for at, aspect in reversed(cues)}
        if not cues and abs(polarity) >= NEUTRAL_BELOW:
            aspects = {self._overall: named[0][0].start}
        for aspect, at in aspects.items():
            for product_id, is_worse in _targets(text, at, clause, named or places, products):
                yield _Judgement(product_id, aspect, -polarity if is_worse else polarity, clause)


def _flatten(text: str) -> str:
    """Lower case, and a space for all but letters, digits and `+`, character for character."""
    flat = re.sub(r"[^\w+]|_", " ", text.replace("İ", "I").lower())
    return flat if len(flat) == len(text) else text


def _places(flat: str, products: dict[str, str]) -> list[tuple[_Span, str]]:
    """Where each product is named, in the order of the text; of two names in one place the longer."""
    found: list[tuple[_Span, str]] = []
    for product_id, aliases in products.items():
        for alias in aliases.split("|"):
            found.extend((_Span(*m.span()), product_id) for m in re.finditer(rf"(?<![^ ]){re.escape(alias)}(?![^ ])", flat))
    found.sort(key=lambda place: (place[0].start, -place[0].end))
    kept: list[tuple[_Span, str]] = []
    for place in found:
        if not kept or place[0].start >= kept[-1][0].end:
            kept.append(place)
    return kept


def _clauses(text: str, sentence: _Span) -> Iterator[_Span]:
    """The parts of a sentence between words of contrast, without the spaces at their ends."""
    start = sentence.start
    for cut in [*_CONTRAST.finditer(text, sentence.start, sentence.end), None]:
        end = cut.start() if cut else sentence.end
        clause = text[start:end]
        if stripped := clause.strip():
            lead = len(clause) - len(clause.lstrip())
            yield _Span(start + lead, start + lead + len(stripped))
        start = cut.end() if cut else end


def _targets(text: str, at: int, clause: _Span, places: list[tuple[_Span, str]], products: dict[str, str]) -> Iterator[tuple[str, bool]]:
    """The product named nearest to a cue; and, turned round, one it is said to be better or worse than in this clause."""
    compared = [p for p in places if p[0].start in range(clause.start, clause.end) and _COMPARED.search(text[: p[0].start].lower())]
    others = [place for place in places if place not in compared] or places
    nearest = min(others, key=lambda place: (abs(place[0].start - at), place[0].start), default=None)
    target = nearest[1] if nearest else next(iter(products))
    yield target, False
    yield from ((product_id, True) for _, product_id in compared if product_id != target)
