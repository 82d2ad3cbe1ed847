"""Parts that pages share: answers, filters that the address keeps, cards and tables."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import polars as pl
import streamlit as st

from market_opinion.core.settings import load_settings
from market_opinion.serving import charts
from market_opinion.serving.dashboard import source
from market_opinion.serving.view_files import csv_of

READS: Any = sys.argv[1] if len(sys.argv) > 1 else "mart"
CACHE_SECONDS = 60
NET_SENTIMENT = "Net sentiment from −1 (all complain) to +1 (all praise)"
_TONES = {"praise": "positive", "complaint": "negative", "neutral": "neutral"}
_COLOURS = {"positive": charts.PRAISE, "negative": charts.COMPLAINT, "neutral": charts.NEUTRAL}
# What is wide on a desk is a list on a phone.
_NARROW = (
    "<style>@media(max-width:640px){[class*=st-key-wide]{display:none}}"
    "@media(min-width:641px){[class*=st-key-narrow]{display:none}}</style>"
)


@st.cache_resource
def open_database() -> source.Source:
    """Return the database behind the pages."""
    return source.open_source(load_settings(), READS)


@st.cache_data(ttl=CACHE_SECONDS, show_spinner="Reading the mart …")
def ask(question: str, *arguments: Any) -> Any:  # noqa: ANN401, as the function of `source` returns
    """Return the answer of a function of `source`, which is kept for a minute."""
    return getattr(source, question)(open_database(), *arguments)


class Chosen(NamedTuple):
    """Rows that the filters keep, by brand and by aspect, and the filters themselves.

    `everyone` has the rows of all brands, since a share is one of all of them.
    """

    domain: str
    days: tuple[date, date]
    brands: pl.DataFrame
    aspects: pl.DataFrame
    everyone: pl.DataFrame
    names: list[str]
    titles: list[str]


def filters(*, with_brands: bool = True) -> Chosen:
    """Show the filters, which the address keeps, and return what they leave."""
    domain = choose_domain()
    brands, aspects = ask("daily_brand", domain), ask("daily_aspect", domain)
    first, last = brands["full_date"].min(), brands["full_date"].max()
    days = _days(first, last)
    platforms = choose("Platforms", "platform", sorted(brands["platform"].unique()))
    known = sorted(brands["brand"].unique())
    names = choose("Brands", "brand", known) if with_brands else []
    titles = choose("Aspects", "aspect", sorted(aspects["aspect_title"].unique()))
    kept = pl.col("full_date").is_between(*days)
    if platforms:
        kept &= pl.col("platform").is_in(platforms)
    of_brand = kept & pl.col("brand").is_in(names) if names else kept
    of_aspect = of_brand & pl.col("aspect_title").is_in(titles) if titles else of_brand
    return Chosen(
        domain,
        days,
        brands.filter(of_brand),
        aspects.filter(of_aspect),
        brands.filter(kept),
        names,
        titles,
    )


def choose_domain() -> str:
    """Show the domains that have a mention, and return the chosen one."""
    known = ask("domains")
    (asked,) = _asked("domain", known)[:1] or known[:1]
    if st.session_state.get("domain") not in known:
        st.session_state["domain"] = asked
    name: str = st.sidebar.selectbox(
        "Domain", known, key="domain", format_func=lambda name: name.replace("_", " ").title()
    )
    _keep("domain", [name])
    return name


def choose(
    label: str, key: str, known: Sequence[str], *, most: int | None = None, none: str = "all"
) -> list[str]:
    """Show a filter of names at the left, which address and session keep; return the chosen ones.

    `none` says what is shown where nothing is chosen.

    A widget takes its value from the session: one whose default changes would be another widget.
    """
    chosen = st.session_state.get(key, _asked(key, known))
    st.session_state[key] = [each for each in chosen if each in known][:most]
    names: list[str] = st.sidebar.multiselect(
        label, known, key=key, placeholder=none, max_selections=most
    )
    _keep(key, names)
    return names


def _asked(key: str, known: Sequence[str]) -> list[str]:
    """Return what the address names, else what was chosen on another page, of what is known."""
    asked = st.query_params.get_all(key) or st.session_state.get(f"kept {key}", [])
    return [each for each in asked if each in known]


def _keep(key: str, names: list[str]) -> None:
    """Keep what was chosen in the address, and for the other pages."""
    st.session_state[f"kept {key}"] = names
    if names:
        st.query_params[key] = names
    elif key in st.query_params:
        del st.query_params[key]


def _days(first: date, last: date) -> tuple[date, date]:
    asked = (_day("since") or first, _day("until") or last)
    before = st.session_state.get("days", asked)
    if "days" not in st.session_state or not all(first <= each <= last for each in before):
        st.session_state["days"] = tuple(min(max(each, first), last) for each in before)
    chosen: Any = st.sidebar.date_input("Days", min_value=first, max_value=last, key="days")
    days = (chosen[0], chosen[-1]) if isinstance(chosen, tuple) and chosen else (first, last)
    for name, day, end in zip(("since", "until"), days, (first, last), strict=True):
        _keep(name, [] if day == end else [str(day)])
    return days


def _day(name: str) -> date | None:
    try:
        kept = st.session_state.get(f"kept {name}") or [""]
        return date.fromisoformat(st.query_params.get(name, kept[0]))
    except ValueError:
        return None


def signed(value: float | None) -> str:
    """Return a net sentiment in words, with a true minus and no signed zero."""
    return "–" if value is None else charts.signed(value)


def tile(place: Any, title: str, value: str, below: str) -> None:  # noqa: ANN401, a column of the page
    """Show a figure with a line below it."""
    place.metric(plain(title), value, below, delta_color="off", delta_arrow="off")


def chart(drawn: Any) -> None:  # noqa: ANN401, any Altair chart
    """Show a chart in the width of its place."""
    st.altair_chart(drawn, width="stretch", theme=None)


def table(frame: pl.DataFrame, *, empty: str, name: str = "") -> None:
    """Show rows, and where they have a name a button to download them as CSV."""
    if frame.is_empty():
        st.info(empty)
        return
    st.dataframe(frame.to_pandas(), hide_index=True, width="stretch", height="content")
    if name:
        download(frame, name)


def download(frame: pl.DataFrame, name: str) -> None:
    """Show a button to download rows as CSV."""
    st.download_button("Download CSV", csv_of(frame), f"{name}.csv", "text/csv", key=name)


def heat(cells: pl.DataFrame) -> None:
    """Show net sentiment of brand and aspect: cells on a desk, a list on a phone."""
    shown = cells.filter(pl.col("opinion_count") >= charts.CELL_MIN_OPINIONS)
    if shown.is_empty():
        st.info(f"No cell has {charts.CELL_MIN_OPINIONS} opinions on these days.")
        return
    st.html(_NARROW)
    with st.container(key="wide-heat"):
        chart(charts.aspect_heat(shown))
    ranked = shown.sort("opinion_count", "brand", "aspect", descending=[True, False, False])
    with st.container(key="narrow-heat"):
        for row in ranked.iter_rows(named=True):
            st.markdown(
                f"**{plain(row['brand'])}**, {plain(row['aspect_title'])}:"
                f" {signed(row['net_sentiment'])} ({row['opinion_count']:,} opinions)"
            )
    st.caption(
        f"{NET_SENTIMENT}; green is praise, red complaint; the small figure is the number of"
        f" opinions. Cells of fewer than {charts.CELL_MIN_OPINIONS} are left out."
    )
    columns = ("brand", "aspect_title", "net_sentiment", "opinion_count")
    download(ranked.select(columns), "aspects")


def cards(quotes: pl.DataFrame, *, name: str) -> None:
    """Show quotes as cards with their whole words and their source, and a filter of their tone."""
    tone = st.segmented_control("Tone", ["all", *_TONES], default="all", key=f"tone-{name}")
    kept = quotes if tone in {None, "all"} else quotes.filter(label=_TONES[str(tone)])
    if kept.is_empty():
        st.info("No words of this tone on these days; they may have been purged.")
        return
    # One sentence may tell of several aspects.
    kept = kept.unique(["product", "evidence"], keep="first", maintain_order=True)
    for row in kept.head(_CARDS_MAX).iter_rows(named=True):
        _card(row)
    if kept.height > _CARDS_MAX:
        st.caption(f"{_CARDS_MAX} of {kept.height:,}, the surest first; the file has all of them.")
    download(kept, f"words-{name}")


_CARDS_MAX = 12


def _card(row: Mapping[str, Any]) -> None:
    with st.container(border=True):
        colour = _COLOURS.get(row["label"], charts.NEUTRAL)
        st.html(f'<div style="height:3px;background:{colour}"></div>')
        st.markdown(f"> {plain(row['evidence'])}")
        where = f"{row['platform']}/{row['community']}"
        words = [row["product"], f"{row['mentioned_at']:%-d %b %Y}", where]
        if row["votes"] is not None:
            words.append(f"{row['votes']:,} votes".replace("-", "−"))
        link = row["permalink"] or ""
        source_of = (
            f" · [source]({link})" if link.startswith("https://") and ")" not in link else ""
        )
        st.caption(" · ".join(map(plain, words)) + source_of)


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return " ".join("".join(f"\\{c}" if c in _MARKS else c for c in text).split())


_MARKS = frozenset(r"\`*_{}[]()<>#+-.!|~$:&")


def joined(sentences: Iterable[str]) -> None:
    """Show sentences, a line each."""
    for sentence in sentences:
        st.markdown(f"- {plain(sentence)}")
