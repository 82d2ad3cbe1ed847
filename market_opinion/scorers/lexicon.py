"""The scorer `lexicon`: VADER on the clause around a cue, given to the product named nearest.

VADER: C.J. Hutto and E. Gilbert, ICWSM 2014. A domain's own words of praise and complaint stand
beside VADER's. A question, a wish or a supposition is no opinion, nor is a clause without a clear
sign.
"""

import math
import re
import string
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any, ClassVar, NamedTuple, Self

import polars as pl
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.clauses import Clause, Cue, CueFinder, Span, clauses_of
from market_opinion.scorers.contract import Bars, Judgements, ScorerContext, Version
from market_opinion.scorers.targets import targets_of
from market_opinion.stages.naming import Naming, flatten, namer_of
from market_opinion.stages.opinions import as_judgements

# Below this strength a clause says nothing, by a look at the labelled items for development.
_STRENGTH_MIN = 0.2
# A clause that names a product and no aspect judges the product itself only where it is clear.
_OVERALL_STRENGTH_MIN = 0.35
_STRONG = 3.0
# What is asked, wished, supposed, or told of others.
_UNREAL = re.compile(
    r"\b(?:if|unless|would (?:be|have|love|like|buy|get)|wish|hope|hopefully|imagine|should|could"
    r"|might|planning|thinking (?:of|about)|waiting for|rumou?rs?|supposedly|apparently|expect)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?\s*$")


class _Judgement(NamedTuple):
    """Polarity of one clause for one product and aspect."""

    product_id: str
    aspect: str
    polarity: float
    confidence: float
    span: Span


class Lexicon:
    """Judges items of one domain; the same text always gets the same opinions."""

    bars: ClassVar[Bars] = Bars(mention=0.5, opinion=0.0)

    def __init__(self, domain: Domain) -> None:
        """Compile the domain's cues and its words of praise and complaint."""
        self.domain = domain
        self._overall = domain.overall_aspect
        self._cues = CueFinder(domain)
        self._namer = namer_of(domain)
        self._phrases = {
            phrase: phrase.replace(" ", "_")
            for phrase in (*domain.polarity.praise, *domain.polarity.complaint)
            if " " in phrase
        }
        self._phrase = (
            re.compile(
                rf"\b(?:{'|'.join(map(re.escape, sorted(self._phrases, key=len, reverse=True)))})\b"
            )
            if self._phrases
            else None
        )
        self._turned = {aspect: dict(words) for aspect, words in domain.polarity.turned.items()}

    @classmethod
    def check(cls, settings: Settings, domain: Domain) -> None:
        """Raise nothing: rules are always there."""

    @classmethod
    def version(cls, settings: Settings, domain: Domain) -> Version:
        """Return the version of what judges clauses; the rules are part of the domain's version."""
        del settings, domain
        return Version(f"vaderSentiment-{version('vaderSentiment')}")

    @classmethod
    def open(cls, context: ScorerContext) -> Self:
        """Return the rules of the domain."""
        return cls(context.domain)

    @cached_property
    def _vader(self) -> SentimentIntensityAnalyzer:
        analyser = SentimentIntensityAnalyzer()
        polarity = self.domain.polarity
        for word in polarity.neutral:
            analyser.lexicon.pop(word, None)
        analyser.lexicon |= {word.replace(" ", "_"): _STRONG for word in polarity.praise}
        analyser.lexicon |= {word.replace(" ", "_"): -_STRONG for word in polarity.complaint}
        return analyser

    def weigh(self, items: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return the candidates as they are: rules have weighed them already."""
        del items
        return candidates

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Return judgements of rows of `to_judge`, one a product and aspect in a clause."""
        found_rows: list[tuple[Any, ...]] = []
        columns = ("row", "text", "products", "reasons", "context_title", "community")
        for row, text, products, reasons, title, community in rows.select(columns).iter_rows():
            told = dict(zip(products, reasons, strict=True))
            names = self._namer.names(text, title=title, community=community)
            for found in self.judge_text(text, [n for n in names if n.product_id in told], told):
                start, end = found.span
                polarity, confidence = found.polarity, found.confidence
                aspect, words = found.aspect, text[start:end]
                found_rows.append(
                    (row, found.product_id, aspect, polarity, confidence, start, end, words, None)
                )
        return Judgements(as_judgements(found_rows))

    def judge_text(
        self, text: str, names: Sequence[Naming], reasons: dict[str, str]
    ) -> list[_Judgement]:
        """Return the strongest judgement of each product and aspect in a text."""
        referred = next((p for p, why in reasons.items() if why in {"referred", "subject"}), None)
        cues = self._cues.find(text)
        strongest: dict[tuple[str, str], _Judgement] = {}
        for clause in clauses_of(text) if cues or names else ():
            for found in self._of_clause(text, clause, cues, names, referred):
                key = found.product_id, found.aspect
                if key not in strongest or abs(found.polarity) > abs(strongest[key].polarity):
                    strongest[key] = found
        return list(strongest.values())

    def polarity(self, clause: str, aspect: str | None = None) -> float:
        """Return the compound score of a clause, in [-1, 1], by the words of the aspect.

        Without a word of its lexicon VADER arrives at zero after some work, which a look at the
        words saves; emoji are words to VADER as well.
        """
        text = flatten(clause) if self._phrase else clause
        if self._phrase:
            joined = self._phrase.sub(lambda match: self._phrases[match.group()], text)
            text = joined if joined != text else clause
        known = self._vader.lexicon
        words = [word.strip(string.punctuation) for word in text.lower().split()]
        turned = sum(self._turned.get(aspect or "", {}).get(word, 0) for word in words)
        if turned:
            return math.copysign(0.5, turned)
        if text.isascii() and not any(word in known for word in (*words, *text.lower().split())):
            return 0.0
        return float(self._vader.polarity_scores(text)["compound"])

    def _of_clause(
        self,
        text: str,
        clause: Clause,
        cues: Sequence[Cue],
        names: Sequence[Naming],
        referred: str | None,
    ) -> Iterator[_Judgement]:
        start, end = clause.span
        within = [cue for cue in cues if start <= cue.start < end]
        is_named = any(start <= name.start < end for name in names)
        if not within and not is_named:
            return
        words = text[start:end]
        sentence = text[clause.sentence.start : clause.sentence.end]
        if _QUESTION.search(sentence) or _UNREAL.search(sentence):
            return
        aspects = {cue.aspect: cue.start for cue in reversed(within)}
        minimum = _STRENGTH_MIN
        if not aspects:
            aspects, minimum = {self._overall: start}, _OVERALL_STRENGTH_MIN
        for aspect, near in aspects.items():
            polarity = self.polarity(words, aspect)
            if abs(polarity) < minimum:
                continue
            for target in targets_of(text, clause, near, names, referred):
                sign = -polarity if target.is_loser else polarity
                sure = 0.25 + 0.2 * abs(polarity) + 0.1 * target.is_near
                yield _Judgement(target.product_id, aspect, sign, sure, clause.span)
