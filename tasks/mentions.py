"""Mentions: the products of the domain that the items of a slice speak of."""

import polars as pl
from prefect import get_run_logger

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS
from market_opinion.core.window import Slice
from market_opinion.ops import retitled, stage_ledger
from market_opinion.ops.counts import MentionCounts
from market_opinion.ops.parents import with_parents
from market_opinion.ops.run import Run
from market_opinion.stages import silver
from tasks import stage


@stage("mentions {span}", stage_ledger.of_mentions)
def find_mentions(run: Run, span: Slice) -> MentionCounts:
    """Replace the domain's slice of silver.mentions, but for the mentions of purged items."""
    lake = run.adapters.lake()
    retitled.remember_domain(run, span)
    items = lake.read(SILVER_ITEMS, span.where, span.window)
    judge = run.open_judge(get_run_logger(), span)
    told = judge.read(with_parents(lake, items, span) if judge.asks_model else items)
    rows = told.candidates
    where = {"domain": run.domain, **span.where}
    purged = items.filter(silver.is_purged())
    if purged.height:
        before = lake.read(SILVER_MENTIONS, where, span.window)
        rows = pl.concat([rows, before.join(purged, on=SILVER_ITEMS.key, how="semi")])
    lake.overwrite(SILVER_MENTIONS, rows, where, span.window, run=run.commit(span))
    counts = MentionCounts(
        mention_count=rows.height,
        relevant_item_count=rows.select(SILVER_ITEMS.key).n_unique() if rows.height else 0,
        **told.counts,
    )
    get_run_logger().info("mentions %s: %s", span, counts)
    return counts
