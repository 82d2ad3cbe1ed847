"""Collect: polls of live communities into the landing zone, as often as each of them moves."""

from datetime import datetime, timedelta

from prefect import get_run_logger, task

from market_opinion.core.errors import CommunityClosed, SourceUnavailable
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Window
from market_opinion.ops.metrics import Metric
from market_opinion.sources.quota import Priority
from market_opinion.sources.reddit import visits
from market_opinion.sources.reddit.client import requestor_of
from market_opinion.sources.reddit.profile import KINDS
from market_opinion.storage.certificate import certify
from market_opinion.storage.landing.manifest import Manifest
from market_opinion.storage.state import WindowEntry, WindowState
from tasks import adapters
from tasks.request import Job

_TOPIC = "polls"
_ALARMING = {WindowState.GAP, WindowState.UNRECOVERABLE}


@task
def poll_communities(job: Job, now: datetime) -> tuple[dict[str, int], timedelta]:
    """Poll the communities that are due; what came, and how soon the next of them is. One that cannot be read stops no other."""
    counts = {
        "polled_listing_count": 0,
        "landed_line_count": 0,
        "gap_count": 0,
        "failed_poll_count": 0,
    }
    reddit, soonest = adapters.reddit(Priority.COLLECT), visits.POLL_MAX
    notes = adapters.state().notes(_TOPIC)
    for community in job.communities:
        seen = {
            kind: visits.PollMark.from_note(notes[key])
            for kind in KINDS
            if (key := f"{community}/{kind}") in notes
        }
        due_at = min((last.retrieved_at + last.interval for last in seen.values()), default=now)
        if due_at <= now:
            try:
                landed, seen = visits.poll(
                    reddit, adapters.landing(), community, seen=seen, now=now
                )
            except (CommunityClosed, SourceUnavailable) as error:
                get_run_logger().warning("poll of r/%s failed: %s", community, error)
                counts["failed_poll_count"] += 1
                continue
            adapters.state().put_notes(
                _TOPIC, {f"{community}/{kind}": last.to_note() for kind, last in seen.items()}
            )
            counts["polled_listing_count"] += len(seen)
            counts["landed_line_count"] += landed.item_count
            counts["gap_count"] += _record_gaps(job, community, landed.hours)
            due_at = now + min(last.interval for last in seen.values())
        soonest = min(soonest, due_at - now)
    remaining = requestor_of(reddit).remaining
    if remaining is not None:
        dimensions = {"Environment": load_settings().environment}
        adapters.metrics().put([Metric("RequestsRemaining", remaining, "Count", now, dimensions)])
    get_run_logger().info("polled: %s", counts)
    return counts, soonest


def _record_gaps(job: Job, community: str, hours: list[Window]) -> int:
    """Put hours with a hole into the ledger at once, so that it is known before they are closed."""
    entries = []
    for hour in hours:
        landed: list[Manifest] = [
            capture.manifest
            for capture in adapters.landing().captures(job.platform, [community], hour)
        ]
        certificate = certify(landed, hour, lag=load_settings().close_lag, kinds=job.kinds)
        if certificate.state in _ALARMING:
            get_run_logger().warning(
                "r/%s %s: %s, %s", community, hour, certificate.state, certificate.detail
            )
            counts = {"landed_line_count": sum(manifest.lines() for manifest in landed)}
            stop = str(certificate.stop_reason)
            entries.append(
                WindowEntry(
                    job.platform,
                    community,
                    hour.start,
                    certificate.state,
                    stop,
                    counts,
                    certificate.detail,
                )
            )
    known = {
        (entry.community, entry.window_start)
        for hour in hours
        for entry in adapters.state().windows(job.platform, hour)
    }
    adapters.state().put_windows(
        entry for entry in entries if (community, entry.window_start) not in known
    )
    return len(entries)
