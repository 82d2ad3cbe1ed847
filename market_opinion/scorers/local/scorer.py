"""The scorer `local`: what the trained model believes, as mentions weighed anew and opinions with their confidence."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import polars as pl

from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.clauses import Clause
from market_opinion.scorers.contract import Bars, Judgements, ScorerContext, Version
from market_opinion.scorers.local.inputs import Item, Window
from market_opinion.scorers.local.model import Answer, LocalModel, odds, shared_model
from market_opinion.scorers.targets import Target, targets_of
from market_opinion.stages.naming import Naming
from market_opinion.stages.opinions import as_judgements

# What is less likely than this is not looked at any further.
_CHANCE_MIN = 0.12
_REFERRED = "referred"
_SUBJECT_CHANCE = 0.95


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

    bars: ClassVar[Bars] = Bars(mention=0.5, opinion=0.35)

    def __init__(self, domain: Domain, model: LocalModel) -> None:
        """Prepare what is asked of every text of the domain."""
        self._model = model
        self._reader = model.reader(domain)
        self._aspects = model.aspect_vectors(domain)
        self._overall = domain.overall_aspect

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
        """Return the candidates of silver.mentions with the model's confidence in place of the rules'."""
        key = ["platform", "kind", "item_id", "window_start"]
        rows = items.join(candidates.select(key).unique(), on=key, how="semi").with_row_index("row")
        windows, answers = self._answers(rows)
        chances: dict[tuple[int, str], float] = {}
        referred: dict[int, float] = {}
        for window, answer in zip(windows, answers, strict=True):
            for name, chance in zip(window.names, answer.named, strict=True):
                place = window.item, name.product_id
                chances[place] = max(chances.get(place, 0.0), float(chance))
            referred[window.item] = max(referred.get(window.item, 0.0), answer.referred)
        both = candidates.join(rows.select(*key, "row"), on=key, how="left", maintain_order="left")
        confidence = [
            self._weighed(reason, given, chances.get((row, product_id)), referred.get(row, 0.0))
            for row, product_id, reason, given in both.select(
                "row", "product_id", "reason", "confidence"
            ).iter_rows()
        ]
        return candidates.with_columns(confidence=pl.Series(confidence, dtype=pl.Float64))

    def _weighed(self, reason: str, given: float, named: float | None, referred: float) -> float:
        if reason == "subject":
            return given
        if reason == _REFERRED:
            return self._model.calibrated("referred", (odds(referred),))
        return given if named is None else self._model.calibrated("named", (odds(named),))

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Judge rows of `to_judge`: of each product and aspect, by the clause that shows it best."""
        texts, numbers = rows["text"].to_list(), rows["row"].to_list()
        found: list[tuple[Any, ...]] = []
        for n, best in self.evidence(rows):
            start, end = best.clause.span
            confidence = self._model.calibrated("opinions", best.features)
            polarity, words = 2 * best.praise - 1, texts[n][start:end]
            place = numbers[n], best.product_id, self.aspect(best)
            found.append((*place, polarity, confidence, start, end, words, None))
        return Judgements(as_judgements(found))

    def evidence(self, rows: pl.DataFrame) -> Iterator[tuple[int, Evidence]]:
        """Yield the number of a row and the best evidence of each product and aspect in it."""
        windows, answers = self._answers(rows)
        by_item: dict[int, list[tuple[Window, Answer]]] = {}
        for window, answer in zip(windows, answers, strict=True):
            by_item.setdefault(window.item, []).append((window, answer))
        columns = ("text", "products", "reasons", "confidences")
        for n, (text, products, reasons, confidences) in enumerate(
            rows.select(columns).iter_rows()
        ):
            sure = dict(zip(products, confidences, strict=True))
            told = dict(zip(products, reasons, strict=True))
            yield from ((n, best) for best in self._best(text, by_item.get(n, []), sure, told))

    def aspect(self, evidence: Evidence) -> str:
        """Return the name of the aspect that a piece of evidence is about."""
        return self._reader.aspects[evidence.aspect]

    def _answers(self, rows: pl.DataFrame) -> tuple[list[Window], list[Answer]]:
        windows = [
            window
            for n, (text, title, community) in enumerate(
                rows.select("text", "context_title", "community").iter_rows()
            )
            for window in self._reader.read(n, Item(text, title or "", community))
        ]
        return windows, self._model.answer(windows, self._aspects)

    def _best(
        self,
        text: str,
        read: Sequence[tuple[Window, Answer]],
        sure: dict[str, float],
        reasons: dict[str, str],
    ) -> list[Evidence]:
        """Return the surest evidence of each product and aspect of an item."""
        names = [name for window, _ in read for name in window.names if name.product_id in sure]
        referred = next(
            (p for p, reason in reasons.items() if reason in {_REFERRED, "subject"}), None
        )
        best: dict[tuple[str, int], Evidence] = {}
        for window, answer in read:
            for evidence in self._evidence(text, window, answer, names, referred, sure):
                place = evidence.product_id, evidence.aspect
                if place not in best or evidence.chance > best[place].chance:
                    best[place] = evidence
        return list(best.values())

    def _evidence(  # noqa: PLR0917, one window
        self,
        text: str,
        window: Window,
        answer: Answer,
        names: Sequence[Naming],
        referred: str | None,
        sure: dict[str, float],
    ) -> Iterator[Evidence]:
        for k, a in zip(*np.nonzero(answer.opinions[..., 0] >= _CHANCE_MIN), strict=True):
            clause, features = window.clauses[k], window.clause_features[k, a]
            chance, praise = (float(each) for each in answer.opinions[k, a])
            near = (clause.span.start + clause.span.end) // 2
            for target in targets_of(text, clause, near, names, referred):
                if target.product_id not in sure:
                    continue
                sign = 1 - praise if target.is_loser else praise
                total = chance * sure[target.product_id]
                yield Evidence(
                    target.product_id,
                    int(a),
                    clause,
                    total * (0.8 if target.is_loser else 1.0),
                    sign,
                    _features(chance, praise, sure[target.product_id], target, features),
                )


def _features(
    chance: float,
    praise: float,
    sure: float,
    target: Target,
    features: Any,  # noqa: ANN401, an array
) -> tuple[float, ...]:
    """Return what the confidence of an opinion is made of."""
    return (
        odds(chance),
        abs(odds(praise)),
        odds(sure),
        float(target.is_near),
        float(target.is_loser),
        float(features[0] > 0),
        float(features[5] > 0),
    )
