"""The scorer `local`: mentions and opinions, with the confidence of the trained model."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import polars as pl

from market_opinion.core.contracts import ITEM_KEY
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.clauses import Clause
from market_opinion.scorers.comparisons import Preference
from market_opinion.scorers.contract import Bars, Judgements, ScorerContext, Version
from market_opinion.scorers.lexicon import Lexicon
from market_opinion.scorers.local.heads import ASPECT_FEATURES
from market_opinion.scorers.local.inputs import Floats, Item, Window
from market_opinion.scorers.local.model import CERTAIN, Answer, LocalModel, odds, shared_model
from market_opinion.stages.opinions import as_judgements, judged_by
from market_opinion.stages.spoken import by_language, with_language

# What is less likely than this is not looked at any further.
_CHANCE_MIN = 0.12
# Processors differ beyond these.
_DIGITS = 3
_REFERRED, _SUBJECT = "referred", "subject"
_LOCAL, _RULES = "local", "lexicon"
_SURE = 0.97
# A text whose tone is fainter in log-odds, or that hardly judges anything, has none.
_TONE_MIN, _TONE_CHANCE_MIN = 1.0, 0.005
_LOSER = 2


class Evidence(NamedTuple):
    """The clause that shows best whether one aspect of one product is judged.

    `role` is what rules say of the product's part in the clause.
    """

    product_id: str
    aspect: int
    clause: Clause
    chance: float
    praise: float
    role: tuple[float, ...]

    def features(self, sure: float) -> tuple[float, ...]:
        """Return what the confidence is made of, for a mention that is as sure as this.

        Complaints are right more often than praise that looks as sure.
        """
        is_complaint = float(self.praise < 1 / 2)
        return (odds(self.chance), abs(odds(self.praise)), odds(sure), is_complaint, *self.role)


class Tone(NamedTuple):
    """The chance that a whole text praises, and the clause that shows it best."""

    praise: float
    clause: Clause


class Reading(NamedTuple):
    """The model's belief about one product in one item.

    `named` is the chance that the product is meant where the text names it, None where it does not;
    `referred` the chance that the text speaks of it as its thread's. `tone` is None of a text
    without one.
    """

    named: float | None
    referred: float
    evidence: tuple[Evidence, ...]
    tone: Tone | None


class Opinion(NamedTuple):
    """One aspect of a product, judged, with the clause that shows it."""

    aspect: int
    clause: Clause
    praise: float
    confidence: float


class LocalScorer:
    """Judges items of one domain without a key; the same item always gets the same opinions."""

    bars: ClassVar[Bars] = Bars(mention=0.52, opinion=0.25)

    def __init__(self, domain: Domain, model: LocalModel, rules_version: str = "") -> None:
        """Prepare what is asked of every text of the domain."""
        self._rules, self._rules_version = Lexicon(domain), rules_version
        self._model, self._domain = model, domain
        self._reader, self._aspects = model.for_domain(domain)
        self._overall = self._reader.aspects.index(domain.overall_aspect)

    @classmethod
    def check(cls, settings: Settings, domain: Domain) -> None:
        """Raise SettingsInvalid where the weights are not there."""
        del domain
        shared_model(settings.scoring.local_model)

    @classmethod
    def version(cls, settings: Settings, domain: Domain) -> Version:
        """Return the version of the weights; with added languages the rules judge as well."""
        own = f"encoder-{shared_model(settings.scoring.local_model).version}"
        if not domain.added_languages:
            return Version(own)
        rules = Lexicon.version(settings, domain)
        return Version(own, judges=((_LOCAL, own), (_RULES, rules.model)))

    @classmethod
    def open(cls, context: ScorerContext) -> Self:
        """Return the scorer; the weights are loaded once a process."""
        settings, domain = context.settings, context.domain
        rules = Lexicon.version(settings, domain).model
        return cls(domain, shared_model(settings.scoring.local_model), rules)

    def weigh(self, items: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return the candidates of silver.mentions with the model's confidence in them.

        Those in an added language keep that of the rules, since the encoder reads English.
        """
        items = dict(by_language(with_language(items, self._domain), self._domain))[None]
        asked = candidates.group_by(ITEM_KEY, maintain_order=True).agg(products="product_id")
        rows = items.join(asked, on=ITEM_KEY, maintain_order="left").with_row_index("row")
        readings = {(n, product): reading for n, product, reading in self._readings(rows)}
        numbered = rows.select(*ITEM_KEY, "row")
        both = candidates.join(numbered, on=ITEM_KEY, how="left", maintain_order="left")
        confidence = [
            self._weighed(reason, given, readings.get((row, product)))
            for row, product, reason, given in both.select(
                "row", "product_id", "reason", "confidence"
            ).iter_rows()
        ]
        return candidates.with_columns(
            confidence=pl.Series(confidence, dtype=pl.Float64).round(_DIGITS)
        )

    def _weighed(self, reason: str, given: float, reading: Reading | None) -> float:
        if reason == "subject" or reading is None:
            return given
        if reason == _REFERRED:
            return self._model.calibrated("referred", (odds(reading.referred),))
        if reading.named is None:
            return given
        return self._model.calibrated("named", (odds(reading.named),))

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Judge each product and aspect of rows of `to_judge` by the clause that shows it best.

        A text that a product is the subject of, as of a review, judges it as a whole by its tone.
        Rows in an added language of the domain are judged by the rules, and say so.
        """
        parts = dict(by_language(with_language(rows, self._domain), self._domain))
        own = as_judgements(self._judged(parts.pop(None)))
        if not parts:
            return Judgements(own)
        theirs = self._rules.judge(pl.concat(parts.values())).rows
        both = (
            (own, _LOCAL, f"encoder-{self._model.version}"),
            (theirs, _RULES, self._rules_version),
        )
        return Judgements(pl.concat(judged_by(*each) for each in both))

    def _judged(self, rows: pl.DataFrame) -> list[tuple[Any, ...]]:
        texts, numbers = rows["text"].to_list(), rows["row"].to_list()
        found: list[tuple[Any, ...]] = []
        for n, product, opinion in self._opinions(rows):
            start, end = opinion.clause.span
            place = numbers[n], product, self._reader.aspects[opinion.aspect]
            polarity, confidence = 2 * opinion.praise - 1, opinion.confidence
            figures = round(polarity, _DIGITS), round(confidence, _DIGITS)
            found.append((*place, *figures, start, end, texts[n][start:end], None))
        return found

    def _opinions(self, rows: pl.DataFrame) -> Iterator[tuple[int, str, Opinion]]:
        """Yield the number of a row, a product of it, and an opinion on it."""
        sure = _confidences(rows)
        subjects = [
            {p for p, reason in zip(products, reasons, strict=True) if reason == _SUBJECT}
            for products, reasons in rows.select("products", "reasons").iter_rows()
        ]
        for n, product, reading in self._readings(rows):
            tone = reading.tone if product in subjects[n] else None
            if tone:
                chance = max(tone.praise, 1 - tone.praise)
                yield n, product, Opinion(self._overall, tone.clause, tone.praise, chance)
            for each in reading.evidence:
                if not (tone and each.aspect == self._overall):
                    chance = self._model.calibrated("opinions", each.features(sure[n][product]))
                    yield n, product, Opinion(each.aspect, each.clause, each.praise, chance)

    def evidence(self, rows: pl.DataFrame) -> Iterator[tuple[int, float, Evidence]]:
        """Yield the number of a row, how sure the mention is, and evidence, one an aspect."""
        sure = _confidences(rows)
        for n, product, reading in self._readings(rows):
            yield from ((n, sure[n][product], each) for each in reading.evidence)

    def aspect(self, evidence: Evidence) -> str:
        """Return the name of the aspect that a piece of evidence is about."""
        return self._reader.aspects[evidence.aspect]

    def _readings(self, rows: pl.DataFrame) -> Iterator[tuple[int, str, Reading]]:
        """Yield the number of a row, a product of it, and what is believed, in their order."""
        columns = ("text", "context_title", "community", "products")
        places = [
            (n, Item(text, title or "", community), product)
            for n, (text, title, community, products) in enumerate(rows.select(columns).iter_rows())
            for product in products
        ]
        recent = self._model.readings(self._domain.version)
        asked = dict.fromkeys((item, product) for _, item, product in places)
        known = {place: recent[place] for place in asked if place in recent}
        unread = [place for place in asked if place not in known]
        windows = (
            window
            for n, (item, product) in enumerate(unread)
            for window in self._reader.read(n, item, [product])
        )
        read: dict[int, list[tuple[Window, Answer]]] = {}
        for window, answer in self._model.answer(windows, self._aspects):
            read.setdefault(window.item, []).append((window, answer))
        for n, place in enumerate(unread):
            known[place] = recent[place] = self._reading(read.get(n, []))
        yield from ((n, product, known[item, product]) for n, item, product in places)

    def _reading(self, parts: Sequence[tuple[Window, Answer]]) -> Reading:
        """Return what is believed of a product by all windows of an item."""
        named = [answer.named for window, answer in parts if window.is_named]
        found: dict[int, list[Evidence]] = {}
        for window, answer in parts:
            for each in self._evidence(window, answer):
                found.setdefault(each.aspect, []).append(each)
        return Reading(
            max(named, default=None),
            max((answer.referred for _, answer in parts), default=0.0),
            tuple(_best(found[aspect]) for aspect in sorted(found)),
            _tone(parts),
        )

    def _evidence(self, window: Window, answer: Answer) -> Iterator[Evidence]:
        for k, a in zip(*np.nonzero(answer.opinions[..., 0] >= _CHANCE_MIN), strict=True):
            chance, praise = (float(each) for each in answer.opinions[k, a])
            # A clause that judges one side of a product is not about the whole of it as well.
            if a == self._overall and chance < answer.opinions[k, :, 0].max():
                continue
            # A plain comparison is read more surely by rules.
            preference = window.preferences[k]
            if preference is Preference.OPEN:
                continue
            if preference is not None:
                praise = _SURE if preference is Preference.WINNER else 1 - _SURE
            if window.is_asked[k] and praise > 1 / 2:
                continue
            role = _role(window.clause_features[k, a])
            # "Upgraded from an S21, so happy": praise beside what was left is not of it.
            if role[_LOSER] and preference is None and praise > 1 / 2:
                continue
            yield Evidence(window.product_id, int(a), window.clauses[k], chance, praise, role)


def _confidences(rows: pl.DataFrame) -> list[dict[str, float]]:
    """Return how sure the mention of each product of a row is."""
    return [
        dict(zip(products, confidences, strict=True))
        for products, confidences in rows.select("products", "confidences").iter_rows()
    ]


def _tone(parts: Sequence[tuple[Window, Answer]]) -> Tone | None:
    """Return the sign of all clauses of a text, each weighted by how likely it judges anything."""
    places = [(w, k) for w, answer in parts for k in range(len(answer.opinions))]
    if not places:
        return None
    chances, praises = np.concatenate([answer.opinions for _, answer in parts]).transpose(2, 0, 1)
    if chances.max() < _TONE_CHANCE_MIN:
        return None
    bounded = np.clip(praises, CERTAIN, 1 - CERTAIN)
    signs = chances * np.log(bounded / (1 - bounded))
    sign = float(signs.sum() / chances.sum())
    if abs(sign) < _TONE_MIN:
        return None
    window, k = places[int(np.argmax(signs.sum(axis=1) * np.sign(sign)))]
    return Tone(1 / (1 + math.exp(-sign)), window.clauses[k])


def _best(found: Sequence[Evidence]) -> Evidence:
    """Return the clause that shows an aspect best, with the sign of all clauses that judge it."""
    weights = [each.chance**2 for each in found]
    signs = [odds(each.praise) for each in found]
    sign = sum(w * s for w, s in zip(weights, signs, strict=True)) / sum(weights)
    agreeing = [each for each, own in zip(found, signs, strict=True) if (own > 0) == (sign > 0)]
    best = max(agreeing, key=lambda each: each.chance)
    return best._replace(praise=1 / (1 + math.exp(-sign)))


def _role(features: Floats) -> tuple[float, ...]:
    """Return what rules say of a clause: near, far, loser; whether it has a cue, and is overall."""
    near, far, loser = features[ASPECT_FEATURES : ASPECT_FEATURES + 3]
    return tuple(map(float, (near, far, loser, features[0] > 0, features[5] > 0)))
