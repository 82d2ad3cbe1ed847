"""The scorer `local`: what the trained model believes, as mentions weighed anew and opinions with their confidence."""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import polars as pl

from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.clauses import Clause
from market_opinion.scorers.contract import Bars, Judgements, ScorerContext, Version
from market_opinion.scorers.local.heads import ASPECT_FEATURES
from market_opinion.scorers.local.inputs import Floats, Item, Window
from market_opinion.scorers.local.model import Answer, LocalModel, odds, shared_model
from market_opinion.stages.opinions import as_judgements

# What is less likely than this is not looked at any further.
_CHANCE_MIN = 0.12
# Processors differ beyond these.
_DIGITS = 3
_REFERRED = "referred"


class Evidence(NamedTuple):
    """One clause that may judge one aspect of one product, and what speaks for it."""

    product_id: str
    aspect: int
    clause: Clause
    chance: float
    praise: float
    features: tuple[float, ...]


class LocalScorer:
    """Judges items of one domain without a key; the same item always gets the same opinions."""

    bars: ClassVar[Bars] = Bars(mention=0.45, opinion=0.25)

    def __init__(self, domain: Domain, model: LocalModel) -> None:
        """Prepare what is asked of every text of the domain."""
        self._model = model
        self._reader = model.reader(domain)
        self._aspects = model.aspect_vectors(domain)
        self._overall = self._reader.aspects.index(domain.overall_aspect)

    @classmethod
    def check(cls, settings: Settings, domain: Domain) -> None:
        """Raise SettingsInvalid where the weights are not there."""
        del domain
        shared_model(settings.scoring.local_model)

    @classmethod
    def version(cls, settings: Settings, domain: Domain) -> Version:
        """Return the version of the weights."""
        del domain
        return Version(f"minilm-{shared_model(settings.scoring.local_model).version}")

    @classmethod
    def open(cls, context: ScorerContext) -> Self:
        """Return the scorer; the weights are loaded once a process."""
        return cls(context.domain, shared_model(context.settings.scoring.local_model))

    def weigh(self, items: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return the candidates of silver.mentions with the model's confidence in them."""
        key = ["platform", "kind", "item_id", "window_start"]
        asked = candidates.group_by(key, maintain_order=True).agg(products="product_id")
        rows = items.join(asked, on=key, maintain_order="left").with_row_index("row")
        windows, answers = self._answers(rows, None)
        chances: dict[tuple[int, str], float] = {}
        referred: dict[tuple[int, str], float] = {}
        for window, answer in zip(windows, answers, strict=True):
            place = window.item, window.product_id
            referred[place] = max(referred.get(place, 0.0), answer.referred)
            if window.is_named:
                chances[place] = max(chances.get(place, 0.0), answer.named)
        both = candidates.join(rows.select(*key, "row"), on=key, how="left", maintain_order="left")
        confidence = [
            self._weighed(reason, given, chances.get((row, product)), referred.get((row, product)))
            for row, product, reason, given in both.select(
                "row", "product_id", "reason", "confidence"
            ).iter_rows()
        ]
        return candidates.with_columns(
            confidence=pl.Series(confidence, dtype=pl.Float64).round(_DIGITS)
        )

    def _weighed(
        self, reason: str, given: float, named: float | None, referred: float | None
    ) -> float:
        if reason == "subject":
            return given
        if reason == _REFERRED:
            return self._model.calibrated("referred", (odds(referred or 0.0),))
        return given if named is None else self._model.calibrated("named", (odds(named),))

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Judge rows of `to_judge`: of each product and aspect, by the clause that shows it best."""
        texts, numbers = rows["text"].to_list(), rows["row"].to_list()
        found: list[tuple[Any, ...]] = []
        for n, best in self.evidence(rows):
            start, end = best.clause.span
            confidence = self._model.calibrated("opinions", best.features)
            polarity, words = round(2 * best.praise - 1, _DIGITS), texts[n][start:end]
            place = numbers[n], best.product_id, self.aspect(best)
            found.append((*place, polarity, round(confidence, _DIGITS), start, end, words, None))
        return Judgements(as_judgements(found))

    def evidence(self, rows: pl.DataFrame) -> Iterator[tuple[int, Evidence]]:
        """Yield the number of a row and the best evidence of each product and aspect in it."""
        windows, answers = self._answers(rows, self._aspects)
        sure = [
            dict(zip(products, confidences, strict=True))
            for products, confidences in rows.select("products", "confidences").iter_rows()
        ]
        best: dict[tuple[int, str, int], Evidence] = {}
        for window, answer in zip(windows, answers, strict=True):
            for each in self._evidence(window, answer, sure[window.item][window.product_id]):
                place = window.item, each.product_id, each.aspect
                if place not in best or each.chance > best[place].chance:
                    best[place] = each
        # In the order of the rows, and within one as its products and aspects stand.
        places = sorted(best, key=lambda place: (place[0], *place[1:]))
        yield from ((place[0], best[place]) for place in places)

    def aspect(self, evidence: Evidence) -> str:
        """Return the name of the aspect that a piece of evidence is about."""
        return self._reader.aspects[evidence.aspect]

    def _answers(
        self, rows: pl.DataFrame, aspects: Floats | None
    ) -> tuple[list[Window], list[Answer]]:
        """Return windows of every row and product of it; without aspects no more than tells that it is meant."""
        columns = ("text", "context_title", "community", "products")
        windows = []
        for n, (text, title, community, products) in enumerate(rows.select(columns).iter_rows()):
            read = self._reader.read(n, Item(text, title or "", community), products)
            named = {window.product_id for window in read if window.is_named}
            windows += [
                window
                for window in read
                if aspects is not None or window.is_named or window.product_id not in named
            ]
        return windows, self._model.answer(windows, aspects)

    def _evidence(self, window: Window, answer: Answer, sure: float) -> Iterator[Evidence]:
        for k, a in zip(*np.nonzero(answer.opinions[..., 0] >= _CHANCE_MIN), strict=True):
            chance, praise = (float(each) for each in answer.opinions[k, a])
            # A clause that judges one side of a product is not about the whole of it as well.
            if a == self._overall and chance < answer.opinions[k, :, 0].max():
                continue
            features = _features(chance, praise, sure, window.clause_features[k, a])
            clause = window.clauses[k]
            yield Evidence(window.product_id, int(a), clause, chance, praise, features)


def _features(chance: float, praise: float, sure: float, features: Floats) -> tuple[float, ...]:
    """Return what the confidence of an opinion is made of."""
    has_cue, is_overall = features[0] > 0, features[5] > 0
    near, far, loser = features[ASPECT_FEATURES : ASPECT_FEATURES + 3]
    return (
        odds(chance),
        abs(odds(praise)),
        odds(sure),
        float(near),
        float(far),
        float(loser),
        float(has_cue),
        float(is_overall),
    )
