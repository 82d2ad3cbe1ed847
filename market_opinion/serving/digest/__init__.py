"""The digest: what changed in a week, why, in whose words, and which bursts there were.

It is drawn as HTML and as Markdown from the gold tables; quotes come from silver, so that an
erasure, after which it is drawn anew, leaves none behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import jinja2
import polars as pl

from market_opinion.core.contracts import ITEM_KEY
from market_opinion.core.visible import visible
from market_opinion.domain.definition import Domain
from market_opinion.truth.estimates import SIZE_MIN

FORMATS = ("html", "md")
_FOLDER = Path(__file__).parent
_HEADLINES_MAX = 3
_QUOTES_MAX, _QUOTE_MAX_CHARACTERS = 3, 280
_MEASURES = {"net_sentiment": "Net sentiment", "share_of_voice": "Share of voice"}
_CAUSES = {
    "opinion": "opinion itself changed",
    "mix": "who spoke changed",
    "scorer": "the scorer changed, not what people said",
    "unclear": "the scorer changed too, and no item was judged by both of its versions",
}
_MIXES = {
    "community": "other communities",
    "thread": "threads of other sizes",
    "author": "authors who write more or less",
}
_BURSTS = {
    "copies": "copies of one text",
    "thread": "most of it in one thread",
    "authors": "most of it by a handful of authors",
    "arrivals": "new or loud authors within hours",
}
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in r"\`*_{}[]()<>#|!"})


def headlines(changes: pl.DataFrame, domain: Domain | None, week_start: date) -> list[str]:
    """Return at most three sentences: the surest changes of a week, or that there is none.

    `changes` are the week's rows of gold.changes, or, without a domain, of the mart's view.
    """
    rows = told(changes)
    sentences = [change_sentence(row, domain) for row in rows[:_HEADLINES_MAX]]
    if len(rows) > _HEADLINES_MAX:
        sentences[-1] += f" Further changes: {len(rows) - _HEADLINES_MAX:,}."
    return sentences or [_nothing(changes, week_start)]


def change_sentence(row: Mapping[str, Any], domain: Domain | None) -> str:
    """Return a change in words: what, by how much, to what, and why."""
    of = f"{_MEASURES[row['measure']]} of {row['brand']}"
    if row["aspect"] is not None:
        of += f" on {row.get('aspect_title') or _title(domain, row['aspect'])}"
    way = "rose" if row["change"] > 0 else "fell"
    ends = sorted(abs(row[name]) for name in ("low", "high"))
    value = f"{row['value']:.2f}" if row["measure"] == "share_of_voice" else f"{row['value']:+.2f}"
    return (
        f"{of} {way} by {abs(row['change']):.2f} ({ends[0]:.2f} to {ends[1]:.2f}) to {value}"
        f" in the week of {_day(row['week_start'])}: {_why(row)}."
    )


def burst_sentence(row: Mapping[str, Any]) -> str:
    """Return a burst in words, with the figure with and without it."""
    return (
        f"{row['brand']} on {_day(row['full_date'])}: {row['comment_count']:,} of"
        f" {row['day_comment_count']:,} comments are a burst ({_BURSTS[row['kind']]}; authors:"
        f" {row['author_count']:,}, threads: {row['thread_count']:,}); net sentiment"
        f" {_signed(row['value'])} with it, {_signed(row['value_without'])} without."
    )


def quotes(change: Mapping[str, Any], opinions: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Return at most three opinions that go the way of a change, the surest first, one an author.

    `opinions` are the week's, with `brand`; `items` have `author_key`, `votes` and `permalink`.
    """
    of_cell = pl.col("brand") == change["brand"]
    if change["aspect"] is not None:
        of_cell &= pl.col("aspect") == change["aspect"]
    if change["measure"] == "net_sentiment":
        of_cell &= pl.col("label") == ("positive" if change["change"] > 0 else "negative")
    said = opinions.filter(of_cell, pl.col("evidence").str.len_chars() <= _QUOTE_MAX_CHARACTERS)
    known = items.select(*ITEM_KEY, "author_key", "votes", "permalink")
    return (
        said.join(known, on=ITEM_KEY)
        .sort(
            "confidence",
            "votes",
            *ITEM_KEY,
            "product_id",
            "aspect",
            descending=[True, True, *[False] * (len(ITEM_KEY) + 2)],
            nulls_last=True,
        )
        .unique(pl.coalesce("author_key", "item_id"), keep="first", maintain_order=True)
        .unique("evidence", keep="first", maintain_order=True)
        .head(_QUOTES_MAX)
    )


def render(
    changes: pl.DataFrame,
    bursts: pl.DataFrame,
    quoted: Sequence[pl.DataFrame],
    domain: Domain,
    week_start: date,
) -> dict[str, str]:
    """Return the digest of a week by the format of FORMATS.

    `changes` and `bursts` are the week's rows of the gold tables, `quoted` the quotes of each
    change in the order of `told`.
    """
    parts = [
        {
            **row,
            "sentence": change_sentence(row, domain),
            "parts": list(_parts(row)),
            "quotes": said.to_dicts(),
        }
        for row, said in zip(told(changes), quoted, strict=True)
    ]
    facts = {
        "domain": domain,
        "week": _day(week_start),
        "headlines": headlines(changes, domain, week_start),
        "changes": parts,
        "bursts": [burst_sentence(row) for row in bursts.iter_rows(named=True)],
        "compared_count": changes.filter(~pl.col("is_too_few")).height,
        "too_few_count": changes.filter("is_too_few").height,
    }
    return {name: _template(name).render(facts) for name in FORMATS}


def told(changes: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of changes that are told, the surest first."""
    order = ["p_value", "measure", "brand", "aspect"]
    return changes.filter("is_change").sort(order, nulls_last=True).to_dicts()


def _nothing(changes: pl.DataFrame, week_start: date) -> str:
    """Return that nothing changed, or that too little was said to tell."""
    count = changes.filter(~pl.col("is_too_few")).height
    if not count:
        return (
            f"Too little was said in the week of {_day(week_start)}, or in the four before, to tell"
            f" a change: no figure has {SIZE_MIN} voices in both."
        )
    return (
        f"Nothing changed in the week of {_day(week_start)}: of {count:,} figures held against the"
        " four weeks before, none moved more than chance explains."
    )


def _why(row: Mapping[str, Any]) -> str:
    cause = _CAUSES[row["cause"]]
    return f"{cause} ({_MIXES[row['mix_of']]})" if row["cause"] == "mix" else cause


def _parts(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of a change in words."""
    yield f"opinion {_signed(row['opinion_part'])}"
    yield f"who spoke {_signed(row['mix_part'])}"
    yield f"scorer {_signed(row['scorer_part'])}"
    if row["change_without_bursts"] is not None:
        yield f"without bursts the change is {_signed(row['change_without_bursts'])}"


def _template(name: str) -> jinja2.Template:
    # Markdown has no tags to escape; the filter `plain` escapes its own signs.
    environment = jinja2.Environment(
        autoescape=name == "html",  # noqa: S701
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = lambda text: visible(str(text)).translate(_MARKDOWN)
    return environment.from_string((_FOLDER / f"page.{name}.j2").read_text(encoding="utf-8"))


def _title(domain: Domain | None, aspect: str) -> str:
    return domain.aspects[aspect].title if domain and aspect in domain.aspects else aspect


def _signed(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.2f}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
