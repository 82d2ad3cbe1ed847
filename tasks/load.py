"""Load: the dates of a run in the mart, rebuilt in one transaction from silver, and its views."""

from prefect import get_run_logger

from market_opinion.core.errors import MartUnavailable, ReconciliationFailed
from market_opinion.core.window import Slice, whole_days
from market_opinion.ops.alerts import Alert, raise_alerts
from market_opinion.ops.counts import in_words
from market_opinion.ops.run import Run
from market_opinion.serving import mart
from market_opinion.serving.mart.lake_rows import (
    daily_bursts,
    export_days,
    label_estimates,
    silver_of_days,
    snapshot_ids,
    weekly_changes,
)
from market_opinion.serving.mart.postgres import PostgresMart
from market_opinion.serving.mart.publication import Publication
from market_opinion.stages import opinions
from market_opinion.storage.export import Export
from tasks import retry_on, task


@task(retries=2, retry_delay_seconds=10, retry_condition_fn=retry_on(MartUnavailable))
def load_mart(run: Run, slices: list[Slice], *, again: bool = False) -> dict[str, int]:
    """Rebuild the dates of the slices. A rerun is safe.

    A load that does not reconcile with silver is undone, and an alert is raised.
    """
    lake, domain, settings = run.adapters.lake(), run.load_domain(), run.settings
    days, state = whole_days(slices), run.adapters.state()
    load = mart.Load(
        domain=run.domain,
        score_set=opinions.ACTIVE_SET,
        as_of=run.now,
        dates=[date for day in days for date in day.dates()],
        products=mart.product_rows(domain),
        aspects=mart.aspect_rows(domain),
        windows=mart.window_rows(entry for day in days for entry in state.windows(window=day)),
        snapshot_ids=snapshot_ids(lake),
        estimates=label_estimates(lake, run.domain),
        changes=weekly_changes(lake, run.domain),
        bursts=daily_bursts(lake, run.domain),
    )
    if settings.mart.engine == "snowflake" and settings.snowflake.access == "external":
        export_days(lake, Export(settings.mart.export_root), days)
    try:
        counts = run.adapters.mart().load(
            load, lambda: silver_of_days(lake, run.domain, days), again=again
        )
    except ReconciliationFailed as error:
        raise_alerts([Alert("mart_not_reconciled", str(error))], settings, get_run_logger())
        raise
    get_run_logger().info("mart %s: %s", ", ".join(map(str, days)), in_words(counts))
    return counts


@task(retries=2, retry_delay_seconds=10, retry_condition_fn=retry_on(MartUnavailable))
def publish_views(run: Run) -> dict[str, int]:
    """Put the mart's views into PostgreSQL, where one is configured.

    Readers see all of the new views, or the ones that were there before.
    """
    uri, source = run.settings.mart.postgres_uri, run.adapters.mart()
    if uri is None or not source.is_loaded:
        return {}
    counts = PostgresMart(uri).publish(source, Publication.of(run.settings))
    get_run_logger().info("published: %s", in_words(counts))
    return counts
