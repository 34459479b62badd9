"""Kafka topics: offsets behind what is stored, tombstones, rebalances. Brokers are librdkafka's mock cluster."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaException, TopicPartition

from kaireon.core import clock
from kaireon.events.models import Event, StreamDeadLetter, StreamProgress
from kaireon.events.streams.kafka import KafkaTopic
from kaireon.events.streams.mapping import EventMapping
from kaireon.events.streams.sources import SourceRefused, Stream
from kaireon.events.streams.storing import Stored, store
from tests.streams.conftest import consume_all, purchase
from tests.streams.topics import Cluster, mock_cluster

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(120)]
# The mock cluster lets a group's first consumer wait for three seconds for others, and the second one until the first,
# which has left, would have timed out.
PATIENCE = 40
SOON_GIVEN_UP = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "200"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One mock cluster for all tests here."""
    made = mock_cluster()
    yield made
    made.producer.flush(1)


def topic_of(cluster: Cluster, topic: str, **more: Any) -> KafkaTopic:
    return KafkaTopic(brokers=cluster.brokers, topic=topic, group="kaireon", properties=SOON_GIVEN_UP, **more)


def stream_of(topic: str) -> Stream:
    return Stream(source="kafka", name=topic, group="kaireon")


def committed(source: KafkaTopic, topic: str) -> int:
    (found,) = source._consumer.committed([TopicPartition(topic, 0)], timeout=10)
    return found.offset


def test_messages_become_events_and_offsets_are_committed_behind_them(cluster: Cluster) -> None:
    topic = cluster.new_topic()
    cluster.send(topic, *(purchase(number) for number in range(700)))
    cluster.send(topic, b"{", None, {"eventType": "purchase", "eventId": "mine"}, partition=1)
    source = topic_of(cluster, topic)
    stored = consume_all(source, stream=stream_of(topic), patience=PATIENCE, messages=703)
    assert stored == Stored(events=701, dead_letters=2)
    ours = Event.objects.filter(event_id__startswith=f"{topic}:0:").order_by("sequence")
    assert list(ours.values_list("event_id", flat=True)) == [f"{topic}:0:{offset}" for offset in range(700)]
    assert [event.properties["number"] for event in ours] == list(range(700))
    assert Event.objects.get(event_id="mine").source == "kafka"
    letters = StreamDeadLetter.objects.order_by("position").values_list("position", "reason", "payload")
    assert list(letters) == [
        (f"{topic}:1:0", "The body is not valid JSON: it ends too early.", "{"),
        (f"{topic}:1:1", "The message has no value (a tombstone).", ""),
    ]
    assert (committed(source, topic), source.lag()) == (700, 0)

    source.close()


@pytest.mark.slow
def test_the_next_consumer_begins_behind_what_is_committed(cluster: Cluster) -> None:
    topic = cluster.new_topic()
    cluster.send(topic, purchase(1))
    source = topic_of(cluster, topic)
    assert consume_all(source, stream=stream_of(topic), patience=PATIENCE, messages=1) == Stored(events=1)
    cluster.send(topic, purchase(2), purchase(3))
    assert source.lag() == 2
    source.close()
    again = topic_of(cluster, topic)
    assert consume_all(again, stream=stream_of(topic), patience=PATIENCE, messages=2) == Stored(events=2)
    assert again.lag() == 0
    again.close()
    assert StreamProgress.objects.get(stream=topic).events_stored == 3


@pytest.mark.slow
def test_stored_and_not_committed_is_a_duplicate_of_itself(cluster: Cluster) -> None:
    topic = cluster.new_topic()
    cluster.send(topic, purchase(1), b"bad", purchase(2))
    died = topic_of(cluster, topic)
    messages: list[Any] = []
    while len(messages) < 3:
        messages += died.fetch(limit=10, wait_s=1)
    store(messages, stream=stream_of(topic), mapping=EventMapping(), now=clock.now())
    died._consumer.close()
    source = topic_of(cluster, topic)
    assert consume_all(source, stream=stream_of(topic), patience=PATIENCE, messages=3) == Stored(duplicates=3)
    source.close()
    assert (Event.objects.count(), StreamDeadLetter.objects.count()) == (2, 1)


@pytest.mark.slow
def test_partitions_that_move_to_another_consumer_lose_nothing(cluster: Cluster) -> None:
    topic = cluster.new_topic()
    for partition in range(4):
        cluster.send(topic, *(purchase(number) for number in range(50)), partition=partition)
    first = topic_of(cluster, topic)
    assert consume_all(first, stream=stream_of(topic), patience=PATIENCE, messages=200) == Stored(events=200)
    second = topic_of(cluster, topic)
    share: set[int] = set()
    for _ in range(60):
        for source in (first, second):
            assert not source.fetch(limit=10, wait_s=0.1)
        share = {one.partition for one in second._consumer.assignment()}
        if share:
            break
    assert len(share) == 2
    for partition in range(4):
        cluster.send(topic, *(purchase(number) for number in range(50)), partition=partition)
    stored = [consume_all(source, stream=stream_of(topic), patience=2) for source in (first, second)]
    assert stored == [Stored(events=100), Stored(events=100)]
    assert first.lag() == 0
    first.close()
    second.close()


def test_offsets_that_can_not_be_committed_are_committed_with_the_next(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = cluster.new_topic()
    cluster.send(topic, purchase(1))
    source = topic_of(cluster, topic)
    real = source._consumer

    class Refusing:
        def commit(self, **_: Any) -> None:
            raise KafkaException("no coordinator")

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(source, "_consumer", Refusing())
    messages: Any = []
    while not messages:
        messages = source.fetch(limit=10, wait_s=1)
    source.acknowledge()
    monkeypatch.setattr(source, "_consumer", real)
    assert committed(source, topic) < 0
    source.fetch(limit=10, wait_s=0.01)
    assert committed(source, topic) == 1
    source.close()


def test_properties_that_the_client_does_not_know_are_refused() -> None:
    with pytest.raises(SourceRefused, match='No such configuration property: "sasl.pasword"'):
        KafkaTopic(brokers="127.0.0.1:1", topic="orders", group="kaireon", properties={"sasl.pasword": "x"})
