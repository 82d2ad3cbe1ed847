"""What a run was asked to do, checked before anything runs."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from prefect import task
from prefect.runtime import flow_run

from market_opinion.domain import load_domain
from market_opinion.errors import InvalidRequest
from market_opinion.settings import load_settings
from market_opinion.sources import archive, sample
from market_opinion.window import Window, as_utc, clip
from tasks.resources import open_source

SourceName = Literal["archive", "sample"]
_PLATFORMS = {"archive": archive.PLATFORM, "sample": sample.PLATFORM}


@dataclass(frozen=True)
class Job:
    """A checked request: what every task of a run is told. `now` is the run's one idea of the time."""

    domain: str
    source: SourceName
    archive: str | None
    platform: str
    communities: tuple[str, ...]
    window: Window | None
    now: datetime
    mode: Literal["incremental", "backfill"]
    run_id: str
    max_windows: int = 1
    notes: tuple[str, ...] = ()


@task
def check_backfill(
    domain: str,
    source: SourceName,
    archive: str | None,
    communities: list[str] | None,
    start: datetime | None,
    end: datetime | None,
    now: datetime,
) -> Job:
    """The backfill as a job; its window is clipped to whole closed hours, or none for everything the source has."""
    if (start is None) != (end is None):
        message = f"{'start' if start is None else 'end'} is missing: give both, or neither for everything the source has"
        raise InvalidRequest(message)
    window = clip(start, end, now=now) if start and end else None
    job = _job(domain, source, archive, communities, now=now, mode="backfill", window=window)
    if start and end and window and (as_utc(start), as_utc(end)) != (window.start, window.end):
        return replace(job, notes=(f"{start.isoformat()} to {end.isoformat()} was clipped to the whole, closed hours {window}",))
    return job


@task
def check_hourly(
    domain: str, source: SourceName, archive: str | None, communities: list[str] | None, max_windows: int | None, now: datetime
) -> Job:
    """The hourly run as a job; which hours are due is decided by the watermarks."""
    if max_windows is not None and max_windows < 1:
        message = f"max_windows is {max_windows}: it starts at 1"
        raise InvalidRequest(message)
    job = _job(domain, source, archive, communities, now=now, mode="incremental", window=None)
    return replace(job, max_windows=max_windows or load_settings().max_hourly_windows_per_run)


def _job(
    domain_name: str,
    source: SourceName,
    archive_uri: str | None,
    communities: list[str] | None,
    *,
    now: datetime,
    mode: Literal["incremental", "backfill"],
    window: Window | None,
) -> Job:
    domain = load_domain(domain_name, load_settings().domains_path)
    platform = _PLATFORMS[source]
    chosen = tuple(sorted({name.lower() for name in communities or ()})) or domain.communities(platform)
    if not chosen:
        message = (
            f"domain {domain_name} names no communities of {platform}: add [sources.{platform}] to its domain.toml or pass communities"
        )
        raise InvalidRequest(message)
    if source == "archive" and not archive_uri:
        message = "source archive needs archive: the folder, file or URI that holds RC* and RS* files"
        raise InvalidRequest(message)
    run_id = str(flow_run.id or "local")
    job = Job(domain_name, source, archive_uri, platform, chosen, window, as_utc(now), mode, run_id)
    open_source(job.source, job.archive, job.domain)
    return job
