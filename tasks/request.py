"""Request: what a run was asked to do, checked before anything runs.

Each task reads the settings once, and returns the run, with the reading of flows that have one.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from prefect.runtime import flow_run
from pydantic import SecretStr, WithJsonSchema

from market_opinion.core.contracts import TABLES
from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.core.settings import load_settings, read_domains_path
from market_opinion.core.visible import shown_uri
from market_opinion.core.window import HOUR, as_utc, both_ends, clip
from market_opinion.domain.definition import domain_names
from market_opinion.ops import payload, recording, upkeep
from market_opinion.ops import reading as readings
from market_opinion.ops.orchestrator import server_url
from market_opinion.ops.peppers import is_rotating, known_pepper
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Mode, Run
from market_opinion.ops.upgrade import bring_up_to_date
from market_opinion.scorers.judging import ScorerName, check_scorer
from market_opinion.sources.catalogue import names
from market_opinion.sources.reddit.profile import PLATFORM as REDDIT
from market_opinion.sources.topics import connection
from market_opinion.stages import opinions
from tasks import task


def _domain_schema() -> dict[str, Any]:
    """Return the form of a domain's name; where settings are wrong, the run is what says so."""
    try:
        known = domain_names(read_domains_path())
    except SettingsInvalid:
        known = []
    return {"type": "string", "enum": known} if known else {"type": "string"}


# Any source of the catalogue, and any domain there is, as lists to choose from in Prefect's form.
SourceName = Annotated[str, WithJsonSchema({"type": "string", "enum": names()})]
DomainName = Annotated[str, WithJsonSchema(_domain_schema())]
Request = tuple[Run, Reading]


@task
def check_backfill(
    domain: str,
    source: SourceName,
    archive: str | None,
    communities: list[str] | None,
    start: datetime | None,
    end: datetime | None,
    now: datetime,
    mapping: str | None = None,
    mode: payload.IngestionMode | None = None,
    subreddit: str | None = None,
    start_ts: int | None = None,
    end_ts: int | None = None,
    record: Path | None = None,
) -> Request:
    """Check a backfill; its window is clipped to whole closed hours, or None for all time."""
    payload.check_backfill_mode(mode)
    _check_record(record)
    named = payload.read_communities(communities, subreddit)
    first = payload.read_moment("start", start, start_ts)
    last = payload.read_moment("end", end, end_ts)
    return _backfill(_run(domain, now, "backfill"), source, archive, named, first, last, mapping)


@task
def check_campaign(
    domain: str,
    source: SourceName,
    archive: str | None,
    communities: list[str] | None,
    start: datetime | None,
    end: datetime | None,
    items_a_run: int,
    runs_at_once: int,
    now: datetime,
    mapping: str | None = None,
) -> Request:
    """Check a campaign, which is a backfill.

    Raises InvalidRequest where nobody would take its runs.
    """
    _check_from_1("--items-a-run", items_a_run)
    _check_from_1("--runs-at-once", runs_at_once)
    if server_url() is None:
        message = (
            "a campaign hands its spans to workers: set PREFECT_API_URL and deploy,"
            " or use flows.backfill, which does all of it itself"
        )
        raise InvalidRequest(message)
    return _backfill(
        _run(domain, now, "backfill"), source, archive, communities, start, end, mapping
    )


@task
def check_enrich(
    domain: str,
    source: SourceName,
    communities: list[str],
    start: datetime,
    end: datetime,
    now: datetime,
    mapping: str | None = None,
    campaign: str | None = None,
) -> Request:
    """Check one part of a campaign; the source itself is asked nothing."""
    window = clip(start, end, now=now)
    run = replace(_run(domain, now, "backfill"), campaign=campaign)
    return run, readings.plan_reading(run, source, communities, mapping=mapping, window=window)


@task
def check_hourly(
    domain: str,
    source: SourceName,
    archive: str | None,
    communities: list[str] | None,
    max_windows: int | None,
    now: datetime,
    mapping: str | None = None,
    mode: payload.IngestionMode | None = None,
    subreddit: str | None = None,
    start_ts: int | None = None,
    end_ts: int | None = None,
    record: Path | None = None,
) -> Request:
    """Check an hourly run; its watermarks decide which hours are due.

    Asked for a range, it is a backfill of the range.
    """
    if max_windows is not None:
        _check_from_1("--max-windows", max_windows)
    _check_record(record)
    named = payload.read_communities(communities, subreddit)
    start = payload.read_moment("start", None, start_ts)
    end = payload.read_moment("end", None, end_ts)
    if payload.is_backfill(mode, start, end):
        run = _run(domain, now, "backfill")
        return _backfill(run, source, archive, named, start, end, mapping)
    run = _run(domain, now, "incremental")
    reading = readings.plan_reading(
        run,
        source,
        named,
        archive=archive,
        mapping=mapping,
        max_windows=max_windows or run.settings.windows_per_run,
    )
    readings.check_source(run, reading)
    return run, reading


@task
def check_rescore(
    domain: str,
    scorer: ScorerName,
    score_set: str,
    start: datetime | None,
    end: datetime | None,
    promote: bool,  # noqa: FBT001, a parameter of the flow
    now: datetime,
) -> Run:
    """Check a rescore of what is kept of the domain's communities; a promotion judges nothing."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", score_set):
        message = f"--score-set {score_set!r}: use lower-case letters, digits, - and _"
        raise InvalidRequest(message)
    if score_set == opinions.ACTIVE_SET:
        message = (
            "--score-set live is what hourly and backfill write:"
            " choose another name, compare, then promote it"
        )
        raise InvalidRequest(message)
    run = _run(domain, now)
    if not promote:
        check_scorer(scorer, domain, run.settings)
    return _kept(run, start, end)


@task
def check_mart(domain: str, start: datetime | None, end: datetime | None, now: datetime) -> Run:
    """Check a rebuild of what is kept of the domain's communities."""
    return _kept(_run(domain, now), start, end)


@task
def check_watch(domain: str, now: datetime) -> Run:
    """Check a comparison of weeks."""
    run = _run(domain, now)
    run.load_domain()
    return run


@task
def check_rebuild(
    domain: str,
    platform: str,
    start: datetime | None,
    end: datetime | None,
    damaged: list[str] | None,
    now: datetime,
) -> Request:
    """Check a rebuild of the hours that were landed of a platform."""
    if unknown := sorted(set(damaged or ()) - {table.name for table in TABLES}):
        message = f"--damaged {', '.join(unknown)}: {', '.join(t.name for t in TABLES)} are tables"
        raise InvalidRequest(message)
    run = _run(domain, now, "backfill")
    run.load_domain()
    return run, readings.landed_hours(run, platform, start, end)


@task
def check_publish(domain: str, now: datetime) -> Run:
    """Check a publication; raises InvalidRequest without a POSTGRES_URI."""
    run = _run(domain, now)
    if run.settings.mart.postgres_uri is None:
        message = (
            "POSTGRES_URI is not set: say where to publish,"
            " as postgresql://user:password@host:port/name"
        )
        raise InvalidRequest(message)
    run.load_domain()
    return run


@task
def check_maintain(
    domain: str,
    table: list[str] | None,
    older_than: datetime | None,
    dry_run: bool,  # noqa: FBT001, a parameter of the flow
    now: datetime,
) -> tuple[Run, list[str]]:
    """Check an upkeep; return the names of its tables."""
    run, names = _run(domain, now), upkeep.tables_named(table)
    if older_than is not None and as_utc(older_than) > run.now - HOUR:
        message = (
            f"--older-than {older_than.isoformat()}: runs may still read snapshots of the last"
            f" hour, so give a time before {run.now - HOUR:%Y-%m-%dT%H:%M}"
        )
        raise InvalidRequest(message)
    if not dry_run:
        return run, names
    note = "nothing was changed: a run without --dry-run does what is counted here"
    return replace(run, notes=(note,)), names


@task
def check_inbox(domain: str, now: datetime) -> Run:
    """Check a look at the inbox."""
    run = _run(domain, now)
    run.load_domain()
    return replace(run, notes=(f"the inbox is {shown_uri(run.settings.inbox.root)}",))


@task
def check_stream(domain: str, messages_max: int, now: datetime) -> Run:
    """Check a drain of the stream; raises SettingsInvalid without KAFKA_BOOTSTRAP_SERVERS."""
    _check_from_1("--messages-max", messages_max)
    run = _run(domain, now)
    connection(run.settings)
    run.load_domain()
    return run


@task
def check_evaluate(
    domain: str,
    labelled: Path | None,
    gold: Path | None,
    scorer: ScorerName,
    against: ScorerName | None,
    replies: Path | None = None,
    frontier: Path | None = None,
) -> Run:
    """Check an evaluation: its labelled texts, its replies, and that each scorer can judge."""
    if (labelled is None) == (gold is None):
        message = "give either --gold, for labelled items, or --labelled, for texts with a tone"
        raise InvalidRequest(message)
    _check_labelled(labelled or gold or Path())
    if replies and not (gold and replies.is_file()):
        message = f"--replies {replies}: name a file of replies, and by --gold its labelled items"
        raise InvalidRequest(message)
    if frontier and not replies:
        message = (
            f"--frontier {frontier} needs answers of a model: name a file of them by --replies"
        )
        raise InvalidRequest(message)
    run = _run_beside_home(domain, datetime.now(UTC))
    for name in (scorer, against):
        if name:
            check_scorer(name, domain, run.settings)
    run.load_domain()
    return run


@task
def check_train(domain: str, labelled: Path) -> Run:
    """Check a training."""
    run = _run_beside_home(domain, datetime.now(UTC))
    run.load_domain()
    _check_labelled(labelled)
    return run


@task
def check_replay(folder: Path, to: Path | None, record: Path | None, bisect: Path | None) -> Run:
    """Check a replay; return the recorded run over a home of its own."""
    recorded = recording.read(folder)
    if bisect is not None:
        recording.read(bisect)
    if to is not None:
        recording.check_new(to)
    _check_record(record)
    here = _run_beside_home(recorded.domain, datetime.now(UTC)).settings
    run = recording.run_apart(
        recorded, to or here.home / "replay", here, str(flow_run.id or "local")
    )
    notes = recording.changed_inputs(recorded, run.load_domain().version)
    return replace(run, notes=notes)


@task
def check_recheck(
    domain: str, source: SourceName, communities: list[str] | None, now: datetime
) -> Request:
    """Check a second look at what a platform gave."""
    run = _run(domain, now)
    return run, readings.plan_second_look(run, source, communities)


@task
def check_live(domain: str, communities: list[str] | None, now: datetime) -> Request:
    """Check a run over the domain's communities on Reddit."""
    run = _run(domain, now)
    return run, readings.plan_second_look(run, REDDIT, communities)


@task
def check_erase(
    domain: str,
    platform: str,
    author: SecretStr | None,
    author_key: str | None,
    items: list[str] | None,
    now: datetime,
) -> Request:
    """Check an erasure in all communities of the platform; the platform itself is asked nothing."""
    if not author and not author_key and not items:
        message = "nothing to erase: give --author, --author-key, or --items"
        raise InvalidRequest(message)
    if author_key and (author or not re.fullmatch(r"[0-9a-f]{64}", author_key)):
        message = "give --author or --author-key, which has 64 digits of 0 to 9 and a to f"
        raise InvalidRequest(message)
    return _over_platform(_run(domain, now), platform)


@task
def check_rotation(domain: str, now: datetime) -> Run:
    """Check a rotation of the pepper; raises SettingsInvalid for one that nothing was made with."""
    run = _run(domain, now)
    run.load_domain()
    if not is_rotating(run.adapters.state(), run.settings):
        known_pepper(run.adapters.state(), run.settings)
    return run


@task
def check_purge(domain: str, platform: str, now: datetime) -> Request:
    """Check a purge of a platform; raises InvalidRequest where words are meant to stay."""
    run = _run(domain, now)
    if run.settings.upkeep.retention != "derived_only":
        message = (
            "RETENTION is full, so no words are purged:"
            " set RETENTION=derived_only to keep only what is derived of them"
        )
        raise InvalidRequest(message)
    return _over_platform(run, platform)


def _run(domain: str, now: datetime, mode: Mode = "recheck") -> Run:
    """Return the run with the settings of this moment, over a home of this program's format."""
    run = _run_beside_home(domain, now, mode)
    bring_up_to_date(run)
    return run


def _run_beside_home(domain: str, now: datetime, mode: Mode = "recheck") -> Run:
    """Return the run of a flow that neither reads nor writes the home."""
    return Run(domain, as_utc(now), str(flow_run.id or "local"), mode, load_settings())


def _backfill(
    run: Run,
    source: str,
    archive: str | None,
    communities: list[str] | None,
    start: datetime | None,
    end: datetime | None,
    mapping: str | None,
) -> Request:
    reading, notes = readings.plan_backfill(run, source, archive, communities, start, end, mapping)
    return replace(run, notes=notes), reading


def _kept(run: Run, start: datetime | None, end: datetime | None) -> Run:
    """Return the run if its range, where it has one, and its domain are good."""
    ends = both_ends(start, end, otherwise="everything that is kept")
    run.load_domain()
    if ends:
        clip(*ends, now=run.now)
    return run


def _over_platform(run: Run, platform: str) -> Request:
    run.load_domain()
    return run, readings.whole_platform(run, platform)


def _check_from_1(flag: str, number: int) -> None:
    if number < 1:
        message = f"{flag} is {number}: it starts at 1"
        raise InvalidRequest(message)


def _check_record(folder: Path | None) -> None:
    if folder is not None:
        recording.check_new(folder)


def _check_labelled(path: Path) -> None:
    if not path.exists():
        message = f"no labelled texts at {path}: --labelled names a file or folder"
        raise InvalidRequest(message)
