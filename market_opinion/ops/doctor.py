"""Doctor: checks everything that a run needs, and names exactly what is missing."""

import functools
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from market_opinion.core import aws
from market_opinion.core.contracts import TABLES
from market_opinion.core.errors import MarketOpinionError
from market_opinion.core.settings import is_open_to_others, load_settings
from market_opinion.core.visible import shown_uri, visible
from market_opinion.domain.definition import domain_names, load_domain
from market_opinion.ops import alerts, orchestrator, upkeep
from market_opinion.ops.adapters import Adapters
from market_opinion.scorers.judging import check_scorer
from market_opinion.sources import catalogue, topics
from market_opinion.sources.quota import Priority
from market_opinion.storage.file_system import open_place

_OLDEST_PYTHON = (3, 11)
_FREE_BYTES_MIN = 2_000_000_000
# Closed days of one table that may wait; each makes every read of its days slower.
_WAIT = 31
_Result = tuple[Literal["ok", "off", "bad"], str]


@dataclass(frozen=True)
class Finding:
    """The state of one part, and what to do where it is bad.

    An `off` part is not configured, and need not be.
    """

    part: str
    state: Literal["ok", "off", "bad"]
    text: str


def examine() -> Iterator[Finding]:
    """Check one part after another; nothing is changed, and no model is asked."""
    checks: dict[str, Callable[[Adapters], _Result | None]] = {
        "home": _home,
        "domains": _domains,
        "AWS": _aws,
        "landing": _landing,
        "lake": _lake,
        "upkeep": _upkeep,
        "state": _state,
        **{name: functools.partial(_source, name) for name in catalogue.names()},
        "inbox": _inbox,
        "stream": _stream,
        "scorer": _scorer,
        "mart": _mart,
        "PostgreSQL": _postgres,
        "alerts": _alerts,
        "Prefect": _prefect,
    }
    yield Finding("Python", *_python())
    try:
        settings = load_settings()
    except MarketOpinionError as error:
        yield Finding("settings", "bad", visible(str(error)))
        return
    yield Finding("settings", "ok", f"environment {settings.environment}")
    # The clients of all parts raise these where a part is absent or does not let us in.
    troubles: tuple[type[Exception], ...] = (
        MarketOpinionError,
        OSError,
        *aws.errors(),
        *orchestrator.ERRORS,
    )
    for part, check in checks.items():
        try:
            result = check(Adapters(settings))
        except troubles as error:
            result = "bad", visible(f"{type(error).__name__}: {error}")
        if result is not None:
            yield Finding(part, *result)


def try_models(domains: Iterable[str] | None = None) -> Iterator[Finding]:
    """Ask the configured model about the examples of each domain, which costs a few requests."""
    from market_opinion.scorers.llm.model import open_model  # few need it
    from market_opinion.scorers.llm.trial import SHARE_RIGHT_MIN, try_model

    try:
        settings = load_settings()
        model = open_model(settings)
        for name in domains or domain_names(settings.domains_path):
            domain = load_domain(name, settings.domains_path)
            trial = try_model(model, domain, settings.domains_path)
            text = f"{name}: {model.name} is {trial}"
            if trial.share_right >= SHARE_RIGHT_MIN:
                yield Finding("model", "ok", text)
            else:
                yield Finding("model", "bad", f"{text}: take a larger model, or SCORER=local")
    except MarketOpinionError as error:
        yield Finding("model", "bad", f"{type(error).__name__}: {error}")


def send_test_alert() -> Finding:
    """Send one alert to every place of the settings, and return whether all of them took it."""
    places = load_settings().alerts
    alert = alerts.Alert("test", "market opinion: a test alert, sent by `doctor --alert`")
    taken = alerts.send([alert], webhook=places.webhook_url, topic=places.sns_topic_arn)
    if not taken:
        text = "nowhere to send it: set ALERT_WEBHOOK_URL or ALERT_SNS_TOPIC_ARN"
        return Finding("test alert", "bad", text)
    if refused := [place for place, is_taken in taken.items() if not is_taken]:
        text = f"{', '.join(refused)} did not take it: check the address, and the warning above"
        return Finding("test alert", "bad", text)
    return Finding("test alert", "ok", f"sent to {', '.join(taken)}: look whether it arrived")


def _python() -> _Result:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return "bad", f"{version} is too old: 3.11 or newer"
    return "ok", version


def _home(adapters: Adapters) -> _Result:
    home = adapters.settings.home
    if is_open_to_others(home):
        return "bad", f"{home}: others can read it: chmod 700, or set MARKET_OPINION_HOME"
    free = shutil.disk_usage(home).free
    if free < _FREE_BYTES_MIN:
        return "bad", (
            f"{home}: only {free / 1e9:.1f} GB are free:"
            " make room, or set MARKET_OPINION_HOME to a larger disk"
        )
    return "ok", f"{home}, {free / 1e9:.0f} GB free"


def _domains(adapters: Adapters) -> _Result:
    folder = adapters.settings.domains_path
    domains = [
        load_domain(path.parent.name, folder) for path in sorted(folder.glob("*/domain.toml"))
    ]
    if not domains:
        return "bad", f"no domain below {folder}: set DOMAINS_PATH to the folder that holds them"
    return "ok", ", ".join(f"{domain.name} ({len(domain.products)} products)" for domain in domains)


def _aws(adapters: Adapters) -> _Result:
    settings = adapters.settings
    uses = {
        "LANDING_URI": settings.landing.root.startswith("s3:"),
        "STATE_URI": settings.state.table is not None,
        **dict.fromkeys(catalogue.cloud_secrets(settings), True),
        "ALERT_SNS_TOPIC_ARN": settings.alerts.sns_topic_arn is not None,
        "METRICS_SINK": settings.metrics.sink == "cloudwatch",
    }
    if not any(uses.values()):
        return "off", "nothing is kept there"
    identity = aws.call("sts", "get_caller_identity")["Arn"]
    return "ok", f"{identity}, for {', '.join(name for name, is_used in uses.items() if is_used)}"


def _landing(adapters: Adapters) -> _Result:
    root = adapters.settings.landing.root
    fs, path = open_place(root)
    if root.startswith("s3:"):
        fs.invalidate_cache()
        fs.ls(path.partition("/")[0])  # raises for a bucket that is absent, or not ours
    folders = fs.ls(path, detail=False) if fs.exists(path) else []
    platforms = sorted(name.rpartition("/")[2] for name in folders)
    return "ok", f"{shown_uri(root)}: {', '.join(platforms) or 'empty'}"


def _lake(adapters: Adapters) -> _Result:
    lake = adapters.lake()
    count = sum(lake.snapshot_id(table) is not None for table in TABLES)
    catalog = adapters.settings.lake.catalog
    return "ok", f"catalog {catalog}: {count} of {len(TABLES)} tables are written"


def _upkeep(adapters: Adapters) -> _Result:
    now = datetime.now(UTC)
    found = {table.name: state for table, state in upkeep.states(adapters.lake(), now)}
    counts = {
        unit: sum(getattr(state, f"{name}_count") for state in found.values())
        for name, unit in (
            ("file", "files"),
            ("manifest", "manifests"),
            ("snapshot", "snapshots"),
            ("waiting_partition", "closed days wait for compaction"),
        )
    }
    text = ", ".join(f"{count:,} {unit}" for unit, count in counts.items())
    most, state = max(found.items(), key=lambda each: each[1].file_count, default=("", None))
    if state is not None and max(each.waiting_partition_count for each in found.values()) > _WAIT:
        return "bad", f"{text}; {most} alone has {state.file_count:,} files: run `maintain`"
    return "ok", text


def _state(adapters: Adapters) -> _Result:
    entries, settings = adapters.state().windows(), adapters.settings
    place = f"DynamoDB {settings.state.table}" if settings.state.table else str(settings.state.path)
    return "ok", f"{place}: {len(entries):,} hours are known"


def _source(name: str, adapters: Adapters) -> _Result | None:
    """Return what a source says of itself."""
    pace = adapters.pace(Priority.BACKFILL)
    return catalogue.source_type(name).doctor_line(adapters.settings, pace)


def _inbox(adapters: Adapters) -> _Result:
    inbox = adapters.inbox()
    outcomes = inbox.outcomes()
    waiting = inbox.files().keys() - {outcome.path for outcome in outcomes}
    refused = sum(outcome.state in {"refused", "partly"} for outcome in outcomes)
    root = adapters.settings.inbox.root
    text = f"{shown_uri(root)}: {len(waiting):,} files wait, {len(outcomes):,} were seen"
    if refused:
        text += f", {refused:,} of them refused in part or whole: `python -m market_opinion inbox`"
    return "ok", text


def _stream(adapters: Adapters) -> _Result:
    settings = adapters.settings
    if settings.kafka.bootstrap_servers is None:
        return "off", "KAFKA_BOOTSTRAP_SERVERS is not set"
    if platforms := topics.platforms(settings):
        return "ok", f"topics of {', '.join(platforms)}"
    return "ok", f"no topic named {topics.topic_of(settings.environment, '*')}"


def _scorer(adapters: Adapters) -> _Result:
    settings = adapters.settings
    for name in domain_names(settings.domains_path):
        check_scorer(settings.scorer, name, settings)
    if settings.scorer not in {"llm", "routed"}:
        return "ok", settings.scorer
    budget = (
        f"{settings.llm.budget_usd_per_day} USD a day"
        if settings.llm.budget_usd_per_day is not None
        else "no budget a day"
    )
    address = shown_uri(settings.llm.base_url) if settings.llm.base_url else "OpenAI"
    asked = f", {settings.llm.routed_share:.0%} of items" if settings.scorer == "routed" else ""
    return "ok", f"{settings.llm.model} at {address}{asked}, {budget}"


def _mart(adapters: Adapters) -> _Result:
    engine = adapters.settings.mart.engine
    if engine == "none":
        return "off", "MART_URI=none:, daily figures are in gold.*"
    mart = adapters.mart()
    if not mart.is_loaded:
        return "ok", f"{engine}, not loaded yet"
    last = mart.query("SELECT MAX(last_date_key) AS last_date_key FROM mart.load_audit").item()
    return "ok", f"{engine}, loaded up to {last}"


def _postgres(adapters: Adapters) -> _Result:
    uri = adapters.settings.mart.postgres_uri
    if uri is None:
        return "off", "POSTGRES_URI is not set: nothing is published"
    from market_opinion.serving.mart.postgres import PostgresMart  # few need it

    is_loaded = PostgresMart(uri).is_loaded
    return "ok", "the views are published" if is_loaded else "nothing published yet"


def _alerts(adapters: Adapters) -> _Result:
    places = {
        "webhook": adapters.settings.alerts.webhook_url,
        "SNS": adapters.settings.alerts.sns_topic_arn,
    }
    names = [name for name, address in places.items() if address]
    if not names:
        return "off", "only in the log: set ALERT_WEBHOOK_URL or ALERT_SNS_TOPIC_ARN"
    return "ok", ", ".join(names)


def _prefect(adapters: Adapters) -> _Result:
    url = orchestrator.server_url()
    if url is None:
        return "off", "PREFECT_API_URL is not set: flows run in their own process"
    limit = adapters.settings.llm.concurrency_limit
    if missing := orchestrator.missing_parts(url, concurrency_limit=limit):
        return "bad", "; ".join(missing)
    count = len(orchestrator.deployment_names())
    return "ok", f"{shown_uri(url)}: {count} deployments, and a worker on its pool"
