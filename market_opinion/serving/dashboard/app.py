"""The pages. Streamlit runs this file from top to bottom at every click.

Answers of the mart are cached for a minute.
"""

import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from market_opinion.core.errors import MarketOpinionError
from market_opinion.core.settings import load_settings
from market_opinion.serving import charts
from market_opinion.serving.dashboard import source, usage

_READS: Any = sys.argv[1] if len(sys.argv) > 1 else "mart"
_CACHE_SECONDS = 60
_HOURS_SHOWN = timedelta(days=14)
_REQUEST_HOURS = 24


@st.cache_resource
def _open() -> source.Source:
    return source.open_source(load_settings(), _READS)


@st.cache_data(ttl=_CACHE_SECONDS, show_spinner="Reading the mart …")
def _ask(question: str, *arguments: Any) -> Any:  # noqa: ANN401, as the function of `source` returns
    return getattr(source, question)(_open(), *arguments)


def _filters() -> tuple[pl.DataFrame, pl.DataFrame, str, tuple[date, date]]:
    """Show the filters; return the rows they keep (by brand, by aspect), the domain, the days."""
    domain = st.sidebar.selectbox(
        "Domain", _ask("domains"), format_func=lambda name: name.replace("_", " ").title()
    )
    brands, aspects = _ask("daily_brand", domain), _ask("daily_aspect", domain)
    first, last = brands["full_date"].min(), brands["full_date"].max()
    chosen = st.sidebar.date_input("Days", (first, last), min_value=first, max_value=last)
    days = (chosen[0], chosen[-1]) if isinstance(chosen, tuple) and chosen else (first, last)
    platforms = st.sidebar.multiselect(
        "Platforms", sorted(brands["platform"].unique()), placeholder="all"
    )
    names = st.sidebar.multiselect("Brands", sorted(brands["brand"].unique()), placeholder="all")
    titles = st.sidebar.multiselect(
        "Aspects", sorted(aspects["aspect_title"].unique()), placeholder="all"
    )
    kept = pl.col("full_date").is_between(*days)
    if platforms:
        kept &= pl.col("platform").is_in(platforms)
    of_brand = kept & pl.col("brand").is_in(names) if names else kept
    of_aspect = of_brand & pl.col("aspect_title").is_in(titles) if titles else of_brand
    # A share is one of all brands, so choosing a brand must not change it.
    st.session_state["all_brands"] = brands.filter(kept)
    return brands.filter(of_brand), aspects.filter(of_aspect), domain, days


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.0%}"


def _tile(place: Any, title: str, value: str, below: str) -> None:  # noqa: ANN401, a column of the page
    place.metric(title, value, below, delta_color="off", delta_arrow="off")


def _table(frame: pl.DataFrame, *, empty: str) -> None:
    if frame.is_empty():
        st.info(empty)
    else:
        st.dataframe(frame.to_pandas(), hide_index=True, width="stretch")


def _chart(chart: Any) -> None:  # noqa: ANN401, any Altair chart
    st.altair_chart(chart, width="stretch", theme=None)


def brand_page() -> None:
    """Show share of voice, trend, aspects, and the words behind every number."""
    st.title("Brands")
    days, aspects, domain, span = _filters()
    if days.is_empty():
        st.info("No mention matches: widen the filters on the left.")
        return
    for sentence in _ask("accuracy", domain, load_settings().domains_path):
        st.caption(sentence)
    everyone = st.session_state["all_brands"]
    mentions, all_mentions = int(days["mention_count"].sum()), int(everyone["mention_count"].sum())
    tiles = st.columns(4)
    tiles[0].metric("Mentions", f"{mentions:,}")
    tiles[1].metric("Share of voice", f"{mentions / all_mentions:.0%}")
    tiles[2].metric("Opinions", f"{int(aspects['opinion_count'].sum()):,}")
    tiles[3].metric(
        "Net sentiment",
        _percent(source.net_sentiment(days)),
        help="share of praise minus share of complaint",
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Share of voice")
        _chart(charts.share_of_voice(source.tones(days)))
    with right:
        st.subheader("Mean polarity over time")
        _chart(charts.sentiment_over_time(source.trend(days)))
    st.subheader("Aspects")
    if aspects.is_empty():
        st.info("No opinion on these aspects on these days.")
        return
    cells = source.cells(aspects)
    shown = cells.filter(pl.col("opinion_count") >= charts.CELL_MIN_OPINIONS)
    if shown.is_empty():
        st.info(f"No cell has {charts.CELL_MIN_OPINIONS} opinions on these days.")
    else:
        _chart(charts.aspect_heat(shown))
    _quotes(cells, domain, span)


def _quotes(cells: pl.DataFrame, domain: str, span: tuple[date, date]) -> None:
    """Show the words behind one cell."""
    st.subheader("The words behind a number")
    ranked = cells.sort("opinion_count", "brand", "aspect", descending=[True, False, False])
    left, right = st.columns(2)
    brand = left.selectbox("Brand", ranked["brand"].unique(maintain_order=True).to_list())
    of_brand = ranked.filter(brand=brand)
    titles = dict(zip(of_brand["aspect"], of_brand["aspect_title"], strict=True))
    aspect = right.selectbox("Aspect", list(titles), format_func=titles.__getitem__)
    cell = of_brand.row(by_predicate=pl.col("aspect") == aspect, named=True)
    st.caption(
        f"{cell['opinion_count']:,} opinions, mean polarity {cell['mean_polarity']:+.2f},"
        f" {cell['positive_count']:,} positive, {cell['negative_count']:,} negative"
    )
    quotes = _ask("quotes", domain, brand, aspect, span)
    if quotes.is_empty():
        st.info("The words were purged, or are older or newer than these days.")
        return
    st.dataframe(
        quotes.to_pandas(),
        hide_index=True,
        width="stretch",
        column_config={
            "polarity": st.column_config.NumberColumn(format="%+.2f"),
            "evidence": st.column_config.TextColumn("words", width="large"),
            "mentioned_at": st.column_config.DatetimeColumn(
                "when (UTC)", format="D MMM YYYY HH:mm"
            ),
            "permalink": st.column_config.LinkColumn("source", display_text="open"),
        },
    )


def comparison_page() -> None:
    """Show two to four brands side by side."""
    st.title("Side by side")
    days, aspects, _, _ = _filters()
    totals = (
        days.group_by("brand")
        .agg(pl.col("mention_count").sum())
        .sort("mention_count", "brand", descending=[True, False])
    )
    names = totals["brand"].to_list()
    chosen = st.multiselect("Two to four brands", names, default=names[:3], max_selections=4)
    if len(chosen) < 2:  # noqa: PLR2004, a comparison
        st.info("Choose at least two brands.")
        return
    for place, brand in zip(st.columns(len(chosen)), chosen, strict=True):
        own = days.filter(brand=brand)
        _tile(
            place,
            brand,
            f"{int(own['mention_count'].sum()):,} mentions",
            f"{_percent(source.net_sentiment(own))} net sentiment",
        )
    picked = pl.col("brand").is_in(chosen)
    _chart(charts.sentiment_over_time(source.trend(days.filter(picked))))
    cells = source.cells(aspects.filter(picked))
    if cells.is_empty():
        st.info("No opinion on these brands in these days.")
        return
    st.subheader("Mean polarity by aspect")
    _chart(charts.aspect_heat(cells))
    table = cells.pivot(on="brand", index="aspect_title", values="mean_polarity").sort(
        "aspect_title"
    )
    shown = [brand for brand in chosen if brand in table.columns]
    table = table.select(pl.col("aspect_title").alias("aspect"), pl.col(shown).round(2))
    _table(table, empty="No opinion on these brands in these days.")


def operations_page() -> None:
    """Show coverage, usable share, freshness, cost and rejections."""
    st.title("Operations")
    coverage = _ask("coverage")
    if coverage.is_empty():
        st.info("No hour is recorded yet.")
        return
    last_day = coverage["full_date"].max()
    hours = _ask("hours", last_day - _HOURS_SHOWN)
    newest = hours["window_start"].max()
    age = datetime.now(UTC).replace(tzinfo=None) - newest
    comments, usable = (
        int(coverage["comment_count"].sum()),
        int(coverage["usable_comment_count"].sum()),
    )
    windows, certified = (
        int(coverage["window_count"].sum()),
        int(coverage["certified_window_count"].sum()),
    )
    tiles = st.columns(4)
    _tile(
        tiles[0],
        "Newest hour",
        f"{newest:%d %b %H:%M}",
        f"{age.days} days {age.seconds // 3600} h ago",
    )
    _tile(
        tiles[1], "Certified hours", f"{certified / windows:.0%}", f"{windows - certified:,} open"
    )
    tiles[2].metric("Usable comments", f"{usable / comments:.0%}" if comments else "–")
    tiles[3].metric("Items read", f"{int(coverage['item_count'].sum()):,}")
    st.subheader("Hours")
    st.caption("Framed hours are not certified.")
    _chart(charts.coverage(hours))
    st.subheader("Usable comments by day")
    _chart(
        charts.usable_ratio(
            coverage.with_columns(place=pl.concat_str("platform", "community", separator="/"))
        )
    )
    st.subheader("Loads")
    _table(_ask("loads"), empty="No load is recorded yet.")
    _requests()
    _lake()


@st.cache_data(ttl=_CACHE_SECONDS, show_spinner=False)
def _usage(hours_shown: int) -> pl.DataFrame:
    """Return the requests of the last hours from the state, which is no part of the mart."""
    return usage.recent(load_settings(), hours=hours_shown, now=datetime.now(UTC))


def _requests() -> None:
    """Show the requests to platforms of the last day, and what is left of their quotas."""
    st.subheader("Requests to platforms")
    if _READS == "postgres":
        st.info("Requests are in the state: start the dashboard without --reads postgres.")
        return
    rows = _usage(_REQUEST_HOURS)
    if rows.is_empty():
        st.info(f"No live platform was asked in the last {_REQUEST_HOURS} hours.")
        return
    totals = usage.by_platform(rows)
    for place, row in zip(st.columns(totals.height), totals.iter_rows(named=True), strict=True):
        left = "–" if row["left"] is None else f"{row['left']:,}"
        _tile(
            place,
            row["platform"],
            f"{row['requests']:,} requests",
            f"{left} left, {row['refused']:,} refused",
        )
    st.caption(
        f"Last {_REQUEST_HOURS} hours. Left is the platform's own last word, – if it has none."
    )
    _table(rows, empty="")


@st.cache_data(ttl=_CACHE_SECONDS, show_spinner="Reading the lake …")
def _lake_figures() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the counts of rejections and the cost of models, from the lake."""
    from market_opinion.core.contracts import OPS_REJECTIONS, SILVER_EXTRACTIONS
    from market_opinion.serving.report import ANSWER_COLUMNS, figures
    from market_opinion.storage.lake.tables import open_lake

    settings = load_settings()
    lake = open_lake(settings.lake.catalog, settings.lake.path)
    rejections = (
        lake.read(OPS_REJECTIONS, columns=["stage", "reason"])
        .group_by("stage", "reason")
        .len("count")
        .sort("count", descending=True)
    )
    return rejections, figures.costs(lake.read(SILVER_EXTRACTIONS, columns=ANSWER_COLUMNS))


def _lake() -> None:
    if _READS == "postgres":
        st.info(
            "Rejections and the cost of models are in the lake:"
            " start the dashboard without --reads postgres to see them."
        )
        return
    left, right = st.columns(2, gap="large")
    rejections, costs = _lake_figures()
    with left:
        st.subheader("Rejections")
        _table(rejections, empty="No line or reply was refused.")
    with right:
        st.subheader("Cost of models")
        _table(costs, empty="No model was used.")


def main() -> None:
    """Show the chosen page, or say what is missing."""
    st.set_page_config(page_title="Market opinion", layout="wide")
    pages = [
        st.Page(brand_page, title="Brands", default=True),
        st.Page(comparison_page, title="Side by side"),
        st.Page(operations_page, title="Operations"),
    ]
    page = st.navigation(pages)
    try:
        if not _open().is_loaded:
            st.title("Nothing to show yet")
            st.info(
                "The mart is empty. Fill it with the bundled sample (`make demo`),"
                " or with your own data (README)."
            )
            return
        page.run()
    except MarketOpinionError as error:
        st.error(str(error))


main()
