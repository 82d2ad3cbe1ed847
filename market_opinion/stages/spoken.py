"""The language of a text, as far as the domain has words of it."""

from collections.abc import Iterator
from functools import lru_cache

import polars as pl
import polars_whichlang

from market_opinion.domain.definition import Domain
from market_opinion.domain.phrases import fold, words_of
from market_opinion.stages.silver import LANGUAGE_MAX_CHARACTERS, UNDETERMINED


def with_language(items: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """Return the items with the `language` that each is judged in, where they have that column.

    That is the detector's, but for short texts, which silver.items calls undetermined. Such a text
    is in an added language of the domain if the detector names it and a common word of it stands in
    the text; else it stays undetermined, and is judged as the domain's first language is.
    """
    if not domain.added_languages or "language" not in items.columns:
        return items
    is_short = pl.col("language") == UNDETERMINED
    short = items.lazy().filter(is_short).select("text").unique().collect()
    if short.is_empty():
        return items
    guesses = short.with_columns(
        guess=polars_whichlang.detect_lang(pl.col("text").str.head(LANGUAGE_MAX_CHARACTERS))
    ).filter(pl.col("guess").is_in(list(domain.added_languages)))
    texts = {
        text: guess
        for text, guess in guesses.iter_rows()
        if _common(domain, guess) & {word.text for word in words_of(text)}
    }
    if not texts:
        return items
    known = pl.DataFrame({"text": list(texts), "spoken": list(texts.values())})
    return (
        items.join(known, on="text", how="left", maintain_order="left")
        .with_columns(
            language=pl.when(is_short).then(pl.coalesce("spoken", "language")).otherwise("language")
        )
        .drop("spoken")
    )


def by_language(rows: pl.DataFrame, domain: Domain) -> Iterator[tuple[str | None, pl.DataFrame]]:
    """Yield the rows in each added language by its code, and first, by None, all others.

    Rows without a column `language` are all among the others.
    """
    if "language" not in rows.columns:
        yield None, rows
        return
    added = [code for code in rows["language"].unique() if code in domain.added_languages]
    yield None, rows.filter(~pl.col("language").is_in(added)) if added else rows
    for code in sorted(added):
        yield code, rows.filter(language=code)


@lru_cache(maxsize=32)
def _common(domain: Domain, code: str) -> frozenset[str]:
    return frozenset(map(fold, domain.added_languages[code].common))
