"""The page of one product, or of two side by side on every aspect."""

from collections.abc import Sequence

import polars as pl
import streamlit as st

from market_opinion.serving import charts
from market_opinion.serving.dashboard.parts import (
    NET_SENTIMENT,
    ask,
    cards,
    choose,
    choose_domain,
    plain,
    signed,
    table,
    tile,
)

_PRODUCTS_MAX = 2
_SHARES = pl.col("positive_share") - pl.col("negative_share")
_COUNT = pl.col("opinion_count")
_NET = ((_SHARES * _COUNT).sum() / _COUNT.sum()).alias("net_sentiment")


def product_page() -> None:
    """Show a product's aspects and words, and those of a second one beside them."""
    st.title("Products")
    domain = choose_domain()
    card = ask("scorecard", domain)
    if card.is_empty():
        st.info("No opinion on any product yet.")
        return
    count = pl.col("opinion_count").sum()
    totals = (
        card.group_by("product")
        .agg(count)
        .sort("opinion_count", "product", descending=[True, False])
    )
    known = totals["product"].to_list()
    wording = "the most spoken of"
    products = (
        choose("One or two products", "product", known, most=_PRODUCTS_MAX, none=wording)
        or known[:1]
    )
    st.caption("Figures are of all days and platforms. Type in the list to find a product.")
    for place, product in zip(st.columns(len(products)), products, strict=True):
        own = card.filter(product=product)
        opinions = int(own["opinion_count"].sum())
        tile(place, product, f"{opinions:,} opinions", f"{signed(_net(own))} net sentiment")
    table(by_aspect(card, products), empty="No opinion.", name="products")
    st.caption(
        f"{NET_SENTIMENT}, with the number of opinions; a dash where there are fewer"
        f" than {charts.CELL_MIN_OPINIONS}."
    )
    st.subheader("Their words")
    for place, product in zip(st.columns(len(products)), products, strict=True):
        with place:
            st.markdown(f"**{plain(product)}**")
            cards(ask("product_quotes", domain, product), name=product)


def by_aspect(card: pl.DataFrame, products: Sequence[str]) -> pl.DataFrame:
    """Return a row an aspect, a column a product: net sentiment and the number of opinions."""
    count = pl.col("opinion_count")
    ours = (
        card.filter(pl.col("product").is_in(list(products)))
        .group_by("product", "aspect_title")
        .agg(_NET, count.sum())
        .sort("product", "aspect_title")
    )
    words = [
        f"{signed(net) if count >= charts.CELL_MIN_OPINIONS else '–'} ({count:,})"
        for net, count in ours.select("net_sentiment", "opinion_count").iter_rows()
    ]
    wide = ours.with_columns(pl.Series("cell", words, pl.String)).pivot(
        on="product", index="aspect_title", values="cell"
    )
    order = ours.group_by("aspect_title").agg(count.sum())
    return (
        wide.join(order, on="aspect_title")
        .sort("opinion_count", "aspect_title", descending=[True, False])
        .select(
            pl.col("aspect_title").alias("aspect"),
            *(pl.col(each).fill_null("–") for each in products),
        )
    )


def _net(own: pl.DataFrame) -> float | None:
    value: float | None = own.select(_NET).item()
    return value
