"""What a run was asked to do, checked before anything runs."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from prefect import task
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from pydantic import WithJsonSchema

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice, Window, as_utc, clip
from market_opinion.domain.definition import load_domain
from market_opinion.scorers import linear
from market_opinion.scorers.linear import Linear
from market_opinion.sources import sample
from market_opinion.sources.catalogue import names, source_type
from market_opinion.sources.quota import Priority
from market_opinion.sources.reddit import visits
from market_opinion.sources.topics import connection
from market_opinion.stages import opinions
from tasks import adapters, model

# Any source of the catalogue, as a list to choose from in Prefect's form.
SourceName = Annotated[str, WithJsonSchema({"type": "string", "enum": names()})]
ScorerName = Literal["lexicon", "linear", "llm"]
# Archives hold all of Reddit, of which a domain wants a part.
_READ_BY_NAME = {"archive", "sample"}


@dataclass(frozen=True)
class Job:
    """A checked request: what every task of a run is told. `now` is the run's one idea of the time."""

    domain: str
    source: SourceName
    archive: str | None
    platform: str
    communities: tuple[str, ...]  # every one that the source holds, where none is named
    window: Window | None
    now: datetime
    mode: Literal["incremental", "backfill", "recheck"]
    run_id: str
    max_windows: int = 1
    comments: visits.Comments = "listing"
    mapping: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of item an hour has to be complete in; trees cannot say when they have all comments of an hour."""
        kinds = source_type(self.source).kinds
        return (
            kinds
            if self.comments == "listing"
            else tuple(kind for kind in kinds if kind != "comment")
        )

    @property
    def is_live(self) -> bool:
        """Whether its source has no end."""
        return source_type(self.source).is_live

    @property
    def hours(self) -> Slice:
        """What the job is about; raises InvalidRequest for one that is about everything."""
        if self.window is None:
            message = f"{self.mode} of {self.domain} has no hours of its own: give start and end"
            raise InvalidRequest(message)
        return Slice(self.platform, self.communities, self.window)

    @property
    def priority(self) -> Priority:
        """Who waits for whom when requests are short."""
        return Priority.CLOSE if self.mode == "incremental" else Priority.BACKFILL


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
) -> Job:
    """The backfill as a job; its window is clipped to whole closed hours, or none for everything the source has."""
    if (start is None) != (end is None):
        message = f"{'start' if start is None else 'end'} is missing: give both, or neither for everything the source has"
        raise InvalidRequest(message)
    if start is None and source_type(source).is_live:
        message = f"source {source} needs start and end: a live platform has no first hour"
        raise InvalidRequest(message)
    window = clip(start, end, now=now) if start and end else None
    job = _with_source(
        _job(
            domain,
            source,
            archive,
            communities,
            mapping=mapping,
            now=now,
            mode="backfill",
            window=window,
        )
    )
    if start and end and window and (as_utc(start), as_utc(end)) != (window.start, window.end):
        return replace(
            job,
            notes=(
                f"{start.isoformat()} to {end.isoformat()} was clipped to the whole, closed hours {window}",
            ),
        )
    return job


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
) -> Job:
    """The campaign as a job of a backfill; raises InvalidRequest where nobody would take up its runs."""
    for name, number in (("items_a_run", items_a_run), ("runs_at_once", runs_at_once)):
        if number < 1:
            message = f"{name} is {number}: it starts at 1"
            raise InvalidRequest(message)
    if get_current_settings().api.url is None:
        message = "a campaign hands its spans to workers: set PREFECT_API_URL and deploy, or use flows.backfill, which does all of it itself"
        raise InvalidRequest(message)
    return check_backfill.fn(domain, source, archive, communities, start, end, now, mapping)


@task
def check_enrich(
    domain: str,
    source: SourceName,
    communities: list[str],
    start: datetime,
    end: datetime,
    now: datetime,
    mapping: str | None = None,
) -> Job:
    """One span of a campaign as a job; the source itself is asked nothing."""
    window = clip(start, end, now=now)
    return _job(
        domain, source, None, communities, mapping=mapping, now=now, mode="backfill", window=window
    )


@task
def check_hourly(
    domain: str,
    source: SourceName,
    archive: str | None,
    communities: list[str] | None,
    max_windows: int | None,
    now: datetime,
    mapping: str | None = None,
) -> Job:
    """The hourly run as a job; which hours are due is decided by the watermarks."""
    if max_windows is not None and max_windows < 1:
        message = f"max_windows is {max_windows}: it starts at 1"
        raise InvalidRequest(message)
    job = _with_source(
        _job(
            domain,
            source,
            archive,
            communities,
            mapping=mapping,
            now=now,
            mode="incremental",
            window=None,
        )
    )
    return replace(job, max_windows=max_windows or load_settings().max_hourly_windows_per_run)


@task
def check_rescore(
    domain: str,
    scorer: ScorerName,
    score_set: str,
    start: datetime | None,
    end: datetime | None,
    now: datetime,
) -> Job:
    """A rescore as a job over what is kept of the domain's communities."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", score_set):
        message = f"score set {score_set!r}: use lower-case letters, digits, - and _"
        raise InvalidRequest(message)
    if score_set == opinions.ACTIVE_SET:
        message = "score set live is what hourly and backfill write: choose another name, compare, then promote it"
        raise InvalidRequest(message)
    if scorer == model.NAME:
        model.open_model(load_settings())
    return check_mart.fn(domain, start, end, now)


@task
def check_mart(domain: str, start: datetime | None, end: datetime | None, now: datetime) -> Job:
    """A rebuild as a job over what is kept of the domain's communities."""
    if (start is None) != (end is None):
        message = f"{'start' if start is None else 'end'} is missing: give both, or neither for everything that is kept"
        raise InvalidRequest(message)
    load_domain(domain, load_settings().domains_path)
    window = clip(start, end, now=now) if start and end else None
    return Job(
        domain,
        "sample",
        None,
        sample.PLATFORM,
        (),
        window,
        as_utc(now),
        "recheck",
        str(flow_run.id or "local"),
    )


@task
def check_publish(domain: str, now: datetime) -> Job:
    """A publication as a job."""
    if load_settings().postgres_uri is None:
        message = "POSTGRES_URI is not set: say where to publish, as postgresql://user:password@host:port/name"
        raise InvalidRequest(message)
    return check_mart.fn(domain, None, None, now)


@task
def check_inbox(domain: str, now: datetime) -> Job:
    """A look at the inbox as a job."""
    return replace(
        check_mart.fn(domain, None, None, now),
        notes=(f"the inbox is {load_settings().inbox_root}",),
    )


@task
def check_stream(domain: str, messages_max: int, now: datetime) -> Job:
    """A drain of the stream as a job; raises SettingsInvalid where nobody said where the brokers are."""
    if messages_max < 1:
        message = f"messages_max is {messages_max}: it starts at 1"
        raise InvalidRequest(message)
    connection(load_settings())
    return check_mart.fn(domain, None, None, now)


@task
def check_evaluate(
    domain: str, labelled: Path, scorer: ScorerName, against: ScorerName | None
) -> Job:
    """An evaluation as a job."""
    if not labelled.exists():
        message = f"no labelled texts at {labelled}"
        raise InvalidRequest(message)
    for name in (scorer, against):
        if name == model.NAME:
            model.open_model(load_settings())
        elif name == linear.NAME:
            Linear.load(load_settings().linear_model_path(domain))
    return check_train.fn(domain, labelled)


@task
def check_train(domain: str, labelled: Path | None) -> Job:
    """A training as a job."""
    load_domain(domain, load_settings().domains_path)
    if labelled and not labelled.exists():
        message = f"no labelled texts at {labelled}"
        raise InvalidRequest(message)
    return Job(
        domain,
        "sample",
        None,
        sample.PLATFORM,
        (),
        None,
        datetime.now(UTC),
        "recheck",
        str(flow_run.id or "local"),
    )


@task
def check_recheck(
    domain: str, source: SourceName, communities: list[str] | None, now: datetime
) -> Job:
    """A second look at what a platform gave as a job; raises InvalidRequest for one that cannot be asked for it again."""
    if not _looks_again(source):
        message = f"source {source} cannot be asked again for what it gave; there are: {', '.join(filter(_looks_again, names()))}"
        raise InvalidRequest(message)
    return _with_source(
        _job(domain, source, None, communities, mapping=None, now=now, mode="recheck", window=None)
    )


def _looks_again(source: str) -> bool:
    return source == visits.PLATFORM or hasattr(source_type(source), "look_again")


@task
def check_live(domain: str, communities: list[str] | None, now: datetime) -> Job:
    """A run over what is known of Reddit as a job."""
    return check_recheck.fn(domain, visits.PLATFORM, communities, now)


def _with_source(job: Job) -> Job:
    """The same job, whose source is there; raises what its source says where it is not."""
    if job.source == visits.PLATFORM:
        adapters.reddit(Priority.BACKFILL)
    else:
        adapters.open_source(job.source, job.domain, files=job.archive, mapping=job.mapping)
    return job


def _job(
    domain_name: str,
    source: SourceName,
    archive_uri: str | None,
    communities: list[str] | None,
    *,
    mapping: str | None,
    now: datetime,
    mode: Literal["incremental", "backfill", "recheck"],
    window: Window | None,
) -> Job:
    """A job whose source was not looked at yet."""
    domain, listed = load_domain(domain_name, load_settings().domains_path), source_type(source)
    platform = listed.platform_of(domain, mapping)
    preset = load_settings().default_subreddits if source == visits.PLATFORM else ()
    chosen = (
        tuple(sorted({name.lower() for name in communities or ()}))
        or preset
        or domain.communities(platform)
    )
    if not chosen and (mode != "backfill" or listed.is_live or source in _READ_BY_NAME):
        message = f"domain {domain_name} names no communities of {platform}: add [sources.{platform}] to its domain.toml or pass communities"
        raise InvalidRequest(message)
    run_id = str(flow_run.id or "local")
    job = Job(
        domain_name,
        source,
        archive_uri,
        platform,
        chosen,
        window,
        as_utc(now),
        mode,
        run_id,
        mapping=mapping,
    )
    return (
        replace(job, comments=domain.sources[platform].comments)
        if platform in domain.sources
        else job
    )
