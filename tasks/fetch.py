"""Fetch: items of a window from the source into the landing zone, once."""

from dataclasses import dataclass

import polars as pl
from prefect import get_run_logger, task

from market_opinion.contracts import OPS_REJECTIONS
from market_opinion.errors import InvalidRequest, SourceUnavailable
from market_opinion.landing import Capture, WindowWriter
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
    known = landing.captures(job.platform, communities, window)
    writer = WindowWriter(landing, source, known=known)
    if window is None or not writer.has_all(communities, window):
        stop = source.fetch(communities, window, now=job.now, sink=writer.add)
        window = _looked_at(job, communities, stop)
        written = writer.close(communities, window, stop=stop, now=job.now)
        get_run_logger().info("landed %d windows of %s, stopped by %s", written, job.platform, stop.reason)
        _keep_refused_files(job, stop)
    captures = landing.captures(job.platform, communities, window)
    per_hour = {hour: 0 for hour in window.hours()}
    for capture in captures:
        per_hour[capture.manifest.window] += capture.manifest.lines()
    return Landed(
        slices=[Slice(job.platform, communities, span) for span in spans(list(per_hour.items()), max_items=load_settings().span_max_items)],
        notes=_incomplete(captures),
    )


def _incomplete(captures: list[Capture]) -> tuple[str, ...]:
    """What to tell a person of hours that no capture certifies."""
    certified = {(c.manifest.community, c.manifest.window_start) for c in captures if c.manifest.stop_reason.certifies}
    left = [c.manifest for c in captures if (c.manifest.community, c.manifest.window_start) not in certified]
    if not left:
        return ()
    return (f"{len(left):,} windows are INCOMPLETE, stopped by {left[-1].stop_reason}: {left[-1].stop_detail}",)


def _looked_at(job: Job, communities: tuple[str, ...], stop: Stop) -> Window:
    """The window the source looked at; raises InvalidRequest where it holds nothing of what was asked for."""
    if stop.window is None:
        others = ", ".join(f"{name} ({count})" for name, count in stop.other_communities.items())
        message = f"the source holds nothing of {', '.join(communities)}; it holds {others or 'nothing that can be read'}: pass communities"
        raise InvalidRequest(f"{message}. {stop.detail}" if stop.detail else message)
    if stop.window.hour_count > _HOURS_MAX:
        message = f"{job.source} spans {stop.window}, more than 20 years: its times may be wrong; give start and end"
        raise InvalidRequest(message)
    return stop.window


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
