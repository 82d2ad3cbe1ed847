"""Mentions: which products of the domain the items of a slice speak of."""

import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS
from market_opinion.core.errors import CommitConflict
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.stages import mentions, silver
from tasks.policy import retry_on
from tasks.request import Job


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def find_mentions(job: Job, span: Slice) -> dict[str, int]:
    """Replace the domain's slice of silver.mentions; other domains' rows and those of purged items are not touched."""
    lake = open_adapters().lake()
    items = lake.read(SILVER_ITEMS, span.where, span.window)
    found = mentions.find_mentions(items, load_domain(job.domain, load_settings().domains_path))
    where = {"domain": job.domain, **span.where}
    purged = items.filter(silver.is_purged())
    if purged.height:
        found = pl.concat(
            [
                found,
                lake.read(SILVER_MENTIONS, where, span.window).join(
                    purged, on=SILVER_ITEMS.key, how="semi"
                ),
            ]
        )
    lake.overwrite(
        SILVER_MENTIONS,
        found,
        where,
        span.window,
        run={"run-id": job.run_id, "window": str(span.window)},
    )
    relevant = (
        found.select("platform", "kind", "item_id", "window_start").n_unique()
        if found.height
        else 0
    )
    counts = {"mention_count": found.height, "relevant_item_count": relevant}
    get_run_logger().info("mentions %s: %s", span, counts)
    return counts
