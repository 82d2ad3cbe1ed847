"""Mart: the dates a run touched, rebuilt in one transaction from silver."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import polars as pl
from prefect import get_run_logger, task

from market_opinion import mart, opinions
from market_opinion.contracts import SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS
from market_opinion.domain import load_domain
from market_opinion.settings import load_settings
from market_opinion.window import Slice, Window, contiguous
from tasks import resources
from tasks.request import Job


@task
def load_mart(job: Job, slices: list[Slice]) -> dict[str, int]:
    """Rebuild the dates of the slices; a rerun is safe, and a load that does not reconcile with silver is undone."""
    lake, domain = resources.lake(), load_domain(job.domain, load_settings().domains_path)
    days = _whole_days(slices)
    live = {"domain": job.domain, "score_set": opinions.LIVE}
    tables = {"items": SILVER_ITEMS, "mentions": SILVER_MENTIONS, "opinions": SILVER_OPINIONS}
    mentions = pl.concat(lake.read(SILVER_MENTIONS, {"domain": job.domain}, day) for day in days)
    load = mart.Load(
        domain=job.domain,
        score_set=opinions.LIVE,
        as_of=job.now,
        dates=[date for day in days for date in day.dates()],
        products=mart.product_rows(domain),
        aspects=mart.aspect_rows(domain),
        windows=mart.window_rows(entry for day in days for entry in resources.state().windows(window=day)),
        items=pl.concat(mart.items_of_interest(lake.read(SILVER_ITEMS, window=day, columns=mart.ITEM_COLUMNS), mentions) for day in days),
        mentions=mentions,
        opinions=pl.concat(lake.read(SILVER_OPINIONS, live, day) for day in days),
        snapshot_ids={name: lake.snapshot_id(table) for name, table in tables.items()},
    )
    counts = resources.mart().load(load)
    get_run_logger().info("mart %s: %s", ", ".join(map(str, days)), counts)
    return counts


def _whole_days(slices: Iterable[Slice]) -> list[Window]:
    """The fewest windows of whole days that hold the slices: facts are rebuilt by date."""
    dates = sorted({date for span in slices for date in span.window.dates()})
    days = [Window(start, start + timedelta(days=1)) for start in (datetime(d.year, d.month, d.day, tzinfo=UTC) for d in dates)]
    return contiguous(hour.start for day in days for hour in day.hours())
