"""The scorer `local`: what the trained model believes, as mentions weighed anew and opinions with their confidence."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from market_opinion.domain.definition import Domain
from market_opinion.scorers.clauses import Clause
from market_opinion.scorers.local.inputs import Item, Window
from market_opinion.scorers.local.model import Answer, LocalModel
from market_opinion.scorers.targets import Target, targets_of
from market_opinion.stages.naming import Naming
from market_opinion.stages.opinions import JUDGEMENT_SCHEMA

NAME = "local"
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

    name = NAME
    prompt_version: str | None = None

    def __init__(self, domain: Domain, model: LocalModel) -> None:
        """Prepare what is asked of every text of the domain."""
        self._model = model
        self._reader = model.reader(domain)
        self._aspects = model.aspect_vectors(domain)
        self._overall = domain.overall_aspect

    @property
    def model(self) -> str:
        """Name and version of the weights."""
        return f"minilm-{self._model.version}"

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
            return self._model.calibrated("referred", (_odds(referred),))
        return given if named is None else self._model.calibrated("named", (_odds(named),))

    def judge(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Return judgements of rows of `to_judge`: for each product and aspect the clause that shows it best."""
        windows, answers = self._answers(asked)
        by_item: dict[int, list[tuple[Window, Answer]]] = {}
        for window, answer in zip(windows, answers, strict=True):
            by_item.setdefault(window.item, []).append((window, answer))
        rows: list[tuple[Any, ...]] = []
        columns = ("row", "text", "products", "reasons", "confidences")
        for n, (row, text, products, reasons, confidences) in enumerate(
            asked.select(columns).iter_rows()
        ):
            sure = dict(zip(products, confidences, strict=True))
            told = dict(zip(products, reasons, strict=True))
            for best in self._best(text, by_item.get(n, []), sure, told):
                start, end = best.clause.span
                polarity = 2 * best.praise - 1
                confidence = self._model.calibrated("opinions", best.features)
                aspect = self._reader.aspects[best.aspect]
                rows.append(
                    (
                        row,
                        best.product_id,
                        aspect,
                        polarity,
                        confidence,
                        start,
                        end,
                        text[start:end],
                        None,
                    )
                )
        data = zip(*rows, strict=True) if rows else [()] * len(JUDGEMENT_SCHEMA)
        return pl.DataFrame(dict(zip(JUDGEMENT_SCHEMA, data, strict=True)), schema=JUDGEMENT_SCHEMA)

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
        _odds(chance),
        abs(_odds(praise)),
        _odds(sure),
        float(target.is_near),
        float(target.is_loser),
        float(features[0] > 0),
        float(features[5] > 0),
    )


def _odds(chance: float) -> float:
    bounded = min(max(chance, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))
