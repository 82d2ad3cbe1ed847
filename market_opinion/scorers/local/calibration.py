"""Curves from what the model says to how often it is right, fitted on held-out items."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from market_opinion.domain.definition import Domain
from market_opinion.domain.labels import LabelledItem, as_silver
from market_opinion.scorers.local.model import LocalModel, odds
from market_opinion.scorers.local.scorer import LocalScorer
from market_opinion.stages import mentions, opinions

_STEPS, _PENALTY, _RIDGE = 60, 1.0, 1e-6
# What is less likely meant than this has no opinions to learn from.
_MENTION_MIN = 0.4
_REASONS = {"named": ("named", "title"), "referred": ("referred",)}

Curve = tuple[float, list[float]]


class HeldOut(NamedTuple):
    """Labelled items of one domain that nothing was trained on."""

    domain: Domain
    labelled: Sequence[LabelledItem]


def calibrate(model: LocalModel, held_out: Sequence[HeldOut]) -> dict[str, Curve]:
    """Return the curves of named and referred mentions and of opinions."""
    curves: dict[str, Curve] = {}
    uncalibrated = model.with_curves({})
    weighed = [_weighed(uncalibrated, each) for each in held_out]
    for name, reasons in _REASONS.items():
        odds_of, right = [], []
        for each, candidates in zip(held_out, weighed, strict=True):
            products = {
                item.item_id: {m.product_id for m in item.mentions} for item in each.labelled
            }
            own = candidates.filter(pl.col("reason").is_in(reasons))
            odds_of += [[odds(chance)] for chance in own["confidence"]]
            right += [
                product in products[item]
                for item, product in own.select("item_id", "product_id").iter_rows()
            ]
        curves[name] = fit(odds_of, right)
    features, right = [], []
    for each in held_out:
        own_features, own_right = _opinions(model.with_curves(curves), each)
        features += own_features
        right += own_right
    curves["opinions"] = fit(features, right)
    return curves


def _weighed(model: LocalModel, held_out: HeldOut) -> pl.DataFrame:
    items = as_silver(held_out.labelled)
    candidates = mentions.find_candidates(items, held_out.domain)
    return LocalScorer(held_out.domain, model).weigh(items, candidates)


def _opinions(model: LocalModel, held_out: HeldOut) -> tuple[list[list[float]], list[bool]]:
    """Return what the confidence of each opinion is made of, and whether the opinion is right."""
    scorer = LocalScorer(held_out.domain, model)
    believed = mentions.believed(_weighed(model, held_out), confidence_min=_MENTION_MIN)
    rows = opinions.to_judge(as_silver(held_out.labelled), believed)
    labels = {
        (item.item_id, each.product_id, each.aspect): each.label
        for item in held_out.labelled
        for each in item.opinions
    }
    features, right = [], []
    for n, sure, evidence in scorer.evidence(rows):
        sign = "positive" if evidence.praise > 1 / 2 else "negative"
        place = rows["item_id"][n], evidence.product_id, scorer.aspect(evidence)
        features.append(list(evidence.features(sure)))
        right.append(labels.get(place) == sign)
    return features, right


def fit(features: Sequence[Sequence[float]], right: Sequence[bool]) -> Curve:
    """Return intercept and weights of a logistic regression, by penalised Newton steps."""
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
