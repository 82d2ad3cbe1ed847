"""The pages. Streamlit runs this file from top to bottom at every click.

Answers of the mart are cached for a minute.
"""

import sys
from datetime import UTC, datetime, timedelta

import polars as pl
import streamlit as st

from market_opinion.core.errors import MarketOpinionError
from market_opinion.core.settings import load_settings
from market_opinion.serving import charts
from market_opinion.serving.dashboard import news, source, usage
from market_opinion.serving.dashboard.parts import (
    CACHE_SECONDS,
    NET_SENTIMENT,
    READS,
    Chosen,
    ask,
    cards,
    chart,
    choose,
    filters,
    heat,
    open_database,
    plain,
    signed,
    table,
    tile,
)
from market_opinion.serving.dashboard.product_page import product_page

_HAS_LABELS = "labels" in sys.argv[2:]
_HOURS_SHOWN = timedelta(days=14)
_COLUMNS_MAX, _BRANDS_MAX = 3, 4
_LOAD_HEADINGS = {
    "load_number": "load",
    "first_date": "first day",
    "last_date": "last day",
    "fact_mention_count": "mentions",
    "fact_opinion_count": "opinions",
    "unknown_product_count": "of unknown products",
    "unknown_aspect_count": "on unknown aspects",
}
_REQUEST_HOURS = 24


def brand_page() -> None:
    """Show what changed, share of voice, trend, aspects, and the words behind every number."""
    st.title("Brands")
    chosen = filters()
    if chosen.brands.is_empty():
        st.info("No mention matches: widen the filters on the left.")
        return
    for sentence in ask("accuracy", chosen.domain, load_settings().domains_path):
        st.caption(plain(sentence))
    if "sample" in chosen.everyone["platform"].to_list():
        st.warning(
            "These figures hold items of the bundled sample: no real person said them. They leave"
            " every figure as soon as the domain has real items."
        )
    elif READS == "mart" and "sample" in ask("platforms"):
        st.caption("The bundled sample is in this home as well; no figure here counts its items.")
    news.changes(chosen)
    _tiles(chosen)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Share of voice")
        total = int(chosen.everyone["mention_count"].sum())
        chart(charts.share_of_voice(source.tones(chosen.brands), total=total))
        news.bursts(chosen)
    with right:
        st.subheader("Net sentiment over time")
        _trends(chosen)
    st.subheader("Aspects")
    if chosen.aspects.is_empty():
        st.info("No opinion on these aspects on these days.")
        return
    cells = source.cells(chosen.aspects)
    heat(cells)
    _quotes(cells, chosen)


def _tiles(chosen: Chosen) -> None:
    """Show four figures; with aspects chosen, opinions and sentiment are of these aspects."""
    mentions = int(chosen.brands["mention_count"].sum())
    share = mentions / int(chosen.everyone["mention_count"].sum())
    tiles = st.columns(4)
    tiles[0].metric("Mentions", f"{mentions:,}")
    tiles[1].metric("Share of voice", f"{share:.0%}")
    tiles[2].metric("Opinions", f"{int(chosen.aspects['opinion_count'].sum()):,}")
    net = (
        source.aspect_net_sentiment(chosen.aspects)
        if chosen.titles
        else source.net_sentiment(chosen.brands)
    )
    tiles[3].metric("Net sentiment", signed(net), help=f"{NET_SENTIMENT}.")
    if chosen.titles:
        st.caption(
            "Mentions and shares of voice are of all aspects; opinions, net sentiment, trends,"
            " cells and words are of the chosen ones."
        )


def _trends(chosen: Chosen) -> None:
    """Show a small chart a brand: lines that cross each other say nothing."""
    days = source.aspect_trend(chosen.aspects) if chosen.titles else source.trend(chosen.brands)
    rows = charts.by_scorer(days, ask("scorer_days", chosen.domain))
    names = charts.brands_over_time(rows, most=_BRANDS_MAX)
    if not names:
        st.info(f"No brand has {charts.CELL_MIN_OPINIONS} judged mentions in a step of these days.")
        return
    for start in range(0, len(names), 2):
        for place, name in zip(st.columns(2), names[start : start + 2], strict=False):
            with place:
                st.caption(plain(name))
                chart(charts.brand_over_time(rows, name))
    st.caption(
        f"Steps of fewer than {charts.CELL_MIN_OPINIONS} judged mentions are gaps. Shown are the"
        f" {_BRANDS_MAX} brands with the most; choose others at the left."
    )


def _quotes(cells: pl.DataFrame, chosen: Chosen) -> None:
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
        f"{cell['opinion_count']:,} opinions, net sentiment {signed(cell['net_sentiment'])},"
        f" {cell['positive_count']:,} positive, {cell['negative_count']:,} negative"
    )
    cards(ask("quotes", chosen.domain, brand, aspect, chosen.days), name=f"{brand}-{aspect}")


def comparison_page() -> None:
    """Show two to four brands side by side."""
    st.title("Side by side")
    chosen = filters(with_brands=False)
    count = pl.col("mention_count").sum()
    totals = chosen.brands.group_by("brand").agg(count)
    names = totals.sort("mention_count", "brand", descending=[True, False])["brand"].to_list()
    picked = choose("Two to four brands", "brand", names, most=4, none="the most spoken of")
    if len(picked) < 2:  # noqa: PLR2004, a comparison
        others = [each for each in names if each not in picked]
        picked = [*picked, *others][:_COLUMNS_MAX]
    is_picked = pl.col("brand").is_in(picked)
    ours = chosen._replace(
        brands=chosen.brands.filter(is_picked),
        aspects=chosen.aspects.filter(is_picked),
        names=picked,
    )
    for place, brand in zip(st.columns(len(picked)), picked, strict=True):
        own = ours.brands.filter(brand=brand)
        mentions = f"{int(own['mention_count'].sum()):,} mentions"
        net = (
            source.aspect_net_sentiment(ours.aspects.filter(brand=brand))
            if chosen.titles
            else source.net_sentiment(own)
        )
        tile(place, brand, mentions, f"{signed(net)} net sentiment")
    _trends(ours)
    news.bursts(ours)
    st.subheader("Net sentiment by aspect")
    if ours.aspects.is_empty():
        st.info("No opinion on these brands in these days.")
        return
    heat(source.cells(ours.aspects))


def operations_page() -> None:
    """Show coverage, usable share, freshness, cost and rejections."""
    st.title("Operations")
    coverage = ask("coverage")
    if coverage.is_empty():
        st.info("No hour is recorded yet.")
        return
    last_day = coverage["full_date"].max()
    hours = ask("hours", last_day - _HOURS_SHOWN)
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
    tile(
        tiles[0],
        "Newest hour",
        f"{newest:%-d %b %Y}",
        f"{newest:%H:%M} UTC, {age.days} days {age.seconds // 3600} h ago",
    )
    tile(tiles[1], "Certified hours", f"{certified / windows:.0%}", f"{windows - certified:,} open")
    tiles[2].metric("Usable comments", f"{usable / comments:.0%}" if comments else "–")
    tiles[3].metric("Items read", f"{int(coverage['item_count'].sum()):,}")
    st.subheader("Hours")
    st.caption("Framed hours are not certified.")
    chart(charts.coverage(hours))
    st.subheader("Usable comments by day")
    chart(
        charts.usable_ratio(
            coverage.with_columns(place=pl.concat_str("platform", "community", separator="/"))
        )
    )
    st.subheader("Loads")
    table(ask("loads").rename(_LOAD_HEADINGS), empty="No load is recorded yet.", name="loads")
    _requests()
    _lake()


@st.cache_data(ttl=CACHE_SECONDS, show_spinner=False)
def _usage(hours_shown: int) -> pl.DataFrame:
    """Return the requests of the last hours from the state, which is no part of the mart."""
    return usage.recent(load_settings(), hours=hours_shown, now=datetime.now(UTC))


def _requests() -> None:
    """Show the requests to platforms of the last day, and what is left of their quotas."""
    st.subheader("Requests to platforms")
    if READS == "postgres":
        st.info("Requests are in the state: start the dashboard without --reads postgres.")
        return
    rows = _usage(_REQUEST_HOURS)
    if rows.is_empty():
        st.info(f"No live platform was asked in the last {_REQUEST_HOURS} hours.")
        return
    totals = usage.by_platform(rows)
    for place, row in zip(st.columns(totals.height), totals.iter_rows(named=True), strict=True):
        left = "–" if row["left"] is None else f"{row['left']:,}"
        tile(
            place,
            row["platform"],
            f"{row['requests']:,} requests",
            f"{left} left, {row['refused']:,} refused",
        )
    st.caption(
        f"Last {_REQUEST_HOURS} hours. Left is the platform's own last word, – if it has none."
    )
    table(rows, empty="")


@st.cache_data(ttl=CACHE_SECONDS, show_spinner="Reading the lake …")
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
    if READS == "postgres":
        st.info(
            "Rejections and the cost of models are in the lake:"
            " start the dashboard without --reads postgres to see them."
        )
        return
    left, right = st.columns(2, gap="large")
    rejections, costs = _lake_figures()
    with left:
        st.subheader("Rejections")
        table(rejections, empty="No line or reply was refused.")
    with right:
        st.subheader("Cost of models")
        table(costs, empty="No model was used.")


def label_page() -> None:
    """Show the next drawn item to read."""
    from market_opinion.serving.dashboard.label_page import label_page as show

    show(load_settings())


def main() -> None:
    """Show the chosen page, or say what is missing."""
    st.set_page_config(page_title="Market opinion", layout="wide")
    pages = [
        st.Page(brand_page, title="Brands", default=True),
        st.Page(comparison_page, title="Side by side", url_path="compare"),
        st.Page(product_page, title="Products", url_path="products"),
        st.Page(operations_page, title="Operations", url_path="operations"),
    ]
    if _HAS_LABELS:
        pages.append(st.Page(label_page, title="Labels", url_path="labels"))
    page = st.navigation(pages)
    try:
        if page.url_path != "labels" and not open_database().is_loaded:
            st.title("Nothing to show yet")
            st.info(
                "The mart is empty. Fill it with the bundled sample (`make demo`),"
                " or with your own data (README)."
            )
            return
        page.run()
    except MarketOpinionError as error:
        st.error(plain(str(error)))


main()
