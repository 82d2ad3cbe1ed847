"""Stream: topics of platforms into the landing zone, and what was landed into topics."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prefect import get_run_logger, task

from market_opinion.core.contracts import KINDS
from market_opinion.core.errors import SourceUnavailable
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice, Window, contiguous, floor_hour
from market_opinion.domain.definition import load_domain
from market_opinion.ops.metrics import Metric
from market_opinion.sources import catalogue
from market_opinion.sources.topics import CAPTURE_PATH, Drain, Mirror
from market_opinion.storage.certificate import certify
from market_opinion.storage.landing.manifest import Manifest
from market_opinion.storage.landing.origin import Visit
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.state import WindowState
from tasks import adapters
from tasks.policy import retry_on
from tasks.request import Job

_TOPIC = "streamed"
_MIRRORED = "_mirrored"
_CLOSED_WITHIN = timedelta(days=2)


@task(retries=3, retry_delay_seconds=[2, 10, 60], retry_condition_fn=retry_on(SourceUnavailable))
def drain_topics(job: Job, messages_max: int) -> dict[str, int]:
    """Land what the topics hold, batch by batch, until they are drained; close hours that this proves to be complete.

    Offsets are committed after the manifests, and the hours are remembered before: killed anywhere, run it again.
    """
    settings = load_settings()
    drain = Drain(
        settings,
        adapters.landing(),
        load_domain(job.domain, settings.domains_path),
        vouched=_is_vouched,
    )
    counts: Counter[str] = Counter()
    try:
        for platform in drain.unreadable:
            get_run_logger().warning(
                "topic of %s is left alone: no form is known for it; add [files.%s] to a domain",
                platform,
                platform,
            )
        while True:
            batch = drain.land_batch(_remember)
            counts.update(batch.landed)
            counts["message_count"] += batch.received
            get_run_logger().info("stream: %d messages, %s", batch.received, dict(batch.landed))
            if batch.is_over or counts["message_count"] >= messages_max:
                break
        if batch.is_drained:
            _close_hours(drain)
        lag = drain.lag()
        counts["stream_lag"] = sum(lag.values())
        _measure(lag, job.now)
    finally:
        drain.close()
    return dict(counts)


@task
def find_streamed(job: Job) -> list[tuple[Job, list[Slice]]]:
    """The hours that something was landed of and that no run has carried on yet, as one job a platform."""
    found: dict[str, dict[datetime, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name in adapters.state().notes(_TOPIC):
        platform, community, start = name.split("/")
        found[platform][datetime.fromisoformat(start)].add(community)
    jobs = []
    for platform, hours in sorted(found.items()):
        by_communities: dict[tuple[str, ...], list[datetime]] = defaultdict(list)
        for hour, communities in hours.items():
            by_communities[tuple(sorted(communities))].append(hour)
        slices = [
            Slice(platform, names, window)
            for names, starts in by_communities.items()
            for window in contiguous(starts)
        ]
        everyone = tuple(sorted({name for names in by_communities for name in names}))
        each = replace(
            job, platform=platform, source=catalogue.source_of(platform), communities=everyone
        )
        jobs.append((each, sorted(slices, key=lambda span: (span.window, span.communities))))
    return jobs


@task
def record_streamed(_job: Job, slices: list[Slice]) -> None:
    """Remember that these hours are carried on, after all stages."""
    names = [
        _name(span.platform, community, hour.start)
        for span in slices
        for community in span.communities
        for hour in span.window.hours()
    ]
    adapters.state().drop_notes(_TOPIC, names)


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(SourceUnavailable))
def mirror_landed(_job: Job, slices: list[Slice]) -> dict[str, int]:
    """Produce what was landed of the slices to the platform's topic, once each, where KAFKA_MIRROR is set.

    A capture counts as mirrored when all of it was delivered; one that was cut off is sent again.
    """
    settings = load_settings()
    if not settings.kafka_mirror:
        return {}
    landing, mirror, count = adapters.landing(), Mirror(settings), 0
    for span in slices:
        done = {
            path
            for community in span.communities
            for path in landing.files_below(f"{_MIRRORED}/{span.platform}/{community}")
        }
        for capture in landing.captures(span.platform, span.communities, span.window):
            marker = f"{_MIRRORED}/{capture.folder}/done"
            if marker not in done and capture.manifest.capture_path != CAPTURE_PATH:
                count += sum(mirror.send(content) for content in landing.read(capture))
                mirror.flush()
                landing.write(marker, b"")
    get_run_logger().info("mirrored %d lines", count)
    return {"mirrored_line_count": count}


def _remember(hours: frozenset[tuple[str, str, datetime]]) -> None:
    adapters.state().put_notes(_TOPIC, {_name(*hour): True for hour in hours})


def _name(platform: str, community: str, start: datetime) -> str:
    return f"{platform}/{community}/{start.isoformat()}"


def _close_hours(drain: Drain) -> None:
    """Say of hours that are long enough over, and open, that their topic has nothing more of them."""
    landing, now = adapters.landing(), datetime.now(UTC)
    recent = Window(floor_hour(now - _CLOSED_WITHIN), floor_hour(now))
    for platform in filter(_is_vouched, drain.format_references):
        landed: dict[tuple[str, datetime], list[Manifest]] = defaultdict(list)
        for capture in landing.captures(platform, landing.communities(platform), recent):
            landed[capture.manifest.community, capture.manifest.window_start].append(
                capture.manifest
            )
        for (community, start), manifests in landed.items():
            hour, lag = Window.hour(start), load_settings().close_lag
            if (
                now >= hour.end + lag
                and certify(manifests, hour, lag=lag, kinds=KINDS).state
                is not WindowState.CERTIFIED
            ):
                visit = Visit(platform, CAPTURE_PATH, now, drain.format_references[platform])
                writer = WindowWriter(landing, visit, known=[], apart=True)
                writer.close(
                    [community], [hour], stop=drain.stop(platform, now, is_drained=True), now=now
                )
                _remember(frozenset({(platform, community, start)}))


def _is_vouched(platform: str) -> bool:
    """Whether nobody but the stream can say when an hour of the platform is complete."""
    return platform not in catalogue.names()


def _measure(lag: dict[str, int], now: datetime) -> None:
    environment = load_settings().environment
    dimensions = ({"Environment": environment, "Platform": platform} for platform in lag)
    metrics = [
        Metric("StreamLag", value, "Count", now, each)
        for value, each in zip(lag.values(), dimensions, strict=True)
    ]
    adapters.metrics().put(metrics)
