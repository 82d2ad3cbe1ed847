"""Drain a topic on loopback: messages a second into landing, and the effect of twenty kills.

.venv/bin/python -m benchmarks.stream [--messages 50000] [--kills 20] [--seed 1]
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cyclopts

from benchmarks.measure import finish, peak_mb, report
from market_opinion.core.settings import Settings, load_settings
from market_opinion.domain.definition import load_domain
from market_opinion.sources import topics
from market_opinion.sources.topics import Drain, topic_of
from market_opinion.stages import bronze
from market_opinion.storage.landing.zone import Landing
from tests.broker import Broker

_TEXT = (
    "The battery of my iPhone 15 lasts a day and a half, which is what I wanted;"
    " the camera is good too. "
)
_DRAIN = "from benchmarks.stream import drain_for_ever; drain_for_ever()"
# Messages flow for as long as the kills take.
_SECONDS_A_KILL = 7.0


def comments(count: int) -> list[dict[str, Any]]:
    """Return comments of 400 characters, over two days and four communities."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    step = timedelta(days=2) / count
    same = {"body": _TEXT * 4, "link_id": "t3_s1", "parent_id": "t3_s1"}
    return [
        {
            **same,
            "id": f"c{n}",
            "subreddit": f"phones{n % 4}",
            "author": f"user_{n % 900}",
            "created_utc": int((start + step * n).timestamp()),
        }
        for n in range(count)
    ]


def drain() -> tuple[int, float]:
    """Land all messages; return their number and the seconds, both without the first batch.

    The first batch includes the time to join the consumer group.
    """
    consumer = _drain()
    received, began = consumer.land_batch(lambda _: None).received, time.monotonic()
    first, is_over = received, False
    while not is_over:
        batch = consumer.land_batch(lambda _: None)
        received, is_over = received + batch.received, batch.is_over
    seconds = time.monotonic() - began
    consumer.close()
    return received - first, seconds


def drain_for_ever() -> None:
    """Land in small batches until the process is killed."""
    # Small batches, so that kills hit every step of one.
    topics._BATCH_MESSAGES, topics._BATCH_SECONDS = 500, 0.2  # noqa: SLF001
    consumer = _drain()
    while True:
        consumer.land_batch(lambda _: None)


def _drain() -> Drain:
    settings = load_settings()
    return Drain(
        settings,
        Landing(settings.landing.root),
        load_domain("smartphones", settings.domains_path),
        vouched=lambda _: False,
    )


def rows(settings: Settings) -> tuple[int, int, int]:
    """Return the number of landed lines, of distinct items and of rejections."""
    landing = Landing(settings.landing.root)
    captures = landing.captures("reddit", landing.communities("reddit"), None)
    found, rejections = bronze.parse(
        content for capture in captures for content in landing.read(capture)
    )
    return found.height, bronze.newest(found).height, rejections.height


def _produce(broker: Broker, topic: str, made: list[dict[str, Any]], seconds: float) -> None:
    """Produce the messages evenly over this time."""
    parts = max(1, int(seconds))
    size = -(-len(made) // parts)
    for number in range(parts):
        broker.produce(topic, made[number * size : (number + 1) * size], kind="comment")
        time.sleep(seconds / parts)


def main(*, messages: int = 50_000, kills: int = 20, seed: int = 1) -> None:
    """Measure the throughput, then the losses by kills."""
    chance, made = random.Random(seed), comments(messages)
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "broker.log") as broker:
        os.environ |= {
            "KAFKA_BOOTSTRAP_SERVERS": broker.address,
            "MARKET_OPINION_HOME": f"{folder}/calm",
            "ENVIRONMENT": "calm",
        }
        broker.make(topic_of("calm", "reddit"))
        broker.produce(topic_of("calm", "reddit"), made * 4, kind="comment")
        received, seconds = drain()
        report("stream_throughput", received / seconds, "messages/s", at_least=10_000)
        report("stream_peak", peak_mb(), "MB")
        os.environ |= {
            "MARKET_OPINION_HOME": f"{folder}/rough",
            "ENVIRONMENT": "rough",
            "KAFKA_GROUP_ID": "rough",
        }
        name = topic_of("rough", "reddit")
        broker.make(name)
        producer = threading.Thread(
            target=_produce, args=(broker, name, made, kills * _SECONDS_A_KILL)
        )
        producer.start()
        for _ in range(kills):
            process = subprocess.Popen([sys.executable, "-c", _DRAIN], env=dict(os.environ))
            time.sleep(chance.uniform(0.7, 1.3) * _SECONDS_A_KILL)
            process.send_signal(signal.SIGKILL)
            process.wait()
        producer.join()
        drain()
        lines, items, refused = rows(load_settings())
        report("stream_lost_items", messages - items, "items", at_most=0)
        report("stream_refused", refused, "lines", at_most=0)
        report("stream_landed_twice", lines - messages, "lines")
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
