"""Redis streams: batches, consumer groups, what is owed, what is bad."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection
from django.test import Client
from rest_framework.test import APIClient

from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.core import clock
from kaireon.events.models import Event, StreamDeadLetter, StreamProgress
from kaireon.events.streams import consuming, storing
from kaireon.events.streams import redis_stream as module
from kaireon.events.streams.consuming import BATCH_SIZE, Consumption
from kaireon.events.streams.mapping import EventMapping
from kaireon.events.streams.redis_stream import TAKE_OVER_AFTER_MS, RedisStream
from kaireon.events.streams.sources import Message, SourceAway, SourceRefused
from kaireon.events.streams.storing import MAX_PAYLOAD_BYTES, Stored, store
from tests.streams.conftest import GROUP, NAME, STREAM, add, consume_all, owed, purchase, redis_stream

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _look_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "LOOK_UP_AFTER_S", 0.01)
    monkeypatch.setattr(consuming, "RETRY_AFTER_S", (0.01,))


def test_entries_become_events_in_their_order_and_are_acknowledged(redis_connection: redis.Redis) -> None:
    positions = add(*(purchase(number) for number in range(BATCH_SIZE + 3)))
    assert consume_all(redis_stream()) == Stored(events=BATCH_SIZE + 3)
    events = list(Event.objects.order_by("sequence"))
    assert [event.event_id for event in events] == positions
    assert [event.properties["number"] for event in events] == list(range(BATCH_SIZE + 3))
    assert {(event.source, event.status, event.depth) for event in events} == {("redis-stream", "pending", 0)}
    assert owed() == 0


def test_an_entry_that_names_an_event_id_keeps_it_and_counts_once(redis_connection: redis.Redis) -> None:
    add(purchase(1, eventId="order-1"), purchase(2, eventId="order-1"), purchase(3))
    assert consume_all(redis_stream()) == Stored(events=2, duplicates=1)
    assert Event.objects.get(event_id="order-1").properties == {"number": 1}


def test_a_mapping_is_applied(redis_connection: redis.Redis) -> None:
    add({"id": 5, "user": {"id": 78}, "total": 750})
    mapping = {"eventId": "id", "eventType": {"value": "purchase"}, "customerId": "user.id", "properties": ""}
    assert consume_all(redis_stream(), mapping=mapping) == Stored(events=1)
    event = Event.objects.get()
    assert (event.event_id, event.event_type, event.customer_id) == ("5", "purchase", "78")
    assert event.properties == {"id": 5, "user": {"id": 78}, "total": 750}


def test_a_streams_name_that_is_no_id_gives_an_id_that_depends_on_the_position_alone(
    redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = Message(position="orders/eu {1}:7-0", body=b'{"eventType": "purchase"}')
    assert store([message], stream=STREAM, mapping=EventMapping(), now=clock.now()) == Stored(events=1)
    assert store([message], stream=STREAM, mapping=EventMapping(), now=clock.now()) == Stored(duplicates=1)
    assert Event.objects.get().event_id.startswith("evt_")


BAD: list[tuple[bytes, str]] = [
    (b"", "The body is not valid JSON: it is blank."),
    (b"{", "The body is not valid JSON: it ends too early."),
    (b"\xff\xfe", "The body is not valid JSON: it begins with a byte order mark; send UTF-8 without one."),
    (b"[" * 100_000, "The body is not valid JSON: it is nested too deeply."),
    (b"7", "An event must be an object with eventType, and may have customerId and more."),
    (b"{}", "eventType: must be lower-case words joined by dots such as outcome.recorded, at most 100 characters."),
    (b'{"eventType": "a", "customerId": 7}', "customerId: must be 1 to 255 characters without control characters, not "
     "beginning or ending with a blank."),
    (b'{"eventType": "a", "properties": {"b": "\\u0000"}}', "properties.b: must not contain NUL characters (\\u0000)."),
]  # fmt: skip


def test_bad_entries_are_set_aside_with_their_reasons_and_stop_nobody(redis_connection: redis.Redis) -> None:
    add(purchase(1))
    positions = add(*(body for body, _ in BAD))
    add(purchase(2))
    assert consume_all(redis_stream()) == Stored(events=2, dead_letters=len(BAD))
    letters = list(StreamDeadLetter.objects.order_by("id"))
    assert [letter.position for letter in letters] == positions
    assert [letter.reason for letter in letters] == [reason for _, reason in BAD]
    assert letters[1].payload == "{"
    assert letters[2].payload == "\N{REPLACEMENT CHARACTER}" * 2
    assert len(letters[3].payload) == MAX_PAYLOAD_BYTES
    assert {letter.source for letter in letters} == {"redis-stream"}
    assert owed() == 0


def test_a_reason_names_where_the_mapping_has_looked(redis_connection: redis.Redis) -> None:
    add({"kind": "Purchase", "user": {"id": ""}})
    consume_all(redis_stream(), mapping={"eventType": "kind", "customerId": "user.id", "properties": "user.id"})
    reason = StreamDeadLetter.objects.get().reason
    assert reason.startswith("eventType (from kind): must be lower-case words joined by dots")
    assert " customerId (from user.id): must be 1 to 255 characters" in reason
    assert reason.endswith(" properties (from user.id): must be an object.")


def test_a_payload_of_letters_of_many_bytes_is_cut_between_letters(redis_connection: redis.Redis) -> None:
    add(b'{"a' + "\N{EURO SIGN}".encode() * 30_000, b"\xff\x00" * 60_000)
    consume_all(redis_stream())
    first, second = StreamDeadLetter.objects.order_by("id")
    assert first.payload == '{"a' + "\N{EURO SIGN}" * 21_844
    assert second.payload == "\N{REPLACEMENT CHARACTER}" * 21_845


def test_an_entry_without_the_field_is_set_aside_with_what_it_has(redis_connection: redis.Redis) -> None:
    redis_connection.xadd(NAME, {"kind": "purchase", "user": "78"})
    assert consume_all(redis_stream()) == Stored(dead_letters=1)
    letter = StreamDeadLetter.objects.get()
    assert letter.reason == "The entry has no field data; it has kind, user."
    assert letter.payload == '{"kind":"purchase","user":"78"}'


def test_another_field_can_hold_the_json(redis_connection: redis.Redis) -> None:
    redis_connection.xadd(NAME, {"event": '{"eventType": "purchase"}'})
    assert consume_all(redis_stream(field="event")) == Stored(events=1)


def test_what_breaks_the_batch_is_found_one_by_one(
    redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(message: Message, **more: Any) -> Any:
        if b'"number":2' in (message.body or b""):
            raise ValueError("a bug")
        return real(message, **more)

    real = storing._read
    monkeypatch.setattr(storing, "_read", read)
    add(*(purchase(number) for number in range(4)))
    assert consume_all(redis_stream()) == Stored(events=3, dead_letters=1)
    assert StreamDeadLetter.objects.get().reason == (
        "Storing it broke with ValueError; the consumer's log has more under its position."
    )
    assert owed() == 0


def test_what_was_read_in_an_earlier_life_comes_first(redis_connection: redis.Redis) -> None:
    first = add(purchase(1), purchase(2))
    died = redis_stream()
    assert len(died.fetch(limit=10, wait_s=0.01)) == 2
    later = add(purchase(3))
    assert owed() == 2
    assert consume_all(redis_stream()) == Stored(events=3)
    assert list(Event.objects.order_by("sequence").values_list("event_id", flat=True)) == first + later
    assert owed() == 0


def test_stored_and_not_acknowledged_is_a_duplicate_of_itself(redis_connection: redis.Redis) -> None:
    add(purchase(1), b"bad", purchase(2))
    messages = redis_stream().fetch(limit=10, wait_s=0.01)
    store(messages, stream=STREAM, mapping=EventMapping(), now=clock.now())
    assert consume_all(redis_stream()) == Stored(duplicates=3)
    assert (Event.objects.count(), StreamDeadLetter.objects.count(), owed()) == (2, 1, 0)


def test_what_a_dead_consumer_owes_is_taken_over(
    redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(*(purchase(number) for number in range(BATCH_SIZE + 20)))
    died = redis_stream(consumer="died")
    died.fetch(limit=BATCH_SIZE, wait_s=0.01)
    assert owed() == BATCH_SIZE
    assert consume_all(redis_stream(consumer="other")) == Stored(events=20)
    monkeypatch.setattr(module, "TAKE_OVER_AFTER_MS", 0)
    assert consume_all(redis_stream(consumer="third")) == Stored(events=BATCH_SIZE)
    assert owed() == 0
    assert TAKE_OVER_AFTER_MS == 60_000


def test_an_entry_that_was_deleted_before_it_was_stored_is_told_of(
    redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, others = add(purchase(1), purchase(2))
    redis_stream().fetch(limit=1, wait_s=0.01)
    redis_stream(consumer="died").fetch(limit=1, wait_s=0.01)
    redis_stream(consumer="died").fetch(limit=1, wait_s=0.01)
    for position in (mine, others):
        redis_connection.xdel(NAME, position.removeprefix(f"{NAME}:"))
    monkeypatch.setattr(module, "TAKE_OVER_AFTER_MS", 0)
    assert consume_all(redis_stream()) == Stored(dead_letters=2)
    letters = StreamDeadLetter.objects.order_by("position")
    assert [(letter.position, letter.reason) for letter in letters] == [
        (position, "The entry was deleted from the stream, or trimmed, before it was stored.")
        for position in (mine, others)
    ]
    assert owed() == 0


def test_a_stream_that_is_deleted_and_made_anew_is_read_from_its_beginning(redis_connection: redis.Redis) -> None:
    source = redis_stream(start="latest")
    assert consume_all(source) == Stored()
    add(purchase(1))
    assert consume_all(source) == Stored(events=1)
    redis_connection.delete(NAME)
    add(purchase(2))
    assert consume_all(source, patience=2) == Stored(events=1)


def test_a_new_group_may_begin_at_the_end(redis_connection: redis.Redis) -> None:
    add(purchase(1))
    source = redis_stream(start="latest")
    assert consume_all(source) == Stored()
    add(purchase(2))
    assert consume_all(source) == Stored(events=1)
    assert Event.objects.get().properties == {"number": 2}


def test_what_can_not_be_consumed_is_refused(redis_connection: redis.Redis) -> None:
    redis_connection.set(NAME, "no stream")
    with pytest.raises(SourceRefused, match="orders can't|let orders be consumed: WRONGTYPE"):
        redis_stream().fetch(limit=1, wait_s=0.01)


def test_leaving_takes_nothing_with_it(redis_connection: redis.Redis) -> None:
    source = redis_stream()
    add(purchase(1))
    source.fetch(limit=10, wait_s=0.01)
    source.close()
    assert owed() == 1
    source = redis_stream()
    consume_all(source)
    source.close()
    (group,) = redis_connection.xinfo_groups(NAME)
    assert (group["consumers"], group["pending"]) == (0, 0)


def test_lag_is_what_is_owed_and_what_is_unread(redis_connection: redis.Redis) -> None:
    source = redis_stream()
    assert source.lag() is None
    source.fetch(limit=1, wait_s=0.01)
    assert source.lag() == 0
    add(*(purchase(number) for number in range(1203)))
    assert source.lag() == 1203
    source.fetch(limit=100, wait_s=0.01)
    assert source.lag() == 1203
    source.acknowledge()
    assert source.lag() == 1103


class Watched:
    """A stream that tells its consumer to stop once `done` says so, and whose server is away at the calls in `away`."""

    def __init__(self, wrapped: RedisStream, done: Callable[[], bool], *, away: Sequence[str] = ()) -> None:
        self.stop = threading.Event()
        self._wrapped = wrapped
        self._done = done
        self._away = list(away)
        self._deadline = time.monotonic() + 20

    def fetch(self, *, limit: int, wait_s: float) -> Sequence[Message]:
        if (not self._away and self._done()) or time.monotonic() > self._deadline:
            self.stop.set()
        self._perhaps("fetch")
        return self._wrapped.fetch(limit=limit, wait_s=wait_s)

    def acknowledge(self) -> None:
        self._perhaps("acknowledge")
        self._wrapped.acknowledge()

    def lag(self) -> int | None:
        self._perhaps("lag")
        return self._wrapped.lag()

    def close(self) -> None:
        self._wrapped.close()

    def _perhaps(self, name: str) -> None:
        if self._away and self._away[0] == name:
            del self._away[0]
            self._wrapped._owes = True
            raise SourceAway("away")

    def run(self) -> None:
        """Runs the whole loop."""
        Consumption(self, stream=STREAM, mapping=EventMapping(), stop=self.stop).run()
        assert self._done()


def test_redis_that_is_away_is_waited_for(redis_connection: redis.Redis) -> None:
    add(*(purchase(number) for number in range(5)))
    away = ["fetch", "acknowledge", "fetch"]
    Watched(redis_stream(), lambda: owed() == 0 and Event.objects.exists(), away=away).run()
    assert Event.objects.count() == 5
    progress = StreamProgress.objects.get()
    assert (progress.events_stored, progress.duplicates, progress.lag) == (5, 5, 0)


def test_a_redis_that_is_not_there_is_away_and_a_wrong_password_is_refused() -> None:
    nobody = module.RedisStream(url="redis://127.0.0.1:1/0", stream=NAME, group=GROUP, consumer="one")
    with pytest.raises(SourceAway, match="Redis does not answer"):
        nobody.fetch(limit=1, wait_s=0.01)
    with pytest.raises(SourceAway, match="Redis does not answer"):
        nobody.lag()


def test_postgres_that_is_away_is_waited_for_and_nothing_is_acknowledged_meanwhile(
    redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(*(purchase(number) for number in range(5)))
    owed_meanwhile = []

    def away_twice(*args: Any, **more: Any) -> Stored:
        owed_meanwhile.append(owed())
        if len(owed_meanwhile) <= 2:
            raise OperationalError("away")
        return store(*args, **more)

    monkeypatch.setattr(consuming, "store", away_twice)
    monkeypatch.setattr(connection, "close", lambda: None)
    source = redis_stream()
    assert consume_all(source) == Stored(events=5)
    assert owed_meanwhile == [5, 5, 5]
    assert owed() == 0


def test_told_to_stop_while_postgres_is_away_it_leaves_the_batch_to_the_next_life(
    redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(purchase(1))
    stop = threading.Event()

    def away(*args: Any, **more: Any) -> Stored:
        stop.set()
        raise OperationalError("away")

    monkeypatch.setattr(connection, "close", lambda: None)
    with monkeypatch.context() as patched:
        patched.setattr(consuming, "store", away)
        Consumption(redis_stream(), stream=STREAM, mapping=EventMapping(), stop=stop).run()
    assert owed() == 1
    assert consume_all(redis_stream()) == Stored(events=1)


def test_progress_and_dead_letters_are_shown(redis_connection: redis.Redis, viewer_api: APIClient) -> None:
    add(purchase(1), purchase(2, eventId="e2"), purchase(3, eventId="e2"))
    last = add(b"bad")[0]
    source = redis_stream()
    Watched(source, lambda: StreamProgress.objects.filter(dead_letters=1).exists()).run()
    answer = viewer_api.get("/api/v1/streams").json()
    assert answer["pagination"]["total"] == 1
    (shown,) = answer["data"]
    assert shown.pop("updatedAt")
    assert shown.pop("ratePerSecond") > 0
    assert shown == {
        "source": "redis-stream",
        "stream": "orders",
        "group": "kaireon",
        "lastPosition": last,
        "lag": 0,
        "eventsStored": 2,
        "duplicates": 1,
        "deadLetters": 1,
    }
    letters = viewer_api.get("/api/v1/stream-dead-letters?source=redis-stream&since=2026-01-01").json()
    (letter,) = letters["data"]
    assert letter.pop("id")
    assert letter.pop("receivedAt")
    assert letter == {
        "source": "redis-stream",
        "position": last,
        "reason": "The body is not valid JSON: invalid character (byte 0).",
        "payload": "bad",
    }
    for query in ("source=kafka", "until=2026-01-01"):
        assert viewer_api.get(f"/api/v1/stream-dead-letters?{query}").json()["data"] == []
    assert viewer_api.get("/api/v1/stream-dead-letters?sourc=kafka").status_code == 400


def test_prometheus_is_told(redis_connection: redis.Redis, anonymous_api: APIClient) -> None:
    add(purchase(1), purchase(2), b"bad")
    Watched(redis_stream(), lambda: StreamProgress.objects.filter(dead_letters=1).exists()).run()
    text = anonymous_api.get("/metrics").content.decode()
    labels = '{group="kaireon",source="redis-stream",stream="orders"}'
    assert f"kaireon_stream_lag{labels} 0.0" in text
    assert f"kaireon_stream_events_total{labels} 2.0" in text
    assert f"kaireon_stream_dead_letters_total{labels} 1.0" in text


@pytest.mark.parametrize("page", ["streamprogress", "streamdeadletter"])
def test_both_are_pages_of_the_admin_to_look_at(redis_connection: redis.Redis, client: Client, page: str) -> None:
    add(b"bad <b>")
    consume_all(redis_stream())
    client.force_login(User.objects.create(username="ada", role=Role.ADMIN))
    shown = client.get(f"/admin/events/{page}/")
    assert shown.status_code == 200
    assert "orders" in shown.content.decode()
    letter = StreamDeadLetter.objects.get()
    assert "bad &lt;b&gt;" in client.get(f"/admin/events/streamdeadletter/{letter.pk}/change/").content.decode()
    assert client.get(f"/admin/events/{page}/add/").status_code == 403


@pytest.mark.parametrize("path", ["streams", "stream-dead-letters"])
def test_readers_may_look_and_nobody_may_write(
    viewer_api: APIClient, ingest_api: APIClient, anonymous_api: APIClient, admin_api: APIClient, path: str
) -> None:
    clients = (viewer_api, ingest_api, anonymous_api)
    assert [client.get(f"/api/v1/{path}").status_code for client in clients] == [200, 403, 401]
    assert admin_api.post(f"/api/v1/{path}", {}, format="json").status_code == 405
