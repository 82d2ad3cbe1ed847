"""Bronze: landed lines of a slice to typed rows, newest per item, and a rejection for every line that is none."""

from prefect import get_run_logger, task

from market_opinion.core.contracts import BRONZE_ITEMS, OPS_REJECTIONS
from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import Slice
from market_opinion.ops.adapters import open_adapters
from market_opinion.stages import bronze
from tasks.measure import Stopwatch
from tasks.policy import retry_on
from tasks.request import Job


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def build_bronze(job: Job, span: Slice) -> dict[str, int]:
    """Replace the slice of bronze.items. A rerun is safe: the same landing gives the same rows."""
    watch = Stopwatch()
    landing, lake, run = (
        open_adapters().landing(),
        open_adapters().lake(),
        {"run-id": job.run_id, "window": str(span.window)},
    )
    captures = landing.captures(span.platform, span.communities, span.window)
    rows, rejections = bronze.parse(
        content for capture in captures for content in landing.read(capture)
    )
    items = bronze.newest(rows)
    if others := set(landing.communities(span.platform)) - set(span.communities):
        # A post that two searches find, or a review in two categories, is one item: it stays where it was met first.
        where = {"platform": span.platform, "community": sorted(others)}
        items = items.join(
            lake.read(BRONZE_ITEMS, where, span.window, columns=BRONZE_ITEMS.key),
            on=BRONZE_ITEMS.key,
            how="anti",
        )
    lake.overwrite(BRONZE_ITEMS, items, span.where, span.window, run=run)
    lake.overwrite(
        OPS_REJECTIONS, rejections, {"stage": "bronze", **span.where}, span.window, run=run
    )
    counts = {
        "landed_line_count": rows.height + rejections.height,
        "item_count": items.height,
        "duplicate_count": rows.height - items.height,
        "rejection_count": rejections.height,
    }
    watch.put("flatten", span, rows_in=counts["landed_line_count"], rows_out=items.height)
    get_run_logger().info("bronze %s: %s", span, counts)
    return counts
