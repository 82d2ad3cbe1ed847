"""Drain: topics of the stream into the landing zone, and landed lines into topics."""

from collections import Counter
from dataclasses import dataclass

from prefect import get_run_logger

from market_opinion.core.errors import SourceUnavailable
from market_opinion.core.window import Slice
from market_opinion.ops.counts import MirrorCounts
from market_opinion.ops.metrics import Metric
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.ops.stream_ledger import StreamLedger, close_hours, is_vouched, mirror_slices
from market_opinion.sources.catalogue import source_of
from market_opinion.sources.topics import Drain, Mirror
from tasks import retry_on, task


@task(retries=3, retry_delay_seconds=[2, 10, 60], retry_condition_fn=retry_on(SourceUnavailable))
def drain_topics(run: Run, messages_max: int) -> dict[str, int]:
    """Land the messages of the topics, batch by batch, and close hours that this completes.

    Offsets are committed after the manifests, and the hours are remembered before: killed anywhere,
    run it again.
    """
    log, landing = get_run_logger(), run.adapters.landing()
    ledger = StreamLedger(run.adapters.state())
    drain = Drain(run.settings, landing, run.load_domain(), vouched=is_vouched)
    counts: Counter[str] = Counter()
    try:
        for platform in drain.unreadable:
            log.warning(
                "topic of %s is left alone: no form is known for it; add [files.%s] to a domain",
                platform,
                platform,
            )
        is_over = False
        while not is_over:
            batch = drain.land_batch(ledger.remember)
            counts.update(batch.landed)
            counts["message_count"] += batch.received
            log.info("stream: %d messages, %s", batch.received, dict(batch.landed))
            is_over = batch.is_over or counts["message_count"] >= messages_max
        if batch.is_drained:
            for hours in close_hours(drain, landing, lag=run.settings.close_lag):
                ledger.remember(hours)
        lag = drain.lag()
    finally:
        drain.close()
    _measure(run, lag)
    return {**counts, "stream_lag": sum(lag.values())}


@dataclass(frozen=True)
class Streamed:
    """Hours of one platform that no run has carried on yet."""

    reading: Reading
    slices: list[Slice]


@task
def find_streamed(run: Run) -> list[Streamed]:
    """Return the hours that lines came for and that no run has carried on yet, by platform."""
    ledger = StreamLedger(run.adapters.state())
    return [
        Streamed(
            Reading(
                source_of(platform),
                platform,
                tuple(sorted({name for span in slices for name in span.communities})),
            ),
            slices,
        )
        for platform, slices in ledger.slices().items()
    ]


@task
def record_streamed(run: Run, slices: list[Slice]) -> None:
    """Remember that these hours are carried on, after all stages."""
    StreamLedger(run.adapters.state()).forget(slices)


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(SourceUnavailable))
def mirror_landed(run: Run, slices: list[Slice]) -> MirrorCounts:
    """Produce the landed lines of the slices to the platform's topic, once each.

    Nothing is produced unless KAFKA_MIRROR is set.
    """
    if not run.settings.kafka.mirror:
        return MirrorCounts()
    count = mirror_slices(Mirror(run.settings), run.adapters.landing(), slices)
    get_run_logger().info("mirrored %d lines", count)
    return MirrorCounts(count)


def _measure(run: Run, lag: dict[str, int]) -> None:
    environment = run.settings.environment
    run.adapters.metrics().put(
        Metric(
            "StreamLag",
            value,
            "Count",
            run.now,
            {"Environment": environment, "Platform": platform},
        )
        for platform, value in lag.items()
    )
