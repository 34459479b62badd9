"""A Kafka topic, read as a member of a consumer group. Needs the package confluent-kafka."""

import logging
import time
from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from kaireon.events.streams.sources import Message, SourceAway, SourceRefused

logger = logging.getLogger(__name__)
client_logger = logging.getLogger(f"{__name__}.client")

SOURCE = "kafka"
# After the first message, what else is there is waited for so long: a batch costs little more than one message.
LINGER_S = 0.01
ASK_TIMEOUT_S = 5.0
# A broker that is away is complained of twenty times a second; one complaint of a kind in half a minute will do.
SAME_COMPLAINT_AFTER_S = 30.0
# What this consumer relies on, and a properties file may therefore not set.
OWN_PROPERTIES = frozenset(
    {"bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset"}
)


class _Seldom(logging.Filter):
    """Lets one message of a kind pass, told by its first word, and holds back the next ones for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._passed_at_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = str(record.msg).split(" ", 1)[0]
        now_s = time.monotonic()
        if now_s - self._passed_at_s.get(kind, -SAME_COMPLAINT_AFTER_S) < SAME_COMPLAINT_AFTER_S:
            return False
        self._passed_at_s[kind] = now_s
        return True


client_logger.addFilter(_Seldom())


class KafkaTopic:
    """Messages of one topic. `properties` are librdkafka's, such as `security.protocol`. Raises SourceRefused."""

    def __init__(
        self,
        *,
        brokers: str,
        topic: str,
        group: str,
        start: str = "earliest",
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._topic = topic
        self._start = start
        # The offsets behind what is stored, and behind what was fetched, by partition.
        self._stored: dict[int, int] = {}
        self._in_hand: dict[int, int] = {}
        try:
            self._consumer = Consumer(
                {
                    "client.id": "kaireon",
                    **(properties or {}),
                    "bootstrap.servers": brokers,
                    "group.id": group,
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "auto.offset.reset": start,
                },
                logger=client_logger,
            )
            self._consumer.subscribe([topic], on_revoke=self._on_revoke, on_lost=self._on_lost)
        except KafkaException as error:
            raise SourceRefused(f"Kafka's client refuses this configuration: {_words(error)}") from None

    def fetch(self, *, limit: int, wait_s: float) -> Sequence[Message]:
        """Trouble with the brokers is logged, and looked over by the client itself: it goes on asking."""
        if self._stored:
            self._commit()
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        found = [first, *self._consumer.consume(limit - 1, timeout=LINGER_S)]
        return [message for one in found if (message := self._message(one)) is not None]

    def acknowledge(self) -> None:
        """Commits the offsets. Where that fails, they are committed with those of the next batch, or by nobody."""
        self._stored.update(self._in_hand)
        self._in_hand = {}
        self._commit()

    def lag(self) -> int | None:
        """Messages behind the group's committed offsets, of all partitions of the topic."""
        try:
            known = self._consumer.list_topics(self._topic, timeout=ASK_TIMEOUT_S).topics[self._topic].partitions
            partitions = [TopicPartition(self._topic, number) for number in known]
            return sum(map(self._lag_of, self._consumer.committed(partitions, timeout=ASK_TIMEOUT_S)))
        except KafkaException as error:
            raise SourceAway(f"Kafka does not answer ({_words(error)})") from None

    def close(self) -> None:
        """Commits what is left to commit and leaves the group, so that its partitions find another consumer at once."""
        self._commit()
        self._consumer.close()

    def _lag_of(self, committed: TopicPartition) -> int:
        low, high = self._consumer.get_watermark_offsets(committed, timeout=ASK_TIMEOUT_S)
        begin = committed.offset if committed.offset >= 0 else low if self._start == "earliest" else high
        return max(0, high - max(begin, low))

    def _message(self, one: KafkaMessage) -> Message | None:
        error = one.error()
        if error is not None:
            if error.fatal():
                raise SourceRefused(f"Kafka's client gives up: {error.str()}")
            logger.warning("%s: %s", self._topic, error.str())
            return None
        partition, offset = one.partition(), one.offset()
        assert partition is not None, "only errors have no partition"
        assert offset is not None, "only errors have no offset"
        self._in_hand[partition] = offset + 1
        position = f"{self._topic}:{partition}:{offset}"
        body = one.value()
        if body is None:
            return Message(position=position, body=None, problem="The message has no value (a tombstone).")
        return Message(position=position, body=body)

    def _commit(self) -> None:
        if not self._stored:
            return
        offsets = [TopicPartition(self._topic, partition, offset) for partition, offset in self._stored.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # The rows are there. Whoever reads these messages again finds that their events are.
            logger.warning("%s: offsets were not committed: %s", self._topic, _words(error))
        else:
            self._stored = {}

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """The partitions go to another consumer: it begins behind what is committed by now."""
        self._commit()
        self._forget(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """They are another consumer's already, and so are their offsets."""
        self._forget(partitions)

    def _forget(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self._stored.pop(partition.partition, None)
            self._in_hand.pop(partition.partition, None)


def _words(error: KafkaException) -> str:
    cause = error.args[0] if error.args else None
    return cause.str() if isinstance(cause, KafkaError) else str(cause or error)
