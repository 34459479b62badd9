"""`make bench`: how many events a second one consumer takes out of a Redis stream and out of a Kafka topic.

Streams are filled first; measured is from the first stored event to the last one. The Kafka broker is the real one of
the tests, with its data in memory. All of them share this machine, with PostgreSQL.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kaireon.core.json_values import encode
from kaireon.core.redis import redis_client
from kaireon.events.models import Event
from tests.benchmarks.measuring import Report
from tests.streams.conftest import GROUP, NAME, Consuming
from tests.streams.topics import PARTITIONS, real_broker

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]

EVENTS = 60_000
PATIENCE_S = 300.0
MAPPING = '{"eventId": "id", "eventType": {"value": "purchase"}, "customerId": "user.id", "properties": "order"}'


def message(number: int) -> bytes:
    """An order as a shop might send it."""
    return encode(
        {
            "id": f"order-{number}",
            "user": {"id": f"cust_{number % 1000}"},
            "order": {"amount": 750 + number, "currency": "EUR", "items": [{"sku": f"s-{number}", "count": 2}]},
        }
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Consuming]]:
    """Starts the consumer, which is stopped in the end."""
    started: list[Consuming] = []

    def build(*arguments: str) -> Consuming:
        started.append(Consuming([*arguments, "--mapping", MAPPING], tmp_path / "consumer.log"))
        return started[-1]

    yield build
    for one in started:
        one.end()


def events_per_second(consuming: Consuming) -> float:
    """From the first stored event to the last one."""
    deadline = time.perf_counter() + PATIENCE_S
    began_at, before = 0.0, 0
    while (stored := Event.objects.count()) < EVENTS:
        assert time.perf_counter() < deadline, consuming.output
        if stored and not before:
            began_at, before = time.perf_counter(), stored
        time.sleep(0.01)
    return (EVENTS - before) / (time.perf_counter() - began_at)


def test_events_per_second_from_a_redis_stream(start: Callable[..., Consuming], report: Report) -> None:
    for begin in range(0, EVENTS, 1000):
        with redis_client().pipeline(transaction=False) as pipeline:
            for number in range(begin, begin + 1000):
                pipeline.xadd(NAME, {"data": message(number)})
            pipeline.execute()
    rate = events_per_second(start("redis-stream", "--stream", NAME, "--group", GROUP))
    report.add("One consumer of a Redis stream", {f"{EVENTS:,} events": [rate]}, unit="events/s")


def test_events_per_second_from_a_kafka_topic(start: Callable[..., Consuming], tmp_path: Path, report: Report) -> None:
    with real_broker(tmp_path) as cluster:
        topic = cluster.new_topic()
        for partition in range(PARTITIONS):
            numbers = range(partition, EVENTS, PARTITIONS)
            cluster.send(topic, *(message(number) for number in numbers), partition=partition)
        rate = events_per_second(start("kafka", "--brokers", cluster.brokers, "--topic", topic))
    report.add("One consumer of a Kafka topic", {f"{EVENTS:,} events": [rate]}, unit="events/s")
