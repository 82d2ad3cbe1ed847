"""Changes of the last week that was compared, and bursts beside the figures they are in."""

import polars as pl
import streamlit as st

from market_opinion.core.errors import MartRefused
from market_opinion.serving.dashboard.parts import Chosen, ask, joined, plain, table
from market_opinion.serving.digest import burst_sentence, headlines

_BURSTS_MAX = 3


def changes(chosen: Chosen) -> None:
    """Show the surest changes of the last week that was compared, and all of them on request."""
    st.subheader("What changed")
    try:
        found = ask("changes", chosen.domain)
    except MartRefused as error:
        st.info(
            f"{plain(str(error))}. An earlier version made these views: run `market-opinion mart`."
        )
        return
    if found.is_empty():
        st.caption("No week was compared with the weeks before yet: the flow `watch` does so.")
        return
    week = found["week_start"].max()
    rows = found.filter(week_start=week)
    if chosen.names:
        rows = rows.filter(pl.col("brand").is_in(chosen.names))
    if chosen.titles:
        rows = rows.filter(pl.col("aspect_title").is_in(chosen.titles))
    joined(headlines(rows, None, week))
    st.caption(
        "A whole week beside the four weeks before, of all platforms: the filters of days and"
        " platforms do not move this."
    )
    with st.expander("All figures of the week"):
        shown = (
            "measure",
            "brand",
            "aspect_title",
            "value",
            "value_before",
            "change",
            "low",
            "high",
        )
        table(rows.select(*shown, "is_change", "cause"), empty="No figure.", name="changes")


def bursts(chosen: Chosen) -> None:
    """Show the bursts of the chosen brands and days, with the figure with each and without it."""
    try:
        known = ask("bursts", chosen.domain)
    except MartRefused:
        return  # `changes` says why
    found = known.filter(pl.col("full_date").is_between(*chosen.days))
    if chosen.names:
        found = found.filter(pl.col("brand").is_in(chosen.names))
    if found.is_empty():
        return
    largest = found.sort("comment_count", "full_date", "brand", descending=[True, True, False])
    st.markdown("**Bursts in this figure**")
    joined(burst_sentence(row) for row in largest.head(_BURSTS_MAX).iter_rows(named=True))
    if found.height > _BURSTS_MAX:
        st.caption(f"Further bursts: {found.height - _BURSTS_MAX:,}.")
