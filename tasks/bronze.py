"""Bronze: the landed lines of a slice as typed rows; what cannot be read is kept aside."""

import polars as pl
from prefect import get_run_logger

from market_opinion.core.contracts import BRONZE_ITEMS, OPS_REJECTIONS
from market_opinion.core.window import Slice
from market_opinion.ops import stage_ledger
from market_opinion.ops.counts import BronzeCounts
from market_opinion.ops.metrics import Stopwatch
from market_opinion.ops.run import Run
from market_opinion.stages import bronze
from tasks import stage


@stage("bronze {span}", stage_ledger.of_bronze)
def build_bronze(run: Run, span: Slice) -> BronzeCounts:
    """Replace the slice of bronze.items. A rerun is safe: the same landing gives the same rows."""
    watch = Stopwatch(run.adapters.metrics(), environment=run.settings.environment)
    landing, lake = run.adapters.landing(), run.adapters.lake()
    captures = landing.captures(span.platform, span.communities, span.window)
    rows, rejections, fields = bronze.parse(
        content for capture in captures for content in landing.read(capture)
    )
    items = bronze.newest(rows)
    if others := set(landing.communities(span.platform)) - set(span.communities):
        # A post that two searches find, or a review in two categories, is one item: it stays in
        # the community where it was met first.
        where = {"platform": span.platform, "community": sorted(others)}
        present = lake.read(BRONZE_ITEMS, where, span.window, columns=BRONZE_ITEMS.key)
        items = items.join(present, on=BRONZE_ITEMS.key, how="anti")
    lake.overwrite(BRONZE_ITEMS, items, span.where, span.window, run=run.commit(span))
    where_refused = {"stage": ["bronze", "fields"], **span.where}
    refused = pl.concat([rejections, fields])
    lake.overwrite(OPS_REJECTIONS, refused, where_refused, span.window, run=run.commit(span))
    counts = BronzeCounts(
        landed_line_count=rows.height + rejections.height,
        item_count=items.height,
        duplicate_count=rows.height - items.height,
        rejection_count=rejections.height,
        unreadable_field_count=fields.height,
    )
    watch.put("flatten", span, rows_in=counts.landed_line_count, rows_out=items.height)
    for sentence in bronze.unreadable_columns(rows, fields):
        get_run_logger().warning("bronze %s: %s", span, sentence)
    get_run_logger().info("bronze %s: %s", span, counts)
    return counts
