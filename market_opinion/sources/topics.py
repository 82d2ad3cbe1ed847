"""The stream: topics of Kafka, drained into the landing zone and filled from it.

Each platform has one topic, `mop.ENVIRONMENT.PLATFORM`. The value of a message is a line in the
platform's format; the headers `kind` and `community` are needed if the line does not show them. For
example, to send a review::

    producer.produce(
        "mop.prod.notes",
        value=b'{"id": "n1", "at": 1772442000, "body": "The hinge broke."}',
        headers=[("kind", b"review"), ("community", b"desk")],
    )
"""

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from market_opinion.core.contracts import KINDS
from market_opinion.core.errors import SettingsInvalid, SourceUnavailable
from market_opinion.core.settings import Settings
from market_opinion.core.window import EARLIEST, Window, floor_hour
from market_opinion.domain.definition import Domain
from market_opinion.sources import catalogue
from market_opinion.sources.line_sorter import community_name
from market_opinion.sources.windowed import OVERLAP
from market_opinion.storage.format_reference import FormatReference, LineFormats, likely_kind
from market_opinion.storage.json_line import object_of
from market_opinion.storage.landing.manifest import Content
from market_opinion.storage.landing.origin import (
    CoveredSpan,
    FetchResult,
    RawItem,
    StopReason,
    Visit,
)
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.line_format import LineFormat

CAPTURE_PATH = "stream"
# The community of a message if neither its header nor its line names one, and the header that
# marks messages which our own mirror produced.
UNKNOWN, _MIRRORED = "unknown", "mirrored-by"
_PREFIX = "mop"
_BATCH_MESSAGES, _BATCH_SECONDS, _POLL_MESSAGES = 50_000, 10.0, 10_000
_EMPTY_BATCHES_MAX = 5
_TIMEOUT_SECONDS = 30.0


def topic_of(environment: str, platform: str) -> str:
    """Return the name of a platform's topic."""
    return f"{_PREFIX}.{environment}.{platform}"


def formats_of(platform: str, domain: Domain) -> tuple[FormatReference, LineFormats] | None:
    """Return the reference and the formats of a platform's lines; None if they are unknown.

    They come from the platform's source, or else from the mappings of the domain.
    """
    if (line_formats := catalogue.line_formats(platform)) is not None:
        return platform, line_formats
    mapped_formats: dict[str, LineFormat] = {
        mapping.kind: mapping.fields
        for name, mapping in domain.files.items()
        if (mapping.platform or name) == platform
    }
    reference: dict[str, dict[str, Any]] = {
        kind: line_format.model_dump(mode="json", exclude_defaults=True)
        for kind, line_format in mapped_formats.items()
    }
    return (reference, mapped_formats) if mapped_formats else None


@dataclass(frozen=True)
class Batch:
    """Result of landing one batch: the number of messages, and counts of landed lines.

    `is_drained`: every topic was read to its end. `is_over`: no further batch can be expected,
    because all topics are drained or several batches in a row were empty.
    """

    received: int
    landed: Counter[str]
    is_drained: bool
    is_over: bool


class Drain:
    """Consumer of the topics of all platforms whose format is known; unusable after `close`.

    The drain assigns itself all partitions instead of joining the consumer group, so that it need
    not wait for the group to form or for a killed member to leave it. One drain runs at a time; two
    would land the same lines twice, which bronze makes one row each.
    """

    def __init__(
        self,
        settings: Settings,
        landing: Landing,
        domain: Domain,
        *,
        vouched: Callable[[str], bool],
    ) -> None:
        """Begin at the offsets that the group has committed.

        `vouched` returns whether the stream is the only source of a platform, so that only the
        stream can certify its hours.
        """
        self._landing = landing
        self._environment = settings.environment
        self._vouched = vouched
        options = {
            "group.id": settings.kafka.group_id,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
        # Offsets alone do not show the end of a partition: the end marker of a transaction has an
        # offset, but is never received. So the client has to report each end.
        self._consumer = Consumer({**connection(settings), **options, "enable.partition.eof": True})
        present = platforms(settings)
        formats = {
            platform: formats
            for platform in present
            if (formats := formats_of(platform, domain)) is not None
        }
        self.format_references = {platform: each for platform, (each, _) in formats.items()}
        self._line_formats = {platform: each for platform, (_, each) in formats.items()}
        self.unreadable = sorted(set(present) - set(formats))
        self._empty_batches = 0
        places = self._places() if self._line_formats else []
        self._began = {(place.topic, place.partition): max(place.offset, 0) for place in places}
        # The offsets of the ends of partitions that have been read to their end.
        self._ended: dict[tuple[str, int], int] = {}
        if places:
            self._consumer.assign(places)

    def close(self) -> None:
        """Close the connection to the brokers."""
        self._consumer.close()

    def land_batch(self, remember: Callable[[frozenset[tuple[str, str, datetime]]], None]) -> Batch:
        """Land the next batch, pass its hours to `remember`, and then commit the offsets.

        A crash at any point loses nothing: lines that were landed but not committed are landed
        again in another capture, and are the same rows in bronze.
        """
        if not self._line_formats:
            return Batch(0, Counter(), is_drained=True, is_over=True)
        messages = self._consume()
        now = datetime.now(UTC)
        self._empty_batches = 0 if messages else self._empty_batches + 1
        is_drained = len(self._ended) == len(self._began)
        hours, counts = self._land(messages, now, is_drained=is_drained)
        if messages:
            remember(hours)
            self._commit(messages)
        return Batch(
            len(messages),
            counts,
            is_drained=is_drained,
            is_over=is_drained or self._empty_batches >= _EMPTY_BATCHES_MAX,
        )

    def lag(self) -> dict[str, int]:
        """Return the number of messages in each platform's topic that were not received yet."""
        lags: Counter[str] = Counter(dict.fromkeys(self._line_formats, 0))
        for place in self._consumer.position(self._consumer.assignment()):
            key = (place.topic, place.partition)
            low, high = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
            reached = self._ended.get(key, place.offset if place.offset >= 0 else self._began[key])
            lags[_platform_of(place.topic)] += max(high - max(reached, low), 0)
        return dict(lags)

    def _places(self) -> list[TopicPartition]:
        """Return every partition of the topics with its committed offset, else its beginning."""
        topics = self._consumer.list_topics(timeout=_TIMEOUT_SECONDS).topics
        names = [topic_of(self._environment, platform) for platform in self._line_formats]
        partitions = [
            TopicPartition(name, partition)
            for name in names
            for partition in topics[name].partitions
        ]
        places = self._consumer.committed(partitions, timeout=_TIMEOUT_SECONDS)
        return [
            TopicPartition(
                place.topic,
                place.partition,
                place.offset if place.offset >= 0 else OFFSET_BEGINNING,
            )
            for place in places
        ]

    def _consume(self) -> list[Message]:
        """Return messages until the batch is full, takes too long, or no more messages come."""
        messages: list[Message] = []
        deadline = time.monotonic() + _BATCH_SECONDS
        while len(messages) < _BATCH_MESSAGES:
            received = self._consumer.consume(_POLL_MESSAGES, timeout=1.0)
            for message in received:
                key = (str(message.topic()), int(message.partition() or 0))
                if (error := message.error()) is None:
                    self._ended.pop(key, None)
                    messages.append(message)
                # The client has no other name for this code.
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    self._ended[key] = int(message.offset() or 0)
                else:
                    text = f"the stream broke off: {error.str()}"
                    raise SourceUnavailable(text)
            if not received or len(self._ended) == len(self._began) or time.monotonic() > deadline:
                break
        return messages

    def _land(
        self, messages: list[Message], now: datetime, *, is_drained: bool
    ) -> tuple[frozenset[tuple[str, str, datetime]], Counter[str]]:
        """Land the messages, one capture an hour and community of each platform.

        Returns these hours, and counts of landed lines and of skipped messages.
        """
        counts: Counter[str] = Counter()
        by_platform: dict[str, list[Message]] = defaultdict(list)
        for message in messages:
            by_platform[_platform_of(str(message.topic()))].append(message)
        hours: set[tuple[str, str, datetime]] = set()
        for platform, platform_messages in by_platform.items():
            line_formats = self._line_formats[platform]
            reference = self.format_references[platform]
            visit = Visit(platform, CAPTURE_PATH, now, reference, token=_token(platform_messages))
            writer = WindowWriter(self._landing, visit, known=[], apart=True)
            starts_by_community: dict[str, set[datetime]] = defaultdict(set)
            for message in platform_messages:
                if (item := self._item(message, line_formats)) is None:
                    counts["skipped_message_count"] += 1
                    continue
                writer.add(item)
                counts["landed_line_count"] += 1
                starts_by_community[item.community].add(item.hour)
            for community, starts in starts_by_community.items():
                stop = self.stop(platform, now, is_drained=is_drained)
                writer.close(
                    [community],
                    [Window.hour(start) for start in sorted(starts)],
                    stop=stop,
                    now=now,
                )
                hours |= {(platform, community, start) for start in starts}
        return frozenset(hours), counts

    def stop(self, platform: str, now: datetime, *, is_drained: bool) -> FetchResult:
        """Return the result of reading a platform's topic.

        The result covers all time up to now if the topic is drained and is the platform's only
        source.
        """
        span = CoveredSpan(EARLIEST, now - OVERLAP)
        covered = dict.fromkeys(KINDS, span) if is_drained and self._vouched(platform) else {}
        reason = StopReason.EXHAUSTED if is_drained else StopReason.BUDGET
        return FetchResult(
            reason, (), detail="" if is_drained else "the topic holds more", covered=covered
        )

    def _item(self, message: Message, line_formats: LineFormats) -> RawItem | None:
        """Return the line of a message, filed by its time and community.

        None for an empty message, and for one that our own mirror produced. A line without a
        readable time is filed by the broker's time, and bronze refuses it there.
        """
        pairs: Any = message.headers() or ()
        headers = {name: value.decode(errors="replace") for name, value in pairs if value}
        line = message.value()
        if not line or headers.get(_MIRRORED) == self._environment:
            return None
        header_kind, kinds = headers.get("kind"), list(line_formats)
        kind = (
            header_kind
            if header_kind in kinds
            else likely_kind(line_formats, line)
            if len(kinds) > 1
            else kinds[0]
        )
        place = line_formats[kind].place(line)
        community = (place and place.community) or headers.get("community") or UNKNOWN
        seconds = place.seconds if place else message.timestamp()[1] / 1000
        at = (
            datetime.fromtimestamp(seconds, UTC)
            if 0 < seconds < time.time() + 86_400
            else datetime.now(UTC)
        )
        return RawItem(kind, community_name(community) or UNKNOWN, floor_hour(at), _one_line(line))

    def _commit(self, messages: Iterable[Message]) -> None:
        furthest: dict[tuple[str, int], int] = {}
        for message in messages:
            key = (str(message.topic()), int(message.partition() or 0))
            furthest[key] = max(furthest.get(key, -1), int(message.offset() or 0))
        places = [
            TopicPartition(topic, partition, offset + 1)
            for (topic, partition), offset in furthest.items()
        ]
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            # The next run lands these lines again, and bronze makes one row of each.
            reason = error.args[0].str()
            text = f"the offsets of the stream could not be committed ({reason}): run it again"
            raise SourceUnavailable(text) from error


class Mirror:
    """Producer of landed lines to their platform's topic; each is delivered at least once."""

    def __init__(self, settings: Settings) -> None:
        """Create the producer, which sends nothing yet."""
        self._environment = settings.environment
        self._producer = Producer(
            {
                **connection(settings),
                "enable.idempotence": True,
                "linger.ms": 20,
                "compression.type": "lz4",
            }
        )
        self._failed: list[str] = []

    def send(self, content: Content) -> int:
        """Send the lines of one landed file; return their number."""
        manifest = content.manifest
        headers: Any = [
            ("kind", content.kind),
            ("community", manifest.community),
            (_MIRRORED, self._environment),
        ]
        lines = content.raw.split(b"\n")[:-1]
        for line in lines:
            self._put(
                topic_of(self._environment, manifest.platform),
                line,
                _key(content.line_format, line),
                headers,
            )
        return len(lines)

    def flush(self) -> None:
        """Block until all lines are delivered; raises SourceUnavailable if one was not."""
        undelivered = self._producer.flush(_TIMEOUT_SECONDS)
        if undelivered or self._failed:
            reasons = "; ".join(self._failed[:3]) or "timed out"
            count = undelivered + len(self._failed)
            message = f"{count} lines were not delivered to the stream: {reasons}"
            raise SourceUnavailable(message)

    def _put(
        self,
        topic: str,
        line: bytes,
        key: str,
        headers: Any,  # noqa: ANN401, of the client
    ) -> None:
        while True:
            try:
                self._producer.produce(
                    topic, value=line, key=key, headers=headers, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.5)
            else:
                self._producer.poll(0)
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(error.str())


def platforms(settings: Settings) -> list[str]:
    """Return the platforms that have a topic, in alphabetical order.

    Raises SourceUnavailable if no broker answers.
    """
    try:
        topics = AdminClient(connection(settings)).list_topics(timeout=_TIMEOUT_SECONDS).topics
    except KafkaException as error:
        message = f"no broker answers ({error.args[0].str()}): check KAFKA_BOOTSTRAP_SERVERS"
        raise SourceUnavailable(message) from error
    prefix = topic_of(settings.environment, "")
    return sorted(name.removeprefix(prefix) for name in topics if name.startswith(prefix))


def connection(settings: Settings) -> dict[str, Any]:
    """Return the client's options for the brokers; raises SettingsInvalid if none are set."""
    if not settings.kafka.bootstrap_servers:
        message = (
            "the stream needs KAFKA_BOOTSTRAP_SERVERS: brokers as host:port, separated by commas"
        )
        raise SettingsInvalid(message)
    options: dict[str, Any] = {
        "bootstrap.servers": settings.kafka.bootstrap_servers,
        "client.id": "market-opinion",
        "log_level": 2,
    }
    if settings.kafka.username and settings.kafka.password:
        secret = settings.kafka.password.get_secret_value()
        sign_in = {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}
        options |= {**sign_in, "sasl.username": settings.kafka.username, "sasl.password": secret}
    return options


def _platform_of(topic: str) -> str:
    return topic.split(".", 2)[2]


def _token(messages: list[Message]) -> str:
    """Return a name for the messages, equal for the same messages."""
    ends = sorted(
        {
            (message.topic(), message.partition(), message.offset())
            for message in (messages[0], messages[-1])
        }
    )
    return hashlib.sha256(f"{ends}{len(messages)}".encode()).hexdigest()[:10]


def _one_line(line: bytes) -> bytes:
    """Return a message without line breaks, which JSON may have between its parts."""
    if b"\n" not in line:
        return line
    try:
        return msgspec.json.format(line, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return line.replace(b"\n", b" ")


def _key(line_format: Any, line: bytes) -> str:  # noqa: ANN401, a LineFormat
    """Return the item's id, so that its versions keep their order; empty for an unreadable line."""
    return str(line_format.key(object_of(line) or {}))
