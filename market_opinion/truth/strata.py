"""Strata: groups of items by what the scorer says of them, each with one probability of a draw."""

import itertools
from collections.abc import Mapping

import polars as pl

from market_opinion.core.contracts import ITEM_KEY
from market_opinion.domain.definition import Domain, normalise
from market_opinion.stages.cleaning import normalise as normalise_text
from market_opinion.stages.naming import namer_of
from market_opinion.stages.silver import UNDETERMINED

CANDIDATE, NONE = "candidate", "none"
# How much a figure's contributions are thought to spread in a stratum before anybody has read it.
_SPREADS = {CANDIDATE: 0.3, NONE: 0.08}
_SPREAD_OF_MENTIONED = 0.6


def with_strata(
    items: pl.DataFrame, mentions: pl.DataFrame, opinions: pl.DataFrame, domain: Domain
) -> pl.DataFrame:
    """Return the usable items in the domain's languages, with `stratum`.

    It is `named` or `referred`, by the scorer's mentions, with `praise`, `complaint` or `silent`,
    by its opinions; `candidate` without a mention where text or title have a word of the domain;
    else `none`, also after a purge. Items are rows of silver.items.
    """
    languages = [*domain.judged_languages, UNDETERMINED]
    usable = items.filter("is_usable", pl.col("language").is_in(languages))
    key = list(ITEM_KEY)
    seen = mentions.group_by(key).agg(
        how=pl.when((pl.col("reason") != "referred").any())
        .then(pl.lit("named"))
        .otherwise(pl.lit("referred"))
    )
    tone = opinions.group_by(key).agg(
        tone=pl.when(pl.col("polarity").sum() >= 0)
        .then(pl.lit("praise"))
        .otherwise(pl.lit("complaint"))
    )
    has_words = _has_words(pl.col("text"), domain) | _has_words(
        pl.col("context_title").fill_null(""), domain
    )
    return (
        usable.join(seen, on=key, how="left")
        .join(tone, on=key, how="left")
        .with_columns(
            stratum=pl.when(pl.col("how").is_not_null())
            .then(pl.format("{} {}", "how", pl.col("tone").fill_null("silent")))
            .when(has_words)
            .then(pl.lit(CANDIDATE))
            .otherwise(pl.lit(NONE))
        )
        .drop("how", "tone")
    )


def prior_spread(stratum: str) -> float:
    """Return how much contributions to a figure are thought to spread in a stratum."""
    return _SPREADS.get(stratum, _SPREAD_OF_MENTIONED)


def shares_of_labels(
    sizes: Mapping[str, int], spreads: Mapping[str, float], *, count: int, least: int
) -> dict[str, int]:
    """Return how many labels of a total each stratum should have (Neyman, 1934).

    That is in proportion to its size times its spread, but at least `least`, or all of its items.
    """
    weights = {name: size * spreads[name] for name, size in sizes.items()}
    total = sum(weights.values())
    return {
        name: min(size, max(least, round(count * weights[name] / total)))
        for name, size in sizes.items()
    }


def _has_words(text: pl.Expr, domain: Domain) -> pl.Expr:
    added = (each.meaning.product_words for each in domain.added_languages.values())
    nouns = itertools.chain(domain.meaning.product_words, *added)
    words = {*map(normalise, nouns), *namer_of(domain).sure_phrases}
    phrases = sorted({f" {word}{plural} " for word in words for plural in ("", "s")})
    padded = pl.concat_str(pl.lit(" "), normalise_text(text), pl.lit(" "))
    return padded.str.contains_any(phrases)
