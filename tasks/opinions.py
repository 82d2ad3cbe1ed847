"""Opinions: what the items of a slice think of the products they mention."""

import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import (
    OPS_REJECTIONS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import CommitConflict
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.orchestrator import turn
from market_opinion.scorers.judging import Judge, ScorerName
from market_opinion.stages import opinions, silver
from tasks.policy import retry_on
from tasks.request import Job

_ITEM_COLUMNS = [
    "platform",
    "community",
    "kind",
    "item_id",
    "thread_id",
    "created_at",
    "window_start",
    "text",
    "context_title",
    "is_usable",
]


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def judge_items(
    job: Job, span: Slice, scorer: ScorerName | None = None, score_set: str = opinions.ACTIVE_SET
) -> dict[str, int]:
    """Replace the domain's slice of a score set; what a scorer says without proof becomes a rejection.

    Items that were purged since cannot be judged again: what is live of them stays, in every set.

    Rejections are kept for the live set alone: those of another would stand beside them as if they were of the same.
    """
    lake, run = open_adapters().lake(), {"run-id": job.run_id, "window": str(span.window)}
    domain = load_domain(job.domain, load_settings().domains_path)
    where = {"domain": job.domain, **span.where}
    items, mentions = _mentioned(job, span)
    asked = opinions.to_judge(items.filter(~silver.is_purged()), mentions)
    accepted, refused, more = open_judge().judge(
        asked, domain, scorer, run=run, score_set=score_set
    )
    accepted = pl.concat(
        [
            accepted,
            _said_before_purge(job, span, items, mentions).with_columns(
                score_set=pl.lit(score_set)
            ),
        ]
    )
    lake.overwrite(
        SILVER_OPINIONS, accepted, {"score_set": score_set, **where}, span.window, run=run
    )
    if score_set == opinions.ACTIVE_SET:
        lake.overwrite(
            OPS_REJECTIONS, refused, {"stage": "opinions", **where}, span.window, run=run
        )
    scored = (
        accepted.select("kind", "item_id", "window_start", "product_id").n_unique()
        if accepted.height
        else 0
    )
    counts = {
        "opinion_count": accepted.height,
        "scored_mention_count": scored,
        "rejected_opinion_count": refused.height,
        **more,
    }
    get_run_logger().info("opinions %s: %s", span, counts)
    return counts


def open_judge() -> Judge:
    """Return the scorers of the settings."""
    adapters = open_adapters()
    return Judge(adapters.settings, adapters.lake(), adapters.state(), turn, get_run_logger())


@task
def plan_items(job: Job, span: Slice) -> dict[str, int]:
    """What judging the slice by the model would ask, and cost."""
    domain = load_domain(job.domain, load_settings().domains_path)
    items, mentions = _mentioned(job, span)
    asked = opinions.to_judge(items.filter(~silver.is_purged()), mentions)
    return open_judge().caller.plan(asked, domain)


def _mentioned(job: Job, span: Slice) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The items of the slice, and what they mention."""
    lake = open_adapters().lake()
    mentions = lake.read(SILVER_MENTIONS, {"domain": job.domain, **span.where}, span.window)
    return lake.read(SILVER_ITEMS, span.where, span.window, columns=_ITEM_COLUMNS), mentions


def _said_before_purge(
    job: Job, span: Slice, items: pl.DataFrame, mentions: pl.DataFrame
) -> pl.DataFrame:
    """The live opinions of items whose words are gone."""
    purged = mentions.join(items.filter(silver.is_purged()), on=SILVER_ITEMS.key, how="semi")
    if purged.is_empty():
        return SILVER_OPINIONS.empty()
    live = (
        open_adapters()
        .lake()
        .read(
            SILVER_OPINIONS,
            {"domain": job.domain, "score_set": opinions.ACTIVE_SET, **span.where},
            span.window,
        )
    )
    return live.join(purged, on=SILVER_MENTIONS.key, how="semi")
