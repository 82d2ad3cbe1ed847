"""Accuracy against money: the local scorer alone, a model beside it for more and more items."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl
from pydantic import SecretStr

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import Settings
from market_opinion.domain.labels import LabelledItem, as_silver
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.llm import ledger
from market_opinion.scorers.llm.engine import Engine
from market_opinion.scorers.llm.model import Model
from market_opinion.scorers.llm.prices import load_price
from market_opinion.scorers.llm.prompt import load_prompt
from market_opinion.scorers.routed import by_worth
from market_opinion.stages import mentions
from market_opinion.stages.opinions import to_judge
from market_opinion.truth import gold_set

SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
_DIGITS = 9  # of a sum of shares, so that all of them are 1
# Whose price is taken where no model is set.
_MODEL = "gpt-4.1-mini"
_ITEMS = 1000


class Judges(NamedTuple):
    """The judge of all items, and the one that is asked about some."""

    local: Judge
    model: Judge


def frontier(
    items: Sequence[LabelledItem],
    judges: Judges,
    sizes: Mapping[tuple[str, str], int],
    *,
    usd_an_item: float,
) -> pl.DataFrame:
    """Return one row for each of SHARES, the share of items that the model is asked about.

    Columns: `share`, `usd` for 1,000 items with a candidate, `precision`, `recall` and `f1` of
    opinions right. Shares and figures are weighted to the population by the sizes of the strata.
    """
    own, theirs = (gold_set.judge_gold(judge, items) for judge in judges)
    order = _in_order(items, judges.local, sizes)
    rows = []
    for share in SHARES:
        asked = order.filter(pl.col("share") <= share)
        told, judged = (_by_either(*both, asked) for both in zip(own, theirs, strict=True))
        measures = gold_set.measure(items, told, judged, judges.local.domain, sizes)
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


def _in_order(
    items: Sequence[LabelledItem], local: Judge, sizes: Mapping[tuple[str, str], int]
) -> pl.DataFrame:
    """Return the items that the routed scorer would ask about, in its order.

    `share` is that of the population's items which are asked once an item is.
    """
    weights = pl.DataFrame(
        {
            "item_id": [item.item_id for item in items],
            "weight": gold_set.weights_of(items, sizes),
        }
    )
    rows = _to_ask(items, local)
    ordered = by_worth(rows, local.scorer.judge(rows).rows)
    weighted = ordered.join(weights, on="item_id", how="left", maintain_order="left")
    share = pl.col("weight").cum_sum() / pl.col("weight").sum()
    return weighted.select("item_id", share=share.round(_DIGITS))


def _to_ask(items: Sequence[LabelledItem], judge: Judge) -> pl.DataFrame:
    """Return rows of `to_judge`, one an item with a candidate."""
    silver = as_silver(items)
    candidates = mentions.find_candidates(silver, judge.domain)
    return to_judge(silver, judge.scorer.weigh(silver, candidates))


def _by_either(own: pl.DataFrame, theirs: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return their rows of the items that they were asked about, and one's own of the others."""
    kept = own.join(asked, on="item_id", how="anti")
    return pl.concat([kept, theirs.join(asked, on="item_id", how="semi")])


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
    rows = _to_ask(items, judge)
    totals = Engine(model, prompt).expect(ledger.ask(rows, prompt, model=name))
    return (totals.usd or 0.0) / max(1, rows.height)
