"""The scorer that needs no key: VADER on the clause around an aspect's cue, given to the product named nearest.

VADER: C.J. Hutto and E. Gilbert, ICWSM 2014. It knows no products and no irony; its opinions are a baseline that costs nothing.
"""

import re
import string
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import version
from typing import NamedTuple

import polars as pl
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from market_opinion.core.contracts import NEUTRAL_BELOW
from market_opinion.domain.definition import Domain, normalise
from market_opinion.scorers.linear import Linear
from market_opinion.stages.opinions import JUDGEMENT_SCHEMA

NAME = "lexicon"

_SENTENCE = re.compile(r"[^\n.!?]+(?:[.!?](?!\s|$)[^\n.!?]*)*[.!?]*")
_CONTRAST = re.compile(
    r"\s*(?:[;—–]|,? (?:but|however|although|though|whereas|while|yet|except)\b|, (?:and|while)\b)\s*",
    re.IGNORECASE,
)
_NO_WORD = re.compile(r"[^\w+ ]|_")
# A quick look that spares most sentences the careful one.
_MAY_CONTRAST = re.compile(r"[;—–]|but|owever|hough|whereas|while|yet|except|, and", re.IGNORECASE)
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

    def __init__(self, domain: Domain, *, head: Linear | None = None) -> None:
        """Compile the domain's cues. A trained head, where there is one, takes VADER's place in saying what a clause feels."""
        self._head = head
        self._overall = domain.overall_aspect
        self._aspect_of_cue = {
            normalise(cue): name for name, aspect in domain.aspects.items() for cue in aspect.cues
        }
        self._longer_cues: dict[str, list[str]] = {}
        for cue in sorted(self._aspect_of_cue, key=len, reverse=True):
            first, is_longer, _ = cue.partition(" ")
            self._longer_cues.setdefault(first, []).extend([f"{cue} "] if is_longer else [])

    @property
    def model(self) -> str:
        """What judges clauses, and its version."""
        if self._head:
            return f"linear-{self._head.version}"
        return f"vaderSentiment-{version('vaderSentiment')}"

    @cached_property
    def _vader(self) -> SentimentIntensityAnalyzer:
        return SentimentIntensityAnalyzer()

    def __call__(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Judgements, one row per product and aspect that a clause speaks of."""
        rows: list[tuple[object, ...]] = []
        lists = [asked[name].to_list() for name in ("row", "text", "products", "aliases")]
        for row, text, products, aliases in zip(*lists, strict=True):
            for product_id, aspect, polarity, (start, end) in self.judge(
                text, dict(zip(products, aliases, strict=True))
            ):
                rows.append((row, product_id, aspect, polarity, start, end, text[start:end], None))
        columns = zip(*rows, strict=True) if rows else [()] * len(JUDGEMENT_SCHEMA)
        return pl.DataFrame(
            dict(zip(JUDGEMENT_SCHEMA, columns, strict=True)), schema=JUDGEMENT_SCHEMA
        )

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

    def polarity(self, clause: str) -> float:
        """VADER's compound score of a clause, between -1 and 1.

        Where no word is in its lexicon VADER arrives at zero after some work, which a look at the words saves; emoji
        are words to it as well.
        """
        if self._head:
            return self._head.polarity(clause)
        known = self._vader.lexicon
        if clause.isascii() and not any(
            word in known or word.strip(string.punctuation) in known
            for word in clause.lower().split()
        ):
            return 0.0
        return float(self._vader.polarity_scores(clause)["compound"])

    def _judgements(
        self, text: str, flat: str, places: list[tuple[_Span, str]], products: dict[str, str]
    ) -> Iterator[_Judgement]:
        """Every judgement, in the order of the text. A product no sentence names is what the whole text is about."""
        cues = list(self._cues(flat))
        for start, end in (
            (match.span() for match in _SENTENCE.finditer(text)) if cues or places else ()
        ):
            named = [place for place in places if start <= place[0].start < end]
            within = [cue for cue in cues if start <= cue[0] < end]
            if within or named:
                for clause in _clauses(text, start, end):
                    of_clause = [cue for cue in within if clause.start <= cue[0] < clause.end]
                    yield from self._of_clause(text, clause, of_clause, named or places, products)

    def _cues(self, flat: str) -> Iterator[tuple[int, str]]:
        """Where a cue stands as whole words, and its aspect; the longest of those that begin there."""
        padded, at, end = f"{flat} ", 0, 0
        longer_cues = self._longer_cues
        for word in flat.split(" "):
            if word in longer_cues and at >= end:
                found = next(
                    (cue for cue in longer_cues[word] if padded.startswith(cue, at)), word
                ).rstrip()
                if aspect := self._aspect_of_cue.get(found):
                    end = at + len(found)
                    yield at, aspect
            at += len(word) + 1

    def _of_clause(
        self,
        text: str,
        clause: _Span,
        cues: list[tuple[int, str]],
        places: list[tuple[_Span, str]],
        products: dict[str, str],
    ) -> Iterator[_Judgement]:
        named = [place for place in places if clause.start <= place[0].start < clause.end]
        if not cues and not named:
            return
        polarity = self.polarity(text[clause.start : clause.end])
        aspects = {aspect: at for at, aspect in reversed(cues)}
        if not cues and abs(polarity) >= NEUTRAL_BELOW:
            aspects = {self._overall: named[0][0].start}
        for aspect, at in aspects.items():
            for product_id, is_worse in _targets(text, at, clause, named or places, products):
                yield _Judgement(product_id, aspect, -polarity if is_worse else polarity, clause)


def _flatten(text: str) -> str:
    """Lower case, and a space for all but letters, digits and `+`, character for character."""
    flat = _NO_WORD.sub(" ", text.replace("İ", "I").lower())
    return flat if len(flat) == len(text) else text


def _places(flat: str, products: dict[str, str]) -> list[tuple[_Span, str]]:
    """Where each product is named, in the order of the text; of two names in one place the longer."""
    found: list[tuple[_Span, str]] = []
    padded = f" {flat} "
    for product_id, aliases in products.items():
        for alias in aliases.split("|"):
            at = padded.find(f" {alias} ")
            while at >= 0:
                found.append((_Span(at, at + len(alias)), product_id))
                at = padded.find(f" {alias} ", at + 1)
    found.sort(key=lambda place: (place[0].start, -place[0].end))
    kept: list[tuple[_Span, str]] = []
    for place in found:
        if not kept or place[0].start >= kept[-1][0].end:
            kept.append(place)
    return kept


def _clauses(text: str, start: int, sentence_end: int) -> Iterator[_Span]:
    """The parts of a sentence between words of contrast, without the spaces at their ends."""
    cuts = (
        _CONTRAST.finditer(text, start, sentence_end)
        if _MAY_CONTRAST.search(text, start, sentence_end)
        else ()
    )
    for cut in [*cuts, None]:
        end = cut.start() if cut else sentence_end
        stripped = text[start:end].strip()
        if stripped:
            first = text.index(stripped, start)
            yield _Span(first, first + len(stripped))
        start = cut.end() if cut else end


def _targets(
    text: str, at: int, clause: _Span, places: list[tuple[_Span, str]], products: dict[str, str]
) -> Iterator[tuple[str, bool]]:
    """The product named nearest to a cue; and, turned round, one it is said to be better or worse than in this clause."""
    if len(products) == 1 or not places:
        yield places[0][1] if places else next(iter(products)), False
        return
    compared = [
        p
        for p in places
        if clause.start <= p[0].start < clause.end and _COMPARED.search(text[: p[0].start].lower())
    ]
    others = [place for place in places if place not in compared] or places
    target = min(others, key=lambda place: (abs(place[0].start - at), place[0].start))[1]
    yield target, False
    yield from ((product_id, True) for _, product_id in compared if product_id != target)
