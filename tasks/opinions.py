"""Opinions: the judgements of a slice's items on the products they mention."""

import polars as pl
from prefect import get_run_logger

from market_opinion.core.contracts import (
    OPS_REJECTIONS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import Slice
from market_opinion.ops import stage_ledger
from market_opinion.ops.counts import OpinionCounts
from market_opinion.ops.parents import with_parents
from market_opinion.ops.run import Run
from market_opinion.scorers.contract import Priced
from market_opinion.scorers.judging import Judge, ScorerName
from market_opinion.stages import opinions, silver
from market_opinion.storage.lake.tables import Lake
from tasks import stage, task

_ITEM_COLUMNS = [
    "platform",
    "community",
    "kind",
    "item_id",
    "thread_id",
    "parent_id",
    "created_at",
    "window_start",
    "text",
    "context_title",
    "language",
    "is_usable",
]


@stage("judge {span}", stage_ledger.of_opinions)
def judge_items(
    run: Run, span: Slice, scorer: ScorerName | None = None, score_set: str = opinions.ACTIVE_SET
) -> OpinionCounts:
    """Replace the domain's slice of a score set; a judgement without proof becomes a rejection.

    Purged items cannot be judged again: their live opinions stay, in every set. Rejections are kept
    for the live set alone, since those of two sets could not be told apart.
    """
    lake, where = run.adapters.lake(), {"domain": run.domain, **span.where}
    items, mentions = _mentioned(lake, span, run.domain)
    judge = run.open_judge(get_run_logger(), span, scorer=scorer)
    rows = _to_judge(lake, span, judge, items, mentions)
    verdict = judge.judge(rows, score_set=score_set)
    before = _before_purge(lake, span, where, mentions, items.filter(silver.is_purged()))
    accepted = pl.concat([verdict.opinions, before.with_columns(score_set=pl.lit(score_set))])
    of_set = {"score_set": score_set, **where}
    lake.overwrite(SILVER_OPINIONS, accepted, of_set, span.window, run=run.commit(span))
    if score_set == opinions.ACTIVE_SET:
        of_stage = {"stage": "opinions", **where}
        rejections = verdict.rejections
        lake.overwrite(OPS_REJECTIONS, rejections, of_stage, span.window, run=run.commit(span))
    mention_key = ["kind", "item_id", "window_start", "product_id"]
    counts = OpinionCounts(
        opinion_count=accepted.height,
        scored_mention_count=accepted.select(mention_key).n_unique() if accepted.height else 0,
        rejected_opinion_count=verdict.rejections.height,
        **verdict.counts,
    )
    get_run_logger().info("opinions %s: %s", span, counts)
    return counts


@task(task_run_name="plan {span}")
def plan_items(run: Run, span: Slice, scorer: ScorerName) -> dict[str, int]:
    """Return the questions that judging the slice by a scorer would ask a model, and their cost.

    Raises InvalidRequest for a scorer that asks no model.
    """
    lake = run.adapters.lake()
    items, mentions = _mentioned(lake, span, run.domain)
    judge = run.open_judge(get_run_logger(), span, scorer=scorer)
    if not isinstance(judge.scorer, Priced):
        message = f"--plan: the scorer {scorer} asks no model and costs nothing; leave --plan out"
        raise InvalidRequest(message)
    return judge.scorer.plan(_to_judge(lake, span, judge, items, mentions))


def _to_judge(
    lake: Lake, span: Slice, judge: Judge, items: pl.DataFrame, mentions: pl.DataFrame
) -> pl.DataFrame:
    """Return the rows to judge, with what they answer where a model reads them."""
    readable = items.filter(~silver.is_purged())
    known = with_parents(lake, readable, span) if judge.asks_model else readable
    return opinions.to_judge(known, mentions)


def _mentioned(lake: Lake, span: Slice, domain: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the items of the slice, and their mentions."""
    mentions = lake.read(SILVER_MENTIONS, {"domain": domain, **span.where}, span.window)
    return lake.read(SILVER_ITEMS, span.where, span.window, columns=_ITEM_COLUMNS), mentions


def _before_purge(
    lake: Lake,
    span: Slice,
    where: dict[str, str | list[str]],
    mentions: pl.DataFrame,
    purged: pl.DataFrame,
) -> pl.DataFrame:
    """Return the live opinions of items whose words are gone."""
    theirs = mentions.join(purged, on=SILVER_ITEMS.key, how="semi")
    if theirs.is_empty():
        return SILVER_OPINIONS.empty()
    live = lake.read(SILVER_OPINIONS, {"score_set": opinions.ACTIVE_SET, **where}, span.window)
    return live.join(theirs, on=SILVER_MENTIONS.key, how="semi")
