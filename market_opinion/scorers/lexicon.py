"""The scorer `lexicon`: the tone of the clause around a cue, given to the product named nearest.

English is judged with VADER, an added language of the domain by the words of its file. A question,
a wish or a supposition is no opinion, nor is a clause without a clear sign.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple, Self

import polars as pl

from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.clauses import Clause, Cue, Span
from market_opinion.scorers.comparisons import Preference, preferences
from market_opinion.scorers.contract import Bars, Judgements, ScorerContext, Version
from market_opinion.scorers.english import English
from market_opinion.scorers.targets import targets_of
from market_opinion.scorers.wording import Added, Wording
from market_opinion.stages.naming import Naming, namer_of
from market_opinion.stages.opinions import as_judgements
from market_opinion.stages.spoken import by_language, with_language

# Below this strength a clause says nothing, by a look at the labelled items for development.
_STRENGTH_MIN = 0.2
# A clause that names a product and no aspect judges the product itself only where it is clear.
_OVERALL_STRENGTH_MIN = 0.35
# Strength of a plain comparison, and how sure its sign is.
_COMPARED_STRENGTH, _COMPARED_SURE = 0.5, 0.45


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

    def __init__(self, domain: Domain, code: str | None = None) -> None:
        """Compile the words of English, or of the added language with this code."""
        self.domain = domain
        self._overall = domain.overall_aspect
        self._wording: Wording = English(domain) if code is None else Added(domain, code)
        self._compares = code is None
        self._namer = namer_of(domain, code)

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

    def weigh(self, items: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return the candidates as they are: rules have weighed them already."""
        del items
        return candidates

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Return judgements of rows of `to_judge`, one a product and aspect in a clause.

        Each row is judged by the words of its `language`, or as English without that column.
        """
        found: list[tuple[Any, ...]] = []
        for code, part in by_language(with_language(rows, self.domain), self.domain):
            rules = _of_language(self.domain, code) if code else self
            found += rules.judged(part)
        return Judgements(as_judgements(sorted(found, key=itemgetter(0))))

    def judged(self, rows: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
        """Yield judgements of rows that are in the language of these rules."""
        columns = ("row", "text", "products", "reasons", "context_title", "community")
        for row, text, products, reasons, title, community in rows.select(columns).iter_rows():
            told = dict(zip(products, reasons, strict=True))
            names = self._namer.names(text, title=title, community=community)
            for found in self.judge_text(text, [n for n in names if n.product_id in told], told):
                start, end = found.span
                polarity, confidence = found.polarity, found.confidence
                aspect, words = found.aspect, text[start:end]
                yield (
                    row, found.product_id, aspect, polarity, confidence, start, end, words, None
                )  # fmt: skip

    def judge_text(
        self, text: str, names: Sequence[Naming], reasons: dict[str, str]
    ) -> list[_Judgement]:
        """Return the strongest judgement of each product and aspect in a text."""
        referred = next((p for p, why in reasons.items() if why in {"referred", "subject"}), None)
        cues = self._wording.cues(text)
        strongest: dict[tuple[str, str], _Judgement] = {}
        for clause in self._wording.clauses(text, cues) if cues or names else ():
            for found in self._of_clause(text, clause, cues, names, referred):
                key = found.product_id, found.aspect
                if key not in strongest or abs(found.polarity) > abs(strongest[key].polarity):
                    strongest[key] = found
        return list(strongest.values())

    def polarity(self, clause: str, aspect: str | None = None) -> float:
        """Return the tone of a clause in [-1, 1], by the words of the aspect."""
        return self._wording.polarity(clause, aspect)

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
        if self._wording.is_unreal(sentence):
            return
        aspects = self._wording.aspects(text, within)
        if self._compares and (places := preferences(text, clause, names)):
            yield from _of_comparison(clause, aspects or {self._overall: start}, places)
            return
        minimum = _STRENGTH_MIN
        if not aspects:
            aspects, minimum = {self._overall: start}, _OVERALL_STRENGTH_MIN
        for aspect, near in aspects.items():
            polarity = self._wording.polarity(words, aspect, near - start)
            if abs(polarity) < minimum:
                continue
            targets = targets_of(
                text,
                clause,
                near,
                names,
                referred,
                self._wording.is_compared,
                leaves_compared=self._wording.leaves_compared,
            )
            for target in targets:
                sign = -polarity if target.is_loser else polarity
                sure = 0.25 + 0.2 * abs(polarity) + 0.1 * target.is_near
                yield _Judgement(target.product_id, aspect, sign, sure, clause.span)


def _of_comparison(
    clause: Clause, aspects: Iterable[str], places: dict[str, Preference]
) -> Iterator[_Judgement]:
    """Yield praise of the better product and blame of the other; nothing where that is open."""
    for product_id, place in places.items():
        for aspect in aspects if place is not Preference.OPEN else ():
            polarity = place.value * _COMPARED_STRENGTH
            yield _Judgement(product_id, aspect, polarity, _COMPARED_SURE, clause.span)


@lru_cache(maxsize=16)
def _of_language(domain: Domain, code: str) -> Lexicon:
    """Return the rules of an added language, compiled once."""
    return Lexicon(domain, code)
