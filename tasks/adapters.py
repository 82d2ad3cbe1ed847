"""The adapters a run works with, opened from the settings where they are used."""

from typing import cast

import boto3
from prefect.blocks.system import Secret

from market_opinion.core.settings import Settings, load_settings
from market_opinion.domain.definition import load_domain
from market_opinion.ops.metrics import CloudWatchMetrics, EmbeddedMetrics, MetricsFile, MetricsSink
from market_opinion.serving.mart import Mart, NoMart
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.sources import Source, SourceContext
from market_opinion.sources.catalogue import line_formats, source_type
from market_opinion.sources.quota import Priority, Quota
from market_opinion.sources.reddit.client import Reddit, RedditClientFactory, RedditCredentials
from market_opinion.storage.lake.tables import Lake, open_lake
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state import StateStore
from market_opinion.storage.state.sqlite import SQLiteState


def landing() -> Landing:
    """The landing zone."""
    settings = load_settings()
    return Landing(
        settings.landing_root,
        formats=line_formats,
        compression=settings.landing_compression,
        max_bytes=settings.landing_max_bytes,
    )


def lake() -> Lake:
    """The lake."""
    settings = load_settings()
    return open_lake(settings.lake_catalog, settings.lake_path)


def state() -> StateStore:
    """The state store."""
    settings = load_settings()
    if settings.state_table is None:
        return SQLiteState(settings.state_path, environment=settings.environment)
    from market_opinion.storage.state.dynamodb import (
        DynamoDBState,
    )  # loads boto3's models, which few need

    return DynamoDBState(
        settings.state_table, environment=settings.environment, ssm_path=settings.state_base_path
    )


def mart() -> Mart:
    """The mart."""
    settings = load_settings()
    match settings.mart_engine:
        case "duckdb":
            return DuckDBMart(settings.mart_path)
        case "snowflake":
            from tasks.warehouse import open_warehouse  # takes seconds to import, and few need it

            return open_warehouse(settings)
        case "none":
            return NoMart()


def metrics() -> MetricsSink:
    """Where metrics go."""
    settings = load_settings()
    match settings.metrics_sink:
        case "file":
            return MetricsFile(
                settings.home_path.resolve() / "metrics.jsonl", namespace=settings.metrics_namespace
            )
        case "emf":
            return EmbeddedMetrics(namespace=settings.metrics_namespace)
        case "cloudwatch":
            return CloudWatchMetrics(namespace=settings.metrics_namespace)


def open_source(
    name: str,
    domain: str,
    *,
    files: str | None = None,
    mapping: str | None = None,
    priority: Priority = Priority.CLOSE,
) -> Source:
    """The source of this name, for what the domain asks of it; raises what it says where nothing is there to read."""
    settings, state_store = load_settings(), state()

    def pace(account: str, per_minute: int) -> Quota:
        return Quota(state_store, account, per_minute=per_minute, priority=priority)

    opening = SourceContext(
        settings, load_domain(domain, settings.domains_path), pace, files=files, mapping=mapping
    )
    return cast("type[Source]", source_type(name)).open(opening)


def reddit(priority: Priority) -> Reddit:
    """A client of Reddit that shares its quota with all others; raises SettingsInvalid that says how to give credentials."""
    settings = load_settings()
    credentials = _reddit_credentials(settings)
    quota = Quota(
        state(),
        credentials.client_id,
        per_minute=settings.reddit_requests_per_minute,
        priority=priority,
    )
    return RedditClientFactory.create(
        credentials,
        reddit_url=settings.reddit_url,
        oauth_url=settings.reddit_oauth_url,
        wait_for_turn=quota.wait,
        on_refusal=quota.note_refusal,
    )


def _reddit_credentials(settings: Settings) -> RedditCredentials:
    """From the environment, else a Prefect block, else Secrets Manager: the first that is configured."""
    if settings.reddit_client_id or not (
        settings.reddit_secret_block or settings.reddit_secret_arn
    ):
        found = {
            "REDDIT_CLIENT_ID": settings.reddit_client_id,
            "REDDIT_CLIENT_SECRET": settings.reddit_client_secret,
        }
        named = {name: value.get_secret_value() for name, value in found.items() if value}
        return RedditCredentials.parse(
            {**named, "REDDIT_USER_AGENT": settings.reddit_user_agent}, where="the environment"
        )
    if settings.reddit_secret_block:
        block = cast(
            "Secret[str]", Secret.load(settings.reddit_secret_block)
        )  # no coroutine, since this is no event loop
        return RedditCredentials.parse(
            block.get(), where=f"Prefect block {settings.reddit_secret_block}"
        )
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=settings.reddit_secret_arn)
    return RedditCredentials.parse(
        answer.get("SecretString", ""), where=f"secret {settings.reddit_secret_arn}"
    )
