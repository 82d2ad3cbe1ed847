"""Names of accounts in texts: people sign, and call one another, without an @ or a `u/`.

A name counts only where it cannot be an ordinary word: masking an author called "battery" would
harm the text.
"""

import re
from collections import defaultdict

import polars as pl

from market_opinion.stages.personal import MARKERS, USER

_NAME_LIKE = r"^(?:[a-z0-9-]*[0-9_-][\w-]{2,}|[\w-]{2,}[0-9_-][\w-]*)$"
# What in a text may be such a name.
_CANDIDATE = r"\p{L}*[0-9_-][\p{L}0-9_-]+|\p{L}{2,}[0-9_-]"
# An account called "iphone15" or "s24-ultra" would take the product out of its thread, so the names
# of others have a `_`, or many letters and digits, and do not begin as products do.
_NAME_OF_OTHERS = r"_|^[a-z-]{4,}[0-9]{2,}$|^[a-z]+-[a-z]+-?[0-9]+$"
_PRODUCT = (
    r"^(?:iphone|ipad|galaxy|samsung|pixel|google|nexus|oneplus|xiaomi|redmi|poco|huawei|honor|nokia"
    r"|motorola|moto|oppo|vivo|realme|xperia|sony|nothing|android|windows|playstation|geforce|radeon"
    r"|snapdragon|exynos|dimensity|corolla|civic|model|fallout|cyberpunk|forza|persona)"
)
_PLACE = ["thread_id", "window_start"]


def without_names(rows: pl.DataFrame, beginners: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the names of their threads' accounts masked in `text`, in any case.

    `marks` gets a marker for each name that was found in a text.

    Known are the author of the text, of its thread, and of the other texts of its thread in the
    same hour: an hour must not depend on whether others are at hand.
    """
    words = _candidates(rows)
    authors = rows.select(*_PLACE, word=_name_like("author"))
    began = beginners.select("thread_id", word=_name_like("thread_author"))
    is_other = pl.col("word").str.contains(_NAME_OF_OTHERS) & ~pl.col("word").str.contains(_PRODUCT)
    others = words.filter(is_other)
    found = pl.concat(
        [
            words.filter(pl.col("word").str.contains(pl.col("author"), literal=True)).with_columns(
                word="author"
            ),
            others.join(authors, on=[*_PLACE, "word"], how="semi"),
            others.join(began, on=["thread_id", "word"], how="semi"),
        ]
    )
    names: dict[int, set[str]] = defaultdict(set)
    for row, name in found.select("row", "word").rows():
        names[row].add(name)
    if not names:
        return rows
    hits = pl.Series(sorted(names), dtype=pl.UInt32)
    texts = [
        _masked(text, names[row])
        for row, text in zip(hits.to_list(), rows["text"].gather(hits), strict=True)
    ]
    marks = [
        mark + MARKERS["author"] * len(names[row])
        for row, mark in zip(hits.to_list(), rows["marks"].gather(hits), strict=True)
    ]
    return rows.with_columns(
        text=rows["text"].scatter(hits, texts), marks=rows["marks"].scatter(hits, marks)
    )


def _candidates(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `row`, place, `author` and one `word` of each text that may be a name."""
    return (
        rows.lazy()
        .select(
            *_PLACE, author=_name_like("author"), word=pl.col("text").str.extract_all(_CANDIDATE)
        )
        .with_row_index("row")
        .explode("word")
        .with_columns(pl.col("word").str.to_lowercase())
        .collect()
    )


def _name_like(column: str) -> pl.Expr:
    """Return the column in lower case, without names that may be ordinary words."""
    lower = pl.col(column).str.to_lowercase()
    return pl.when(lower.str.contains(_NAME_LIKE)).then(lower)


def _masked(text: str, names: set[str]) -> str:
    """Return the text with a mask for each of the names, the longest first."""
    alternatives = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(alternatives, USER, text, flags=re.IGNORECASE)


def without_own_name(text: str, author: str = "author") -> pl.Expr:
    """Return the text column with its author's name masked, wherever it stands."""
    return pl.struct(text, author).map_batches(
        lambda rows: unsigned(rows.struct.field(text), rows.struct.field(author)),
        return_dtype=pl.String,
        is_elementwise=True,
    )


def unsigned(texts: pl.Series, authors: pl.Series) -> pl.Series:
    """Return the texts with the name of each one's author masked, wherever it stands."""
    rows = texts.is_not_null().arg_true()
    lower = authors.gather(rows).fill_null("").str.to_lowercase()
    is_signed = lower.str.contains(_NAME_LIKE) & texts.gather(rows).str.to_lowercase().str.contains(
        pl.lit(lower), literal=True
    )
    hits = rows.filter(is_signed)
    signed = [
        re.sub(re.escape(author), USER, text, flags=re.IGNORECASE)
        for text, author in zip(texts.gather(hits), authors.gather(hits), strict=True)
    ]
    return texts.scatter(hits, signed) if signed else texts
