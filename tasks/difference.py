"""What changes when another domain judges the same items: another prompt, catalogue or set of cues, before anybody depends on it."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
from prefect.logging import disable_run_logger

from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.domain.definition import Domain, load_domain
from market_opinion.serving import mart
from market_opinion.stages import mentions, opinions, silver
from market_opinion.truth import agreement
from tasks import adapters
from tasks.opinions import judge_rows

_SHOWN_CHARACTERS = 300
_ITEM = ["platform", "kind", "item_id"]


@dataclass(frozen=True)
class Difference:
    """Two domains on the same items: how many, how far they agree, and the texts of which they do not say the same."""

    item_count: int
    agreement: agreement.Agreement
    changed: pl.DataFrame


def compare_domains(left: str, right: str, *, items_max: int) -> Difference:
    """Judge the newest usable items that are kept by both, with the scorer of the settings.

    Nothing of it reaches a table but answers that were paid for. Raises InvalidRequest where nothing is kept.
    """
    folder = load_settings().domains_path
    domains = [load_domain(name, folder) for name in (left, right)]
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
    with disable_run_logger():
        first, second = (_judge(items, domain) for domain in domains)
    products = pl.concat(
        mart.product_rows(domain).select("product_id", "brand") for domain in domains
    ).unique("product_id", keep="last")
    return Difference(
        items.height, agreement.compare(first, second, products), _changed(items, first, second)
    )


def _judge(items: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    found = mentions.find_mentions(items, domain)
    accepted, _, _ = judge_rows(
        opinions.to_judge(items, found), domain, None, run={"run-id": "domain diff"}
    )
    return accepted


def _changed(items: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """One row per item of which something else is said, with what each says."""
    said = [
        frame.with_columns(said=pl.format("{} {} {}", "product_id", "aspect", "label"))
        .group_by(_ITEM)
        .agg(pl.col("said").sort().str.join("; "))
        .rename({"said": side})
        for side, frame in (("left", left), ("right", right))
    ]
    both = (
        said[0]
        .join(said[1], on=_ITEM, how="full", coalesce=True)
        .with_columns(pl.col("left", "right").fill_null("nothing"))
    )
    return (
        both.filter(pl.col("left") != pl.col("right"))
        .join(items.select(*_ITEM, "text"), on=_ITEM)
        .sort(_ITEM)
    )


def told(difference: Difference, left: str, right: str, *, examples_max: int) -> Iterator[str]:
    """The difference in words, line by line."""
    found = difference.agreement
    apart = f"{found.left_only_count:,} only of {left}, {found.right_only_count:,} only of {right}"
    yield f"{difference.item_count:,} items: {found.both_count:,} opinions of both, {apart}"
    if found.label_agreement is not None:
        yield f"labels agree on {found.label_agreement:.1%}"
    for row in found.by_aspect.filter(pl.col("left_count") != pl.col("right_count")).iter_rows(
        named=True
    ):
        yield f"aspect {row['aspect']}: {row['left_count']:,} and {row['right_count']:,} opinions"
    yield f"{difference.changed.height:,} items are judged otherwise"
    for row in difference.changed.head(examples_max).iter_rows(named=True):
        text = " ".join(row["text"].split())[:_SHOWN_CHARACTERS]
        yield f"\n{row['platform']}/{row['item_id']}: {text}\n  {left}: {row['left']}\n  {right}: {row['right']}"
