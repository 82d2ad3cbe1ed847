"""Fetch: items of a window from the source into the landing zone, once."""

from dataclasses import dataclass

import polars as pl
from prefect import get_run_logger, task

from market_opinion.contracts import OPS_REJECTIONS
from market_opinion.errors import InvalidRequest, SourceUnavailable
from market_opinion.landing import Capture, Survey, WindowWriter
from market_opinion.settings import load_settings
from market_opinion.sources import Stop
from market_opinion.window import Slice, Window, spans
from tasks import resources
from tasks.policy import only
from tasks.request import Job

# Beyond this an archive's times are more likely wrong than old: 20 years of hours.
_HOURS_MAX = 175_200


@dataclass(frozen=True)
class Landed:
    """What lies in the landing zone for the asked hours, in slices that fit in memory one at a time."""

    slices: list[Slice]
    notes: tuple[str, ...]


@task(retries=3, retry_delay_seconds=[2, 10, 60], retry_jitter_factor=0.5, retry_condition_fn=only(SourceUnavailable))
def fetch_windows(job: Job, communities: tuple[str, ...], window: Window | None) -> Landed:
    """Land every item of the window, or of all time; hours certified before from the same origin are not read again.

    A rerun is safe: a window counts as landed only by its manifest, which is written last.
    """
    landing = resources.landing()
    source = resources.open_source(job.source, job.archive, job.domain)
    survey = landing.survey(job.platform, source.origin, communities)
    writer = WindowWriter(landing, source, known=landing.captures(job.platform, communities, window))
    if survey is None or not writer.has_all(survey.communities, window or survey.window):
        stop = source.fetch(communities, window, now=job.now, sink=writer.add)
        survey = _survey(job, communities, stop)
        written = writer.close(survey.communities, window or survey.window, stop=stop, now=job.now)
        landing.put_survey(job.platform, source.origin, survey)
        get_run_logger().info("landed %d windows of %s, stopped by %s", written, job.platform, stop.reason)
        _keep_refused_files(job, stop)
    window = window or survey.window
    captures = landing.captures(job.platform, survey.communities, window)
    per_hour = dict.fromkeys(window.hours(), 0)
    for capture in captures:
        per_hour[capture.manifest.window] += capture.manifest.lines()
    parts = spans(list(per_hour.items()), max_items=load_settings().span_max_items)
    absent = sorted(set(communities) - set(survey.communities))
    notes = (f"the source holds nothing of {', '.join(absent)}",) if absent else ()
    return Landed([Slice(job.platform, survey.communities, part) for part in parts], (*notes, *_incomplete(captures)))


def _incomplete(captures: list[Capture]) -> tuple[str, ...]:
    """What to tell a person of hours that no capture certifies."""
    certified = {(c.manifest.community, c.manifest.window_start) for c in captures if c.manifest.stop_reason.certifies}
    left = [c.manifest for c in captures if (c.manifest.community, c.manifest.window_start) not in certified]
    if not left:
        return ()
    return (f"{len(left):,} windows are INCOMPLETE, stopped by {left[-1].stop_reason}: {left[-1].stop_detail}",)


def _survey(job: Job, communities: tuple[str, ...], stop: Stop) -> Survey:
    """What the source holds of the communities; raises InvalidRequest where that is nothing, or nothing believable."""
    if stop.extent is None:
        others = ", ".join(f"{name} ({count:,})" for name, count in stop.other_communities.items())
        message = f"the source holds nothing of {', '.join(communities)}; it holds {others or 'nothing that can be read'}: pass communities"
        raise InvalidRequest(f"{message}. {stop.detail}" if stop.detail else message)
    if stop.extent.hour_count > _HOURS_MAX and job.window is None:
        message = f"{job.source} spans {stop.extent}, more than 20 years: its times may be wrong; give start and end"
        raise InvalidRequest(message)
    return Survey(communities, stop.communities, stop.extent.start, stop.extent.end)


def _keep_refused_files(job: Job, stop: Stop) -> None:
    """One rejection for every file of which something could not be read, in place of those of an earlier reading."""
    if not stop.files:
        return
    rows = [
        {"stage": "fetch", "platform": job.platform, "reason": r.reason, "detail": r.detail, "landing_uri": r.name} for r in stop.refused
    ]
    frame = pl.DataFrame(rows, schema=OPS_REJECTIONS.schema)
    where = {"stage": "fetch", "platform": job.platform, "landing_uri": stop.files}
    resources.lake().overwrite(OPS_REJECTIONS, frame, where, None, run={"run-id": job.run_id})
