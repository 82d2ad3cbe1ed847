"""Silver's rows for the mart: of whole days, in memory or as an export for external tables."""

from collections.abc import Iterable
from datetime import timedelta

import polars as pl

from market_opinion.core.contracts import (
    GOLD_BURSTS,
    GOLD_CHANGES,
    GOLD_ESTIMATES,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.window import Window
from market_opinion.serving.mart import Silver, items_of_interest
from market_opinion.serving.mart.columns import (
    BURST_COLUMNS,
    CHANGE_COLUMNS,
    ESTIMATE_COLUMNS,
    ITEM_COLUMNS,
)
from market_opinion.stages.opinions import ACTIVE_SET
from market_opinion.storage.export import Export
from market_opinion.storage.lake.tables import Lake
from market_opinion.truth.estimates import LABELS

SILVER = {"items": SILVER_ITEMS, "mentions": SILVER_MENTIONS, "opinions": SILVER_OPINIONS}


def snapshot_ids(lake: Lake) -> dict[str, int | None]:
    """Return the current snapshot of each silver table that a load reads."""
    return {name: lake.snapshot_id(table) for name, table in SILVER.items()}


def label_estimates(lake: Lake, domain: str) -> pl.DataFrame:
    """Return a domain's figures by labels, as a load takes them."""
    rows = lake.read(GOLD_ESTIMATES, {"domain": domain, "method": LABELS})
    # In one order, so that equal figures make an equal load.
    return rows.select(ESTIMATE_COLUMNS).sort(ESTIMATE_COLUMNS, nulls_last=True)


def weekly_changes(lake: Lake, domain: str) -> pl.DataFrame:
    """Return a domain's rows of gold.changes, as a load takes them."""
    rows = lake.read(GOLD_CHANGES, {"domain": domain}).select(CHANGE_COLUMNS)
    return rows.sort("week_start", "measure", "brand", "aspect", nulls_last=True)


def daily_bursts(lake: Lake, domain: str) -> pl.DataFrame:
    """Return a domain's rows of gold.bursts, as a load takes them."""
    rows = lake.read(GOLD_BURSTS, {"domain": domain}).select(BURST_COLUMNS)
    return rows.sort("full_date", "brand", "kind")


def silver_of_days(lake: Lake, domain: str, days: list[Window]) -> Silver:
    """Return the rows of whole days: of all domains for items, of one domain for the others."""
    mentions = pl.concat(lake.read(SILVER_MENTIONS, {"domain": domain}, day) for day in days)
    live = {"domain": domain, "score_set": ACTIVE_SET}
    return Silver(
        items=pl.concat(
            items_of_interest(lake.read(SILVER_ITEMS, window=day, columns=ITEM_COLUMNS), mentions)
            for day in days
        ),
        mentions=mentions,
        opinions=pl.concat(lake.read(SILVER_OPINIONS, live, day) for day in days),
    )


def export_days(lake: Lake, export: Export, days: Iterable[Window]) -> None:
    """Export whole days of silver, of all domains and the live score set."""
    dates = [
        Window(start, start + timedelta(days=1)) for span in days for start in span.midnights()
    ]
    for name, table in SILVER.items():
        where = {"score_set": ACTIVE_SET} if table is SILVER_OPINIONS else {}
        columns = ITEM_COLUMNS if table is SILVER_ITEMS else None
        for day in dates:
            rows = lake.read(table, where, day, columns=columns)
            snapshot_id = lake.snapshot_id(table)
            export.put(name, day.start.date(), rows.sort(rows.columns), snapshot_id=snapshot_id)
