"""Doctor: whether everything a run needs is there, and if not, exactly what is missing."""

import functools
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import fsspec
import httpx
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import get_current_settings

from market_opinion.core.contracts import TABLES
from market_opinion.core.errors import MarketOpinionError
from market_opinion.core.settings import Settings, load_settings
from market_opinion.domain.definition import load_domain
from market_opinion.sources import catalogue, topics
from market_opinion.sources.quota import REFUSALS, Priority
from market_opinion.sources.reddit.client import check_access
from tasks import adapters, model
from tasks.inbox import open_inbox

_OLDEST_PYTHON = (3, 11)
_FREE_BYTES_MIN = 2_000_000_000
_PREFECT_FILE = Path(__file__).parent.parent / "prefect.yaml"
# What the clients of everything that is looked at raise when it is not there, or does not let us in.
_TROUBLE = (
    MarketOpinionError,
    BotoCoreError,
    ClientError,
    OSError,
    httpx.HTTPError,
    PrefectException,
)


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it stands, and what to do where it does not."""

    what: str
    state: Literal["ok", "off", "bad"]
    text: str


def examine() -> Iterator[Finding]:
    """Look at one thing after another; nothing is changed, and no model is asked. `off` is what is not configured, and need not be."""
    checks: dict[str, Callable[[Settings], Finding | None]] = {
        "home": _home,
        "domains": _domains,
        "AWS": _aws,
        "landing": _landing,
        "lake": _lake,
        "state": _state,
        "Reddit": _reddit,
        **{name: functools.partial(_source, name) for name in catalogue.names()},
        "inbox": _inbox,
        "stream": _stream,
        "scorer": _scorer,
        "mart": _mart,
        "PostgreSQL": _postgres,
        "alerts": _alerts,
        "Prefect": _prefect,
    }
    yield _python()
    try:
        settings = load_settings()
    except MarketOpinionError as error:
        yield Finding("settings", "bad", str(error))
        return
    yield Finding("settings", "ok", f"environment {settings.environment}")
    for what, check in checks.items():
        try:
            found = check(settings)
        except _TROUBLE as error:
            found = Finding(what, "bad", f"{type(error).__name__}: {error}")
        if found is not None:
            yield found


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return Finding("Python", "bad", f"{version} is too old: 3.11 or newer")
    return Finding("Python", "ok", version)


def _home(settings: Settings) -> Finding:
    home = settings.home_path.resolve()
    free = shutil.disk_usage(home).free
    if free < _FREE_BYTES_MIN:
        return Finding(
            "home",
            "bad",
            f"{home}: only {free / 1e9:.1f} GB are free: make room, or set MARKET_OPINION_HOME to a larger disk",
        )
    return Finding("home", "ok", f"{home}, {free / 1e9:.0f} GB free")


def _domains(settings: Settings) -> Finding:
    domains = [
        load_domain(path.parent.name, settings.domains_path)
        for path in sorted(settings.domains_path.glob("*/domain.toml"))
    ]
    if not domains:
        return Finding(
            "domains",
            "bad",
            f"no domain below {settings.domains_path}: set DOMAINS_PATH to the folder that holds them",
        )
    return Finding(
        "domains",
        "ok",
        ", ".join(f"{domain.name} ({len(domain.products)} products)" for domain in domains),
    )


def _aws(settings: Settings) -> Finding:
    uses = {
        "LANDING_URI": settings.landing_root.startswith("s3:"),
        "STATE_URI": settings.state_table is not None,
        "REDDIT_SECRET_ARN": settings.reddit_secret_arn is not None,
        "ALERT_SNS_TOPIC_ARN": settings.alert_sns_topic_arn is not None,
        "METRICS_SINK": settings.metrics_sink == "cloudwatch",
    }
    if not any(uses.values()):
        return Finding("AWS", "off", "nothing is kept there")
    import boto3  # few need it, and it takes a while

    who = boto3.client("sts").get_caller_identity()["Arn"]
    return Finding(
        "AWS", "ok", f"{who}, for {', '.join(name for name, is_used in uses.items() if is_used)}"
    )


def _landing(settings: Settings) -> Finding:
    fs, path = fsspec.url_to_fs(settings.landing_root)
    if settings.landing_root.startswith("s3:"):
        bucket = path.partition("/")[0]
        fs.invalidate_cache()
        fs.ls(bucket)  # raises where it is not there, or not ours
    platforms = (
        sorted(name.rpartition("/")[2] for name in fs.ls(path, detail=False))
        if fs.exists(path)
        else []
    )
    return Finding("landing", "ok", f"{settings.landing_root}: {', '.join(platforms) or 'empty'}")


def _lake(settings: Settings) -> Finding:
    lake = adapters.lake()
    kept = [table.name for table in TABLES if lake.snapshot_id(table) is not None]
    return Finding(
        "lake",
        "ok",
        f"catalog {settings.lake_catalog}: {len(kept)} of {len(TABLES)} tables are written",
    )


def _state(settings: Settings) -> Finding:
    entries = adapters.state().windows()
    where = f"DynamoDB {settings.state_table}" if settings.state_table else str(settings.state_path)
    return Finding("state", "ok", f"{where}: {len(entries):,} hours are known")


def _reddit(settings: Settings) -> Finding:
    given = (
        settings.reddit_client_id,
        settings.reddit_client_secret,
        settings.reddit_secret_block,
        settings.reddit_secret_arn,
    )
    if not any(given):
        return Finding(
            "Reddit",
            "off",
            "no app: REDDIT_CLIENT_ID and the others, REDDIT_SECRET_BLOCK or REDDIT_SECRET_ARN, to read it live",
        )
    check_access(adapters.reddit(Priority.BACKFILL))
    refused = len(adapters.state().notes(REFUSALS))
    text = f"{settings.reddit_requests_per_minute} requests a minute" + (
        f", {refused} refused lately: lower it" if refused else ""
    )
    return Finding("Reddit", "bad" if refused else "ok", text)


def _source(name: str, settings: Settings) -> Finding | None:
    """Return what a source says of itself; whether its key is accepted, only reading shows, and some count every request."""
    line = catalogue.source_type(name).doctor_line(settings)
    return None if line is None else Finding(name, *line)


def _inbox(settings: Settings) -> Finding:
    found = open_inbox()
    known = found.outcomes()
    waiting = found.files().keys() - {outcome.path for outcome in known}
    refused = sum(outcome.state in {"refused", "partly"} for outcome in known)
    told = f"{settings.inbox_root}: {len(waiting):,} files wait, {len(known):,} were seen"
    return Finding(
        "inbox",
        "ok",
        f"{told}, {refused:,} of them refused in part or whole: `market_opinion inbox`"
        if refused
        else told,
    )


def _stream(settings: Settings) -> Finding:
    if settings.kafka_bootstrap_servers is None:
        return Finding("stream", "off", "KAFKA_BOOTSTRAP_SERVERS is not set")
    found = topics.platforms(settings)
    return Finding(
        "stream",
        "ok",
        f"topics of {', '.join(found)}"
        if found
        else f"no topic named {topics.topic_of(settings.environment, '*')}",
    )


def _scorer(settings: Settings) -> Finding:
    if settings.scorer == "llm":
        model.open_model(settings)
        budget = (
            f"{settings.llm_budget_usd_per_day} USD a day"
            if settings.llm_budget_usd_per_day is not None
            else "no budget a day"
        )
        return Finding(
            "scorer", "ok", f"{settings.llm_model} at {settings.llm_base_url or 'OpenAI'}, {budget}"
        )
    return Finding("scorer", "ok", settings.scorer)


def _mart(settings: Settings) -> Finding:
    if settings.mart_engine == "none":
        return Finding("mart", "off", "MART_URI=none:, daily figures are in gold.*")
    mart = adapters.mart()
    if not mart.is_loaded:
        return Finding("mart", "ok", f"{settings.mart_engine}, not loaded yet")
    last = mart.query("SELECT MAX(last_date_key) AS last_date_key FROM mart.load_audit").item()
    return Finding("mart", "ok", f"{settings.mart_engine}, loaded up to {last}")


def _postgres(settings: Settings) -> Finding:
    if settings.postgres_uri is None:
        return Finding("PostgreSQL", "off", "POSTGRES_URI is not set: nothing is published")
    from market_opinion.serving.mart.postgres import PostgresMart  # few need it

    is_loaded = PostgresMart(settings.postgres_uri).is_loaded
    return Finding(
        "PostgreSQL", "ok", "the views are published" if is_loaded else "nothing published yet"
    )


def _alerts(settings: Settings) -> Finding:
    places = [
        name
        for name, is_set in (
            ("webhook", settings.alert_webhook_url),
            ("SNS", settings.alert_sns_topic_arn),
        )
        if is_set
    ]
    if not places:
        return Finding(
            "alerts", "off", "only in the log: set ALERT_WEBHOOK_URL or ALERT_SNS_TOPIC_ARN"
        )
    return Finding("alerts", "ok", ", ".join(places))


def _prefect(settings: Settings) -> Finding:
    url = get_current_settings().api.url
    if url is None:
        return Finding(
            "Prefect", "off", "PREFECT_API_URL is not set: flows run in their own process"
        )
    wanted = {
        entry["name"]
        for entry in yaml.safe_load(_PREFECT_FILE.read_text(encoding="utf-8"))["deployments"]
    }
    with get_client(sync_client=True) as client:
        if (error := client.api_healthcheck()) is not None:
            return Finding(
                "Prefect",
                "bad",
                f"{url} does not answer ({error}): start it, or correct PREFECT_API_URL",
            )
        pool = client.read_variable_by_name("pool")
        if pool is None:
            return Finding(
                "Prefect",
                "bad",
                f"{url} knows no work pool of ours: `python -m infra.orchestration local`, or ecs",
            )
        missing = list(_missing_in_prefect(client, settings, wanted, str(pool.value)))
    if missing:
        return Finding("Prefect", "bad", "; ".join(missing))
    return Finding(
        "Prefect", "ok", f"{url}: {len(wanted)} deployments, and a worker on pool {pool.value}"
    )


def _missing_in_prefect(
    client: SyncPrefectClient, settings: Settings, wanted: set[str], pool: str
) -> Iterator[str]:
    """What the server lacks, and the command that brings it."""
    if undeployed := sorted(wanted - {deployment.name for deployment in client.read_deployments()}):
        yield f"{', '.join(undeployed)} not deployed: `prefect --no-prompt deploy --all`"
    if limit := settings.llm_concurrency_limit:
        try:
            client.read_global_concurrency_limit_by_name(limit)
        except ObjectNotFound:
            yield f"no concurrency limit {limit}: `prefect gcl create {limit} --limit 1`"
    if not any(worker.status == "ONLINE" for worker in client.read_workers_for_work_pool(pool)):
        yield f"no worker serves pool {pool}: `prefect worker start --pool {pool}`"
