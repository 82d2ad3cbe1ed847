"""Curves that turn what the model says into how often it is right, fitted on items it was not trained on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from market_opinion.domain.definition import Domain
from market_opinion.domain.labels import LabelledItem
from market_opinion.scorers.local.model import LocalModel, odds
from market_opinion.scorers.local.scorer import LocalScorer
from market_opinion.stages import mentions, opinions

_STEPS, _PENALTY, _RIDGE = 60, 1.0, 1e-6
# What is less likely meant than this has no opinions to learn from.
_MENTION_MIN = 0.4
_REASONS = {"named": ("named", "title"), "referred": ("referred",)}

Curve = tuple[float, list[float]]


def calibrate(
    model: LocalModel, domain: Domain, items: pl.DataFrame, labelled: Sequence[LabelledItem]
) -> dict[str, Curve]:
    """Return the curves of named and referred mentions and of opinions; `items` are silver rows of the labelled ones."""
    curves: dict[str, Curve] = {}
    scorer = LocalScorer(domain, model.with_curves(curves))
    candidates = mentions.find_candidates(items, domain)
    products = {item.item_id: {m.product_id for m in item.mentions} for item in labelled}
    raw = scorer.weigh(items, candidates)
    for name, reasons in _REASONS.items():
        own = raw.filter(pl.col("reason").is_in(reasons))
        right = [
            product in products[item]
            for item, product in own.select("item_id", "product_id").iter_rows()
        ]
        curves[name] = fit([[odds(chance)] for chance in own["confidence"]], right)
    scorer = LocalScorer(domain, model.with_curves(curves))
    believed = mentions.believed(scorer.weigh(items, candidates), confidence_min=_MENTION_MIN)
    rows = opinions.to_judge(items, believed)
    labels = {
        (item.item_id, o.product_id, o.aspect): o.label for item in labelled for o in item.opinions
    }
    features, right = [], []
    for n, evidence in scorer.evidence(rows):
        sign = "positive" if evidence.praise > 1 / 2 else "negative"
        place = rows["item_id"][n], evidence.product_id, scorer.aspect(evidence)
        features.append(list(evidence.features))
        right.append(labels.get(place) == sign)
    curves["opinions"] = fit(features, right)
    return curves


def fit(features: Sequence[Sequence[float]], right: Sequence[bool]) -> Curve:
    """Return intercept and weights of a logistic regression, by Newton's method with a small penalty."""
    x = np.column_stack([np.ones(len(features)), np.asarray(features, float)])
    y = np.asarray(right, float)
    weights = np.zeros(x.shape[1])
    penalty = _PENALTY * np.eye(len(weights))
    penalty[0, 0] = 0.0
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (chance - y) + penalty @ weights
        bend: Any = (x * (chance * (1 - chance))[:, None]).T @ x + penalty
        weights = weights - np.linalg.solve(bend + _RIDGE * np.eye(len(weights)), slope)
    return float(weights[0]), [float(weight) for weight in weights[1:]]
