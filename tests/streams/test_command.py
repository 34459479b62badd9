"""`manage.py consume` as a process of its own: killed, told to stop, without its database, with wrong arguments."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connection

from kaireon.core.redis import redis_client
from kaireon.events import streams
from kaireon.events.models import Event, StreamDeadLetter, StreamProgress
from tests.stack.conftest import database_url, wait_until
from tests.streams.conftest import GROUP, NAME, Consuming, add, owed, purchase, redis_stream
from tests.streams.topics import PARTITIONS, Cluster, mock_cluster, real_broker

REDIS = ("redis-stream", "--stream", NAME, "--group", GROUP, "--consumer", "one")
DIE = "import os, signal\ndef die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
# In the middle of the batch's transaction; between its commit and the acknowledgement.
BEFORE_THE_COMMIT = f"{DIE}from kaireon.events.streams import storing\nstoring._set_aside = die"
AFTER_THE_COMMIT = f"{DIE}from kaireon.events.streams import %s as module\nmodule.%s.acknowledge = die"


def all_stored(count: int) -> Callable[[], bool]:
    return lambda: Event.objects.count() == count


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("prelude", "stored"),
    [(BEFORE_THE_COMMIT, 0), (AFTER_THE_COMMIT % ("redis_stream", "RedisStream"), 500)],
    ids=["before the commit", "after the commit"],
)
def test_a_killed_consumer_of_redis_loses_nothing_and_stores_nothing_twice(
    start_consumer: Callable[..., Consuming], prelude: str, stored: int
) -> None:
    positions = add(*(purchase(number) for number in range(1200)))
    killed = start_consumer(*REDIS, prelude=prelude)
    assert killed.process.wait(60) == -signal.SIGKILL, killed.output
    assert (Event.objects.count(), owed()) == (stored, 500)
    consuming = start_consumer(*REDIS)
    wait_until(lambda: Event.objects.count() == 1200 and owed() == 0, "all is stored and acknowledged")
    assert consuming.stop() == 0
    assert list(Event.objects.order_by("sequence").values_list("event_id", flat=True)) == positions
    progress = StreamProgress.objects.get()
    assert (progress.events_stored, progress.duplicates, progress.lag) == (1200, stored, 0)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A mock cluster in this process."""
    made = mock_cluster()
    yield made
    made.producer.flush(1)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("prelude", "stored"),
    [(BEFORE_THE_COMMIT, 0), (AFTER_THE_COMMIT % ("kafka", "KafkaTopic"), 1)],
    ids=["before the commit", "after the commit"],
)
def test_a_killed_consumer_of_kafka_loses_nothing_and_stores_nothing_twice(
    start_consumer: Callable[..., Consuming], cluster: Cluster, tmp_path: Path, prelude: str, stored: int
) -> None:
    topic = cluster.new_topic()
    cluster.send(topic, *(purchase(number) for number in range(1200)))
    properties = tmp_path / "kafka.properties"
    properties.write_text("# the dead member is given up soon\nsession.timeout.ms=6000\nheartbeat.interval.ms=500\n")
    kafka = ("kafka", "--brokers", cluster.brokers, "--topic", topic, "--properties", str(properties))
    killed = start_consumer(*kafka, prelude=prelude)
    assert killed.process.wait(60) == -signal.SIGKILL, killed.output
    stored_before_it_died = Event.objects.count()
    assert bool(stored_before_it_died) is bool(stored)
    consuming = start_consumer(*kafka)
    wait_until(all_stored(1200), "all is stored")
    assert consuming.stop() == 0
    events = Event.objects.order_by("sequence").values_list("event_id", flat=True)
    assert list(events) == [f"{topic}:0:{offset}" for offset in range(1200)]
    progress = StreamProgress.objects.get()
    assert (progress.events_stored, progress.duplicates, progress.lag) == (1200, stored_before_it_died, 0)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_with_a_real_broker_a_killed_consumer_loses_nothing_and_stores_nothing_twice(
    start_consumer: Callable[..., Consuming], tmp_path: Path
) -> None:
    mapping = '{"eventType": {"value": "purchase"}, "customerId": "customerId", "properties": "properties"}'
    with real_broker(tmp_path) as cluster:
        topic = cluster.new_topic()
        for partition in range(PARTITIONS):
            cluster.send(topic, *(purchase(number) for number in range(400)), b"bad", partition=partition)
        properties = tmp_path / "kafka.properties"
        properties.write_text("session.timeout.ms=6000\nheartbeat.interval.ms=500\n")
        kafka = ["kafka", "--brokers", cluster.brokers, "--topic", topic, "--mapping", mapping]
        kafka += ["--properties", str(properties)]
        killed = start_consumer(*kafka, prelude=AFTER_THE_COMMIT % ("kafka", "KafkaTopic"))
        assert killed.process.wait(90) == -signal.SIGKILL, killed.output
        stored_before_it_died = Event.objects.count() + StreamDeadLetter.objects.count()
        assert stored_before_it_died > 0
        consuming = start_consumer(*kafka)
        wait_until(all_stored(1600), "all is stored")
        wait_until(lambda: StreamDeadLetter.objects.count() == PARTITIONS, "the bad ones are set aside")
        assert consuming.stop() == 0, consuming.output
    for partition in range(PARTITIONS):
        ours = Event.objects.filter(event_id__startswith=f"{topic}:{partition}:").order_by("sequence")
        assert [event.properties["number"] for event in ours] == list(range(400))
    progress = StreamProgress.objects.get()
    assert (progress.events_stored, progress.dead_letters) == (1600, PARTITIONS)
    assert progress.duplicates == stored_before_it_died


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_its_batch_and_leaves_the_group(
    start_consumer: Callable[..., Consuming], number: signal.Signals
) -> None:
    # The signal comes in mid-batch: from inside of the transaction.
    prelude = (
        "import os\nfrom kaireon.events.streams import storing\nreal = storing._set_aside\n"
        f"storing._set_aside = lambda *a, **k: (os.kill(os.getpid(), {number.value}), real(*a, **k))[1]"
    )
    add(*(purchase(one) for one in range(700)), b"bad")
    consuming = start_consumer(*REDIS, prelude=prelude)
    assert consuming.process.wait(60) == 0, consuming.output
    assert (Event.objects.count(), owed()) == (500, 0)
    (group,) = redis_client().xinfo_groups(NAME)
    assert group["consumers"] == 0
    assert "Consuming orders for the group kaireon (Ctrl-C ends it)" in consuming.output
    assert "lag 201; in all 500 events, 0 duplicates, 0 dead letters" in consuming.output


@contextmanager
def no_database() -> Iterator[None]:
    """PostgreSQL throws the consumer out, and does not let it in again."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(database_url().replace(f"/{name}?", "/postgres?"), autocommit=True) as other:
        other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                own = cursor.fetchone()
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s"
            other.execute(others, [name, own[0]])
            yield
        finally:
            other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_without_its_database_it_waits_and_loses_nothing(start_consumer: Callable[..., Consuming]) -> None:
    consuming = start_consumer(*REDIS)
    add(purchase(1))
    wait_until(all_stored(1), "the first is stored")
    with no_database():
        add(purchase(2), b"bad")
        wait_until(lambda: consuming.output.count("PostgreSQL did not take the rows") >= 2, "it has tried twice")
        assert redis_stream().lag() == 2
    wait_until(all_stored(2), "the second is stored")
    wait_until(lambda: owed() == 0, "it is acknowledged")
    assert StreamDeadLetter.objects.count() == 1
    assert consuming.stop() == 0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_two_consumers_of_a_group_share_the_stream(start_consumer: Callable[..., Consuming]) -> None:
    consumers = [start_consumer(*REDIS[:-1], name) for name in ("one", "two")]
    wait_until(lambda: StreamProgress.objects.exists(), "one has begun")
    for start in range(0, 6000, 500):
        add(*(purchase(number) for number in range(start, start + 500)))
    wait_until(all_stored(6000), "all is stored")
    wait_until(lambda: owed() == 0, "all is acknowledged")
    assert [one.stop() for one in consumers] == [0, 0]
    progress = StreamProgress.objects.get()
    assert (progress.events_stored, progress.duplicates) == (6000, 0)


def test_a_mapping_can_stand_in_a_file(db: None, tmp_path: Path) -> None:
    for text, problem in [
        ("{", "--mapping: The body is not valid JSON"),
        ("[]", "--mapping: mapping must be an object"),
        (
            '{"eventType": "a..b", "id": ""}',
            "--mapping: mapping.eventType has an empty step.* mapping.id is not a",
        ),
    ]:
        file = tmp_path / "mapping.json"
        file.write_text(text)
        with pytest.raises(CommandError, match=problem):
            call_command("consume", *REDIS, "--mapping", str(file))
    with pytest.raises(CommandError, match=r"--mapping: /nowhere/mapping.json can't be read: No such file"):
        call_command("consume", *REDIS, "--mapping", "/nowhere/mapping.json")


def test_without_the_package_the_command_says_how_to_install_it(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    monkeypatch.delitem(sys.modules, "kaireon.events.streams.kafka", raising=False)
    monkeypatch.delattr(streams, "kafka", raising=False)
    with pytest.raises(CommandError, match=r"install it with: \.venv/bin/python -m pip install confluent-kafka$"):
        call_command("consume", "kafka", "--brokers", "127.0.0.1:1", "--topic", "orders")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "kafka | redis-stream"),
        (("kafka", "--topic", "orders"), "--brokers"),
        (("kafka", "--brokers", "b:1"), "--topic"),
        (("redis-stream",), "--stream"),
        (("redis-stream", "--stream", ""), "1 to 250 printable characters"),
        (("redis-stream", "--stream", "a", "--start", "middle"), "middle"),
        (("redis-stream", "--stream", "a", "--url", "http://a"), "--url: "),
        (("redis-stream", "--stream", "a", "--url", "redis://127.0.0.1:1/0", "--mapping", "{}"), "eventType"),
    ],
)
def test_wrong_arguments_are_refused(db: None, arguments: tuple[str, ...], problem: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("consume", *arguments)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("group.id=x", "line 1 sets group.id, which this command sets itself"),
        ("\n# note\nsecurity.protocol\n", "line 3 is not key=value"),
        ("security.protocol=carrier-pigeon", "Kafka's client refuses this configuration"),
    ],
)
def test_wrong_properties_are_refused(db: None, tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "kafka.properties"
    file.write_text(text)
    with pytest.raises(CommandError, match=problem):
        call_command("consume", "kafka", "--brokers", "b:1", "--topic", "orders", "--properties", str(file))


def test_a_stream_that_is_none_ends_the_command(redis_connection: redis.Redis, settings: Any) -> None:
    redis_connection.set(NAME, "no stream")
    with pytest.raises(CommandError, match="WRONGTYPE"):
        call_command("consume", *REDIS)
