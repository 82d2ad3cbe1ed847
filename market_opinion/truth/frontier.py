"""Accuracy against money: the local scorer alone, a model beside it for more and more items."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl
from pydantic import SecretStr

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.domain.labels import LabelledItem, as_silver
from market_opinion.scorers.contract import OpenScorer, Version
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.llm import ledger
from market_opinion.scorers.llm.engine import Engine
from market_opinion.scorers.llm.model import Model
from market_opinion.scorers.llm.prices import load_price
from market_opinion.scorers.llm.prompt import load_prompt
from market_opinion.scorers.routed import Route, RoutedScorer
from market_opinion.stages.opinions import to_judge
from market_opinion.truth import gold_set

SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
# Whose price is taken where no model is set.
_MODEL = "gpt-4.1-mini"
_ITEMS = 1000


class Scorers(NamedTuple):
    """The scorer that judges all items, and the one that is asked about some."""

    local: OpenScorer
    model: OpenScorer


def frontier(
    items: Sequence[LabelledItem],
    scorers: Scorers,
    domain: Domain,
    sizes: Mapping[tuple[str, str], int],
    *,
    usd_an_item: float,
) -> pl.DataFrame:
    """Return one row for each of SHARES, the share of items that the model is asked about.

    Columns: `share`, `usd` for 1,000 items with a mention, `precision`, `recall` and `f1` of
    opinions right, weighted to the population by the sizes of the strata.
    """
    rows = []
    for share in SHARES:
        routed = RoutedScorer(
            Route(scorers.local, "local", Version("local")),
            Route(scorers.model, "model", Version("model")),
            share,
        )
        judge = Judge(routed, "routed", domain, RoutedScorer.bars, Version("routed"))
        measures = gold_set.measure(items, *gold_set.judge_gold(judge, items), domain, sizes)
        values = {m.name: m.figure.value or 0.0 for m in measures if m.part == "all"}
        rows.append(
            {
                "share": share,
                "usd": share * usd_an_item * _ITEMS,
                **{
                    name: values.get(f"opinions right: {figure}", 0.0)
                    for name, figure in (
                        ("precision", "precision"),
                        ("recall", "recall"),
                        ("f1", "F1"),
                    )
                },
            }
        )
    return pl.DataFrame(rows)


def gain_kept(points: pl.DataFrame, share: float) -> float | None:
    """Return how much of the model's gain in F1 is had by asking about a share of the items.

    None where the model gains nothing, or for a share that was not measured.
    """
    f1 = dict(points.select("share", "f1").iter_rows())
    gain = f1[1.0] - f1[0.0]
    return (f1[share] - f1[0.0]) / gain if gain > 0 and share in f1 else None


def usd_an_item(judge: Judge, items: Sequence[LabelledItem], settings: Settings) -> float:
    """Return about what a question on one of the items costs, by the price of LLM_MODEL.

    Raises InvalidRequest for a model without a price.
    """
    name = settings.llm.model or _MODEL
    price = load_price(name, settings.llm.prices)
    if price is None:
        message = f"the price of {name} is not known: name it in a file and set LLM_PRICES"
        raise InvalidRequest(message)
    model = Model(name=name, base_url=None, api_key=SecretStr(""), price=price)
    prompt = load_prompt(judge.domain, settings.domains_path)
    silver = as_silver(items)
    rows = to_judge(silver, judge.mention(silver))
    totals = Engine(model, prompt).expect(ledger.ask(rows, prompt, model=name))
    return (totals.usd or 0.0) / max(1, rows.height)
