"""Mentions by a model's answers: the products that it says a text speaks of."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from market_opinion.core.contracts import SILVER_MENTIONS
from market_opinion.domain.definition import Domain, normalise
from market_opinion.scorers.llm.prompt import Answer, Question, find_evidence

# Confidence in a product that a model says a text speaks of.
_MEANT = 0.9
_ITEM = ("platform", "kind", "item_id", "window_start")


def weighed(
    candidates: pl.DataFrame,
    rows: pl.DataFrame,
    questions: list[Question],
    answers: Mapping[str, Answer],
    domain: Domain,
) -> pl.DataFrame:
    """Return candidates of silver.mentions as a model's answers weigh them, and what they add.

    `rows` are `to_judge` of the candidates, with one question each. Items whose answer does not say
    what is meant stay as the rules weigh them, and so does the subject of a review. A product that
    was not offered counts where the catalogue has it and its words stand in the text.
    """
    catalogue = {product.product_id for product in domain.products}
    told: list[dict[str, Any]] = []
    for row, question in zip(rows.iter_rows(named=True), questions, strict=True):
        answer = answers.get(question.key)
        if answer is not None and answer.meant is not None:
            item = {name: row[name] for name in _ITEM}
            told.append({**item, "meant": list(_told(row, question, answer, catalogue))})
    if not told:
        return candidates
    schema = {name: candidates.schema[name] for name in _ITEM} | {"meant": pl.List(_MEANT_TYPE)}
    answered = pl.DataFrame(told, schema=schema)
    meant = answered.explode("meant").drop_nulls("meant").unnest("meant")
    is_subject = pl.col("reason") == "subject"
    kept = pl.concat(
        [
            candidates.join(answered, on=_ITEM, how="anti"),
            candidates.join(answered, on=_ITEM, how="semi").filter(is_subject),
        ]
    )
    added = (
        candidates.select(*_OF_ITEM)
        .unique(_ITEM)
        .join(meant, on=_ITEM)
        .join(kept, on=[*_ITEM, "product_id"], how="anti")
        .with_columns(domain=pl.lit(domain.name), domain_version=pl.lit(domain.version))
        .join(_of_rules(candidates), on=[*_ITEM, "product_id"], how="left")
        .with_columns(
            reason=pl.coalesce(_named("rules_reason"), "reason"),
            aliases=pl.coalesce(_named("rules_aliases"), "aliases"),
            mention_count=pl.coalesce(_named("rules_count"), "mention_count"),
        )
    )
    return pl.concat([kept, added.select(*SILVER_MENTIONS.schema)]).sort(SILVER_MENTIONS.key)


_MEANT_TYPE = pl.Struct(
    {
        "product_id": pl.String,
        "aliases": pl.String,
        "mention_count": pl.Int64,
        "reason": pl.String,
        "confidence": pl.Float64,
    }
)
_OF_ITEM = ("platform", "community", "kind", "item_id", "thread_id", "created_at", "window_start")


def _of_rules(candidates: pl.DataFrame) -> pl.DataFrame:
    return candidates.select(
        *_ITEM,
        "product_id",
        rules_reason="reason",
        rules_aliases="aliases",
        rules_count="mention_count",
    )


def _named(column: str) -> pl.Expr:
    """Return what the rules say of a product that they see named; they know where it stands."""
    return pl.when(pl.col("rules_reason").is_in(["named", "title"])).then(column)


def _told(
    row: Mapping[str, Any], question: Question, answer: Answer, catalogue: set[str]
) -> Iterator[dict[str, Any]]:
    """Yield the products that an answer says are meant, each once, as fields of a mention."""
    offered = {product_id for product_id, _ in question.candidates}
    text, title = row["text"], row["context_title"] or ""
    words_of = {each.product_id: each.words for each in answer.meant or ()}
    judged = [each.product_id for each in answer.mentions if find_evidence(text, each.evidence)]
    for product_id in dict.fromkeys([*words_of, *judged]):
        words = words_of.get(product_id, "")
        place = find_evidence(text, words) if words else None
        if product_id not in catalogue or not (place or product_id in offered):
            continue
        in_title = row["kind"] == "submission" and place is not None and place[1] <= len(title)
        yield {
            "product_id": product_id,
            "aliases": normalise(words) if place else "",
            "mention_count": 1,
            "reason": ("title" if in_title else "named") if place else "referred",
            "confidence": _MEANT,
        }
