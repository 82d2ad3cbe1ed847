"""Mart: the dates a run touched, rebuilt in one transaction from silver."""

from datetime import timedelta

import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS
from market_opinion.core.errors import MartUnavailable, ReconciliationFailed
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice, Window, whole_days
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.alerts import Alert
from market_opinion.serving import mart
from market_opinion.serving.mart.postgres import PostgresMart
from market_opinion.stages import opinions
from market_opinion.storage.export import Export
from tasks.alerts import raise_alerts
from tasks.policy import retry_on
from tasks.request import Job

_SILVER = {"items": SILVER_ITEMS, "mentions": SILVER_MENTIONS, "opinions": SILVER_OPINIONS}


@task(retries=2, retry_delay_seconds=10, retry_condition_fn=retry_on(MartUnavailable))
def load_mart(job: Job, slices: list[Slice], *, again: bool = False) -> dict[str, int]:
    """Rebuild the dates of the slices; a rerun is safe, and a load that does not reconcile with silver is undone and alerted."""
    lake, domain = open_adapters().lake(), load_domain(job.domain, load_settings().domains_path)
    days = whole_days(slices)
    load = mart.Load(
        domain=job.domain,
        score_set=opinions.ACTIVE_SET,
        as_of=job.now,
        dates=[date for day in days for date in day.dates()],
        products=mart.product_rows(domain),
        aspects=mart.aspect_rows(domain),
        windows=mart.window_rows(
            entry for day in days for entry in open_adapters().state().windows(window=day)
        ),
        snapshot_ids={name: lake.snapshot_id(table) for name, table in _SILVER.items()},
    )
    settings = load_settings()
    if settings.mart_engine == "snowflake" and settings.snowflake_road == "external":
        _export(Export(settings.export_root), days)
    try:
        counts = open_adapters().mart().load(load, lambda: _silver(job, days), again=again)
    except ReconciliationFailed as error:
        raise_alerts([Alert("mart_not_reconciled", str(error))])
        raise
    get_run_logger().info("mart %s: %s", ", ".join(map(str, days)), counts)
    return counts


def _silver(job: Job, days: list[Window]) -> mart.Silver:
    """The rows of whole days."""
    lake, live = open_adapters().lake(), {"domain": job.domain, "score_set": opinions.ACTIVE_SET}
    mentions = pl.concat(lake.read(SILVER_MENTIONS, {"domain": job.domain}, day) for day in days)
    return mart.Silver(
        items=pl.concat(
            mart.items_of_interest(
                lake.read(SILVER_ITEMS, window=day, columns=mart.ITEM_COLUMNS), mentions
            )
            for day in days
        ),
        mentions=mentions,
        opinions=pl.concat(lake.read(SILVER_OPINIONS, live, day) for day in days),
    )


def _export(export: Export, days: list[Window]) -> None:
    """Put whole days of silver where external tables look, of all domains and the live score set."""
    lake = open_adapters().lake()
    for name, table in _SILVER.items():
        where = {"score_set": opinions.ACTIVE_SET} if table is SILVER_OPINIONS else {}
        columns = mart.ITEM_COLUMNS if table is SILVER_ITEMS else None
        for day in (
            Window(start, start + timedelta(days=1)) for span in days for start in span.midnights()
        ):
            rows = lake.read(table, where, day, columns=columns)
            export.put(
                name, day.start.date(), rows.sort(rows.columns), snapshot_id=lake.snapshot_id(table)
            )


@task(retries=2, retry_delay_seconds=10, retry_condition_fn=retry_on(MartUnavailable))
def publish_views() -> dict[str, int]:
    """Put the mart's views into PostgreSQL, where one is configured; readers see all of it, or what was there before."""
    uri = load_settings().postgres_uri
    source = open_adapters().mart()
    if uri is None or not source.is_loaded:
        return {}
    counts = PostgresMart(uri).publish(source)
    get_run_logger().info("published: %s", counts)
    return counts
