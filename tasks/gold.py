"""Gold: daily aggregates of a run's dates, in the lake, for readers without a warehouse."""

from prefect import get_run_logger

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS
from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import Slice, whole_days
from market_opinion.ops.counts import GoldCounts
from market_opinion.ops.run import Run
from market_opinion.serving import mart
from market_opinion.stages import gold, opinions
from tasks import retry_on, task


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def build_gold(run: Run, slices: list[Slice]) -> GoldCounts:
    """Replace the dates of the slices in every gold table.

    A rerun is safe: the same silver gives the same rows.
    """
    lake, products = run.adapters.lake(), mart.product_rows(run.load_domain())
    where, count = {"domain": run.domain}, 0
    for days in whole_days(slices):
        mentions = lake.read(SILVER_MENTIONS, where, days)
        items = lake.read(SILVER_ITEMS, window=days, columns=[*SILVER_ITEMS.key, "author_key"])
        live = lake.read(SILVER_OPINIONS, {**where, "score_set": opinions.ACTIVE_SET}, days)
        tables = gold.aggregate(
            items, mentions, live, products, min_authors=run.settings.mart.publish_min_authors
        )
        for table, rows in tables.items():
            lake.overwrite(table, rows, where, days, run=run.commit())
            count += rows.height
    get_run_logger().info("gold: %d rows", count)
    return GoldCounts(count)
