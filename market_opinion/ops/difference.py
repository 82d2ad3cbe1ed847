"""The difference between two domains on the same items.

It shows the effect of a changed prompt, catalogue or cue.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain, load_domain
from market_opinion.ops.adapters import Adapters
from market_opinion.ops.orchestrator import turn
from market_opinion.scorers.contract import ScorerContext
from market_opinion.scorers.judging import Judge
from market_opinion.serving import mart
from market_opinion.stages import opinions, silver
from market_opinion.truth import agreement

_SHOWN_CHARACTERS = 300
_ITEM = ["platform", "kind", "item_id"]
# The command prints the difference and nothing else.
_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True


@dataclass(frozen=True)
class Difference:
    """Two domains on the same items: their agreement, and the items that they judge otherwise."""

    item_count: int
    agreement: agreement.Agreement
    changed: pl.DataFrame


def compare_domains(adapters: Adapters, left: str, right: str, *, items_max: int) -> Difference:
    """Judge the newest usable items that are kept by both domains, with the scorer of the settings.

    No table is changed but the ledger of answers that were paid for. Raises InvalidRequest where
    nothing is kept.
    """
    domains = [load_domain(name, adapters.settings.domains_path) for name in (left, right)]
    items = (
        adapters.lake()
        .read(SILVER_ITEMS)
        .filter(pl.col("is_usable"), ~silver.is_purged())
        .sort("created_at", "item_id")
        .tail(items_max)
    )
    if items.is_empty():
        message = "no item is kept here that could be judged: back-fill some first"
        raise InvalidRequest(message)
    first, second = (_opinions(adapters, items, domain) for domain in domains)
    products = pl.concat(
        mart.product_rows(domain).select("product_id", "brand") for domain in domains
    ).unique("product_id", keep="last")
    return Difference(
        items.height, agreement.compare(first, second, products), _changed(items, first, second)
    )


def _opinions(adapters: Adapters, items: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    stores = adapters.lake(), adapters.state()
    commit = {"run-id": "domain diff"}
    context = ScorerContext(adapters.settings, domain, *stores, turn, _SILENT, commit)
    judge = Judge.open(context)
    return judge.judge(opinions.to_judge(items, judge.mention(items))).opinions


def _changed(items: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Return one row per item that is judged otherwise, with the opinions of each domain."""
    sides = [
        frame.with_columns(words=pl.format("{} {} {}", "product_id", "aspect", "label"))
        .group_by(_ITEM)
        .agg(pl.col("words").sort().str.join("; "))
        .rename({"words": side})
        for side, frame in (("left", left), ("right", right))
    ]
    both = (
        sides[0]
        .join(sides[1], on=_ITEM, how="full", coalesce=True)
        .with_columns(pl.col("left", "right").fill_null("nothing"))
    )
    return (
        both.filter(pl.col("left") != pl.col("right"))
        .join(items.select(*_ITEM, "text"), on=_ITEM)
        .sort(_ITEM)
    )


def lines(difference: Difference, left: str, right: str, *, examples_max: int) -> Iterator[str]:
    """Yield the difference in words, line by line."""
    figures = difference.agreement
    apart = (
        f"{figures.left_only_count:,} only of {left}, {figures.right_only_count:,} only of {right}"
    )
    yield f"{difference.item_count:,} items: {figures.both_count:,} opinions of both, {apart}"
    if figures.label_agreement is not None:
        yield f"labels agree on {figures.label_agreement:.1%}"
    by_aspect = figures.by_aspect.filter(pl.col("left_count") != pl.col("right_count"))
    for row in by_aspect.iter_rows(named=True):
        yield f"aspect {row['aspect']}: {row['left_count']:,} and {row['right_count']:,} opinions"
    yield f"{difference.changed.height:,} items are judged otherwise"
    for row in difference.changed.head(examples_max).iter_rows(named=True):
        text = " ".join(row["text"].split())[:_SHOWN_CHARACTERS]
        yield f"\n{row['platform']}/{row['item_id']}: {text}"
        yield f"  {left}: {row['left']}"
        yield f"  {right}: {row['right']}"
