"""Fetch: items of a window from the source into the landing zone, once."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import BRONZE_ITEMS, OPS_REJECTIONS
from market_opinion.core.errors import CommunityClosed, InvalidRequest, SourceUnavailable
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice, Window, contiguous, spans
from market_opinion.sources.reddit import visits
from market_opinion.sources.reddit.ingestion import RedditIngestionService
from market_opinion.sources.windowed import Ingestion, WindowIngestion, land_failure
from market_opinion.storage.certificate import certify
from market_opinion.storage.landing.manifest import Capture, Manifest, Survey
from market_opinion.storage.landing.origin import FetchResult, RefusedFile
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.state import WindowState
from tasks import adapters
from tasks.policy import retry_on
from tasks.request import Job

# Beyond this an archive's times are more likely wrong than old: 20 years of hours.
_HOURS_MAX = 175_200


@dataclass(frozen=True)
class Landed:
    """What lies in the landing zone for the asked hours, in slices that fit in memory one at a time."""

    slices: list[Slice]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What a finite source left in the landing zone by its origin's name: how many lines, and the hours to carry on, as one slice.

    What could not be read of it is `refused`, each time it is read, since it certifies nothing then.
    """

    span: Slice
    origin: str
    line_count: int
    refused: list[RefusedFile]
    notes: tuple[str, ...]


@task(
    retries=3,
    retry_delay_seconds=[2, 10, 60],
    retry_jitter_factor=0.5,
    retry_condition_fn=retry_on(SourceUnavailable),
)
def fetch_windows(job: Job, communities: tuple[str, ...], window: Window | None) -> Landed:
    """Land every item of the window, or of all time; hours certified before from the same origin are not read again.

    A rerun is safe: a window counts as landed only by its manifest, which is written last.
    """
    if job.is_live and window is not None:
        return _read_live(job, communities, window)
    read = read_files(job, communities, window)
    captures = adapters.landing().captures(job.platform, read.span.communities, read.span.window)
    return Landed(_slices(job, read.span.communities, read.span.window, captures), read.notes)


def read_files(
    job: Job, communities: tuple[str, ...], window: Window | None, *, is_one_of_many: bool = False
) -> Reading:
    """Land what a finite source has. What it gave by a mapping that was corrected since is withdrawn once it is landed anew.

    One of many files, as they lie in an inbox, looks what others landed only in its own hours.
    """
    landing = adapters.landing()
    source = adapters.open_source(job.source, job.domain, files=job.archive, mapping=job.mapping)
    readings = landing.begin(job.platform, source.origin)
    survey = landing.survey(job.platform, source.origin, communities)
    known = None
    if readings or not is_one_of_many:
        known = landing.captures(
            job.platform, communities or landing.communities(job.platform), window
        )
    writer, refused = WindowWriter(landing, source, known=known), list[RefusedFile]()
    if survey is None or not writer.has_all(survey, window):
        stop = source.fetch(communities, window, now=job.now, sink=writer.add)
        survey = _survey(job, communities, stop)
        written = sum(
            writer.close([name], survey.hours(name, window), stop=stop, now=job.now)
            for name in survey.communities
        )
        landing.put_survey(job.platform, source.origin, survey)
        get_run_logger().info(
            "landed %d windows of %s, stopped by %s", written, job.platform, stop.reason
        )
        _keep_refused_files(job, stop)
        refused = stop.refused
    outdated = [capture for capture in known or () if capture.manifest.origin in readings]
    for capture in outdated:
        landing.withdraw(capture, source.origin)
    spans = [survey.window, *(capture.manifest.window for capture in outdated)]
    held = tuple(
        sorted({*survey.communities, *(capture.manifest.community for capture in outdated)})
    )
    span = Slice(
        job.platform,
        held,
        window or Window(min(each.start for each in spans), max(each.end for each in spans)),
    )
    absent = sorted(set(communities) - set(survey.communities))
    notes = (f"the source holds nothing of {', '.join(absent)}",) if absent else ()
    lines = sum(capture.manifest.lines() for capture in writer.captures.values())
    return Reading(span, source.origin, lines, refused, notes)


@task
def find_landed(job: Job) -> list[Slice]:
    """The job's hours in slices that fit in memory, by what was landed of them."""
    window = job.hours.window
    return _slices(
        job,
        job.communities,
        window,
        adapters.landing().captures(job.platform, job.communities, window),
    )


def _slices(
    job: Job, communities: tuple[str, ...], window: Window, captures: list[Capture]
) -> list[Slice]:
    """The window in spans that fit in memory, by what was landed in its hours."""
    parts = spans(lines_an_hour(window, captures), max_items=load_settings().span_max_items)
    return [Slice(job.platform, communities, part) for part in parts]


def lines_an_hour(window: Window, captures: list[Capture]) -> list[tuple[Window, int]]:
    """How many lines were landed in each hour, in order."""
    per_hour = dict.fromkeys(window.hours(), 0)
    for capture in captures:
        per_hour[capture.manifest.window] += capture.manifest.lines()
    return list(per_hour.items())


def _read_live(job: Job, communities: tuple[str, ...], window: Window) -> Landed:
    """Read the window from a live platform, one community after the other: what is wrong with one does not stop the others."""
    landing, ingestion = adapters.landing(), _ingestion(job)
    late: dict[Window, list[str]] = defaultdict(list)
    for community in communities:
        open_hours = _open_hours(job, landing.captures(job.platform, [community], window), window)
        for hours in contiguous(open_hours):
            get_run_logger().info("%s/%s %s: reading", job.platform, community, hours)
            try:
                landed = ingestion.ingest_window(community, hours.start, hours.end)
            except (CommunityClosed, SourceUnavailable) as error:
                get_run_logger().warning("%s", error)
                land_failure(landing, job.platform, community, hours, error, now=job.now)
                continue
            get_run_logger().info("%s/%s %s: %s", job.platform, community, hours, landed)
            for hour in landed.late_hours:
                if hour.start not in window:
                    late[hour].append(community)
    older = [Slice(job.platform, tuple(names), hour) for hour, names in sorted(late.items())]
    return Landed(
        [
            *older,
            *_slices(job, communities, window, landing.captures(job.platform, communities, window)),
        ]
    )


def _ingestion(job: Job) -> Ingestion:
    """What reads and lands the windows of the job's platform."""
    if job.source != visits.PLATFORM:
        return WindowIngestion(
            adapters.open_source(job.source, job.domain), adapters.landing(), now=job.now
        )
    return RedditIngestionService(
        adapters.reddit(job.priority),
        adapters.landing(),
        known=partial(_known, job),
        now=job.now,
        comments=job.comments,
        submissions_max=load_settings().max_submissions,
    )


def _open_hours(job: Job, captures: list[Capture], window: Window) -> list[datetime]:
    """The hours of the window that what was landed does not certify yet."""
    landed: dict[datetime, list[Manifest]] = defaultdict(list)
    for capture in captures:
        landed[capture.manifest.window_start].append(capture.manifest)
    lag = load_settings().close_lag
    found = {
        hour.start: certify(landed[hour.start], hour, lag=lag, kinds=job.kinds).state
        for hour in window.hours()
    }
    return [start for start, state in found.items() if state is not WindowState.CERTIFIED]


def _known(job: Job, community: str, window: Window) -> tuple[set[datetime], set[str]]:
    """The hours of the two days before the window that are in the ledger, and the full names of what bronze holds of them."""
    before = Window(window.start - timedelta(days=2), window.start)
    closed = {
        entry.window_start
        for entry in adapters.state().windows(job.platform, before)
        if entry.community == community
    }
    where = {"platform": job.platform, "community": community}
    rows = (
        adapters.lake().read(BRONZE_ITEMS, where, before, columns=["kind", "item_id"])
        if closed
        else BRONZE_ITEMS.empty()
    )
    return closed, {
        visits.fullname(kind, item_id)
        for kind, item_id in rows.select("kind", "item_id").iter_rows()
    }


def _survey(job: Job, communities: tuple[str, ...], stop: FetchResult) -> Survey:
    """What the source holds of the communities; raises InvalidRequest where that is nothing, or nothing believable."""
    if stop.extent is None:
        others = ", ".join(f"{name} ({count:,})" for name, count in stop.other_communities.items())
        nothing = (
            f"the source holds nothing of {', '.join(communities)}"
            if communities
            else "the source holds nothing that can be read"
        )
        message = f"{nothing}; it holds {others}: pass communities" if others else nothing
        raise InvalidRequest(f"{message}. {stop.detail}" if stop.detail else message)
    if stop.extent.hour_count > _HOURS_MAX and job.window is None:
        message = f"{job.source} spans {stop.extent}, more than 20 years: its times may be wrong; give start and end"
        raise InvalidRequest(message)
    return Survey(communities, stop.communities, stop.extent.start, stop.extent.end, stop.spoken)


def _keep_refused_files(job: Job, stop: FetchResult) -> None:
    """One rejection for every file of which something could not be read, in place of those of an earlier reading."""
    if not stop.files:
        return
    rows = [
        {
            "stage": "fetch",
            "platform": job.platform,
            "reason": r.reason,
            "detail": r.detail,
            "landing_uri": r.uri,
        }
        for r in stop.refused
    ]
    frame = pl.DataFrame(rows, schema=OPS_REJECTIONS.schema)
    where = {"stage": "fetch", "platform": job.platform, "landing_uri": stop.files}
    adapters.lake().overwrite(OPS_REJECTIONS, frame, where, None, run={"run-id": job.run_id})
