"""Judgements of scorers to opinions: the checks that are the same for every scorer.

An opinion is on a product that was asked about and an aspect of the domain, and quotes the text.
"""

from collections.abc import Sequence

import polars as pl

from market_opinion.core.contracts import NEUTRAL_BELOW, OPS_REJECTIONS, SILVER_OPINIONS
from market_opinion.domain.definition import Domain

ACTIVE_SET = "live"

JUDGEMENT_SCHEMA = {
    "row": pl.UInt32,
    "product_id": pl.String,
    "aspect": pl.String,
    "polarity": pl.Float64,
    "confidence": pl.Float64,
    "evidence_start": pl.Int64,
    "evidence_end": pl.Int64,
    "evidence": pl.String,
    "doubt": pl.String,
}
# Who gave a judgement, where it is not the scorer that was asked.
JUDGED_BY = ("scorer", "model", "prompt_version")
# Columns of items that some of the callers have read.
_MAY_HAVE = ("parent_text", "language")


def as_judgements(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """Return rows of values in the order of JUDGEMENT_SCHEMA as a frame of that schema."""
    columns = zip(*rows, strict=True) if rows else [()] * len(JUDGEMENT_SCHEMA)
    return pl.DataFrame(dict(zip(JUDGEMENT_SCHEMA, columns, strict=True)), schema=JUDGEMENT_SCHEMA)


def judged_by(
    judgements: pl.DataFrame, scorer: str, model: str, prompt_version: str | None = None
) -> pl.DataFrame:
    """Return judgements with the columns of JUDGED_BY, where they do not have these yet."""
    values = (scorer, model, prompt_version)
    if set(JUDGED_BY) <= set(judgements.columns):
        return judgements
    return judgements.with_columns(
        pl.lit(value, pl.String).alias(name) for name, value in zip(JUDGED_BY, values, strict=True)
    )


def to_judge(items: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """Return one row per item that has a mention.

    A row has the item's keys, text and title, its number `row`, and lists with one entry for each
    product: `products`, `aliases`, `reasons` and `confidences`. It has `parent_text`, the text that
    the item answers, and `language` where the items have them.
    """
    item = ["platform", "community", "kind", "item_id", "thread_id", "created_at", "window_start"]
    candidates = (
        mentions.sort("product_id")
        .group_by("platform", "kind", "item_id", "window_start")
        .agg(
            products=pl.col("product_id"),
            aliases=pl.col("aliases"),
            reasons=pl.col("reason"),
            confidences=pl.col("confidence"),
        )
    )
    words = ["text", "context_title", *(n for n in _MAY_HAVE if n in items.columns)]
    joined = items.select(*item, *words).join(
        candidates, on=["platform", "kind", "item_id", "window_start"]
    )
    return joined.sort("platform", "community", "created_at", "item_id", "kind").with_row_index(
        "row"
    )


def accept(
    asked: pl.DataFrame,
    judgements: pl.DataFrame,
    domain: Domain,
    *,
    scorer: str,
    model: str,
    prompt_version: str | None,
    score_set: str = ACTIVE_SET,
    confidence_min: float = 0.0,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return opinions in the contract of silver.opinions, and rejections of all other judgements.

    `asked` are the rows of `to_judge`; scorer, model and prompt version are those that the
    judgements have, else the given ones. Judgements below `confidence_min` count as abstentions and
    become neither. Rejected are judgements

    - that their scorer doubts,
    - of a product that was not asked about, or an aspect that the domain lacks,
    - with a polarity outside [-1, 1],
    - with evidence that is not in the text at its offsets,
    - of a product and aspect that were judged already.
    """
    sure = judgements.filter(pl.col("confidence").fill_null(1.0) >= confidence_min)
    checked = sure.join(asked, on="row", how="left", maintain_order="left").with_columns(
        reason=_problem(domain)
    )
    first = pl.struct("row", "product_id", "aspect").is_first_distinct()
    good = checked.filter(pl.col("reason").is_null())
    repetitions = good.filter(~first).with_columns(reason=pl.lit("judged_twice"))
    opinions = good.filter(first).with_columns(
        domain=pl.lit(domain.name),
        domain_version=pl.lit(domain.version),
        score_set=pl.lit(score_set),
        label=label(pl.col("polarity")),
    )
    if not set(JUDGED_BY) <= set(judgements.columns):
        opinions = opinions.with_columns(
            scorer=pl.lit(scorer),
            model=pl.lit(model),
            prompt_version=pl.lit(prompt_version, pl.String),
        )
    refused = pl.concat([checked.filter(pl.col("reason").is_not_null()), repetitions]).with_columns(
        stage=pl.lit("opinions"),
        domain=pl.lit(domain.name),
        detail=pl.concat_str(pl.lit("product "), "product_id", pl.lit(", aspect "), "aspect"),
        landing_uri=pl.lit(None, pl.String),
        landing_line=pl.lit(None, pl.Int64),
    )
    return opinions.select(*SILVER_OPINIONS.schema), refused.select(*OPS_REJECTIONS.schema)


def label(polarity: pl.Expr) -> pl.Expr:
    """Return the polarity as a word: positive, neutral or negative."""
    return (
        pl.when(polarity >= NEUTRAL_BELOW)
        .then(pl.lit("positive"))
        .when(polarity <= -NEUTRAL_BELOW)
        .then(pl.lit("negative"))
        .otherwise(pl.lit("neutral"))
    )


def _problem(domain: Domain) -> pl.Expr:
    """Return the reason code of a judgement to reject; null for a good one."""
    length = pl.col("evidence_end") - pl.col("evidence_start")
    quoted = pl.col("text").str.slice(pl.col("evidence_start"), length.clip(lower_bound=0))
    return (
        pl.when(pl.col("doubt").is_not_null())
        .then(pl.col("doubt"))
        .when(~pl.col("products").list.contains(pl.col("product_id")))
        .then(pl.lit("unknown_product"))
        .when(~pl.col("aspect").is_in(list(domain.aspects)))
        .then(pl.lit("unknown_aspect"))
        .when(~pl.col("polarity").is_between(-1, 1))
        .then(pl.lit("polarity_out_of_range"))
        .when((length <= 0) | (quoted != pl.col("evidence")))
        .then(pl.lit("evidence_not_in_text"))
    )
