"""Single events that come at the same time share a commit, and nothing else: each has its own answer."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.db import OperationalError, connection
from pytest_django import Settings

from kaireon.accounts.keys import create_key, find_keys, revoke_key
from kaireon.accounts.models import ApiKey
from kaireon.accounts.roles import Role
from kaireon.core.logs import ContextFilter
from kaireon.events import together
from kaireon.events.models import Event
from kaireon.events.publish import Accepted, NewEvent, publish
from kaireon.wsgi import application

# The real application opens and closes its own connections.
pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 20
Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def key() -> str:
    return create_key(name="shop", role=Role.INGEST)[1]


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events were stored together, time after time."""
    found: list[int] = []

    def counted(events: Sequence[NewEvent], **more: Any) -> list[Accepted]:
        found.append(len(events))
        return publish(events, **more)

    monkeypatch.setattr(together, "publish", counted)
    return found


def post(event: dict[str, Any], *, key: str) -> Answer:
    """As the web server hands it on."""
    body = json.dumps(event).encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/events",
        "HTTP_HOST": "localhost",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    setup_testing_defaults(environ)
    statuses: list[str] = []
    response: Any = application(environ, lambda status, headers: statuses.append(status))
    try:
        return int(statuses[0][:3]), json.loads(b"".join(response))
    finally:
        response.close()


def in_threads(functions: Sequence[Callable[[], None]], *, meanwhile: Callable[[], None] = lambda: None) -> None:
    failures: list[BaseException] = []

    def run(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as failure:
            # Of any kind, also what ends a thread: the test would else pass without what it was to do.
            failures.append(failure)
            raise
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    meanwhile()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)
    assert not failures


class Gathering:
    """Holds up the first event's commit until all others have come; so these go together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._may_go_on = threading.Event()
        self._is_first = True

        def held_up(*args: Any, **more: Any) -> dict[str, ApiKey]:
            if self._is_first:
                self._is_first = False
                assert self._may_go_on.wait(PATIENCE_S)
            return find_keys(*args, **more)

        monkeypatch.setattr(together, "find_keys", held_up)

    def __call__(
        self, events: Sequence[dict[str, Any]], *, keys: Sequence[str], before: Callable[[], None] = lambda: None
    ) -> list[Answer]:
        """The answers to `events`, each with its key, that were stored together; `before` is called first."""
        answers: list[Answer | None] = [None] * len(events)

        def ask(number: int) -> None:
            wait_for(lambda: len(together._gathered) == number)
            answers[number] = post(events[number], key=keys[number])

        def go_on() -> None:
            wait_for(lambda: len(together._gathered) == len(events))
            before()
            self._may_go_on.set()

        def ask_first() -> None:
            post({"eventType": "first"}, key=keys[0])
            connection.close()

        first = threading.Thread(target=ask_first)
        first.start()
        wait_for(lambda: not self._is_first)
        in_threads([partial(ask, number) for number in range(len(events))], meanwhile=go_on)
        first.join(PATIENCE_S)
        return [answer for answer in answers if answer is not None]


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def gathering(monkeypatch: pytest.MonkeyPatch) -> Gathering:
    return Gathering(monkeypatch)


def statuses(answers: Sequence[Answer]) -> list[str | int]:
    return [told["results"][0]["status"] if status == 202 else status for status, told in answers]


def test_whoever_is_told_accepted_finds_the_event_stored_and_each_is_stored_once(key: str) -> None:
    def send(sender: int) -> None:
        for number in range(25):
            event_id = f"e-{sender}-{number}"
            status, told = post({"eventId": event_id, "eventType": "purchase"}, key=key)
            assert (status, told["results"][0]["eventId"]) == (202, event_id)
            assert Event.objects.filter(event_id=event_id).exists()

    in_threads([partial(send, sender) for sender in range(8)])
    assert Event.objects.count() == 200


def test_what_came_during_a_commit_goes_into_the_next_one_together_and_in_order(
    key: str, sizes: list[int], gathering: Gathering
) -> None:
    events = [{"eventId": f"e{9 - number}", "eventType": "purchase", "customerId": "c"} for number in range(6)]
    assert statuses(gathering(events, keys=[key] * 6)) == ["accepted"] * 6
    assert sizes == [1, 6]
    stored = Event.objects.filter(event_type="purchase").order_by("sequence")
    assert [event.event_id for event in stored] == ["e9", "e8", "e7", "e6", "e5", "e4"]


def test_an_id_that_comes_twice_in_one_commit_is_accepted_once(
    key: str, sizes: list[int], gathering: Gathering
) -> None:
    events = [{"eventId": "same", "eventType": "a", "properties": {"number": number}} for number in range(3)]
    assert statuses(gathering(events, keys=[key] * 3)) == ["accepted", "duplicate", "duplicate"]
    assert sizes == [1, 3]
    assert Event.objects.get(event_id="same").properties == {"number": 0}


def test_a_key_that_was_revoked_meanwhile_is_refused_and_the_others_are_not(
    key: str, sizes: list[int], gathering: Gathering
) -> None:
    revoked, revoked_text = create_key(name="revoked", role=Role.INGEST)
    viewer = create_key(name="viewer", role=Role.VIEWER)[1]
    other = create_key(name="other", role=Role.EDITOR)[1]
    answers = gathering(
        [{"eventType": "purchase"}] * 5,
        keys=[key, revoked_text, viewer, other, "krn_" + "x" * 43],
        before=lambda: revoke_key(key=revoked),
    )
    assert statuses(answers) == ["accepted", 401, 403, "accepted", 401]
    assert sizes == [1, 2]
    assert Event.objects.filter(event_type="purchase").count() == 2


def test_a_key_that_is_remembered_and_was_revoked_since_is_refused_at_once(
    key: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 3
    revoked, revoked_text = create_key(name="revoked", role=Role.INGEST)
    assert statuses([post({"eventType": "a"}, key=one) for one in (revoked_text, revoked_text)]) == ["accepted"] * 2
    revoke_key(key=revoked)
    assert post({"eventType": "a"}, key=revoked_text)[0] == 401
    other = create_key(name="other", role=Role.INGEST)[1]
    assert statuses([post({"eventType": "a"}, key=other)]) == ["accepted"]
    # Where one key of a group was revoked, the others are stored all the same, and counted once.
    assert statuses(Gathering(monkeypatch)([{"eventType": "b"}] * 3, keys=[key, revoked_text, other])) == [
        "accepted",
        401,
        "accepted",
    ]
    assert statuses([post({"eventType": "b"}, key=one) for one in (key, other, other)]) == ["accepted", "accepted", 429]
    assert Event.objects.filter(event_type="b").count() == 4


def test_a_remembered_key_saves_the_look_for_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert post({"eventType": "a"}, key=key)[0] == 202
    monkeypatch.setattr(together, "find_keys", lambda *args, **more: pytest.fail("the key is known"))
    assert statuses([post({"eventType": "a"}, key=key) for _ in range(2)]) == ["accepted"] * 2


@pytest.fixture
def _no_event_is_called_bad() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_event ADD CONSTRAINT not_bad CHECK (event_id <> 'bad')")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_event DROP CONSTRAINT not_bad")


@pytest.mark.usefixtures("_no_event_is_called_bad")
def test_an_event_that_postgresql_refuses_hurts_no_other(key: str, sizes: list[int], gathering: Gathering) -> None:
    events = [{"eventId": event_id, "eventType": "purchase"} for event_id in ("good-1", "bad", "good-2")]
    assert statuses(gathering(events, keys=[key] * 3)) == ["accepted", 500, "accepted"]
    assert sizes == [1, 3]
    assert sorted(Event.objects.filter(event_type="purchase").values_list("event_id", flat=True)) == [
        "good-1",
        "good-2",
    ]


def test_where_nobody_knows_what_became_of_it_the_sender_is_told_so_and_nothing_is_sent_twice(
    key: str, monkeypatch: pytest.MonkeyPatch, gathering: Gathering
) -> None:
    """The connection breaks after the commit and before its answer. Events without an id could not be told apart."""

    def breaks(events: Sequence[NewEvent], **more: Any) -> list[Accepted]:
        publish(events, **more)
        connection.connection.close()
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(together, "publish", breaks)
    answers = gathering([{"eventType": "purchase"}] * 3, keys=[key] * 3)
    assert statuses(answers) == [503, 503, 503]
    assert {told["error"]["code"] for _, told in answers} == {"unavailable"}
    assert Event.objects.filter(event_type="purchase").count() == 3


def test_a_connection_that_postgresql_has_closed_costs_nobody_anything(key: str) -> None:
    assert post({"eventType": "purchase"}, key=key)[0] == 202
    backend = connection.connection.info.backend_pid
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])  # ms, until it is gone
    other.close()
    assert post({"eventType": "purchase"}, key=key)[0] == 202
    assert Event.objects.count() == 2


def test_a_bug_is_told_to_each_and_the_next_event_is_taken(
    key: str, monkeypatch: pytest.MonkeyPatch, gathering: Gathering
) -> None:
    def broken(*args: Any, **more: Any) -> Any:
        raise RuntimeError("the innermost secret")

    with monkeypatch.context() as for_now:
        for_now.setattr(together, "publish", broken)
        assert statuses(gathering([{"eventType": "purchase"}] * 2, keys=[key] * 2)) == [500, 500]
    assert statuses([post({"eventType": "purchase"}, key=key)]) == ["accepted"]


def test_each_requests_line_in_the_log_names_its_own_event_and_caller(
    key: str, gathering: Gathering, caplog: pytest.LogCaptureFixture
) -> None:
    other = create_key(name="other", role=Role.EDITOR)[1]
    caplog.handler.addFilter(ContextFilter())
    events = [{"eventId": event_id, "eventType": "purchase"} for event_id in ("e1", "e2")]
    with caplog.at_level(logging.INFO, logger="kaireon.requests"):
        gathering(events, keys=[key, other])
    lines = {tuple(vars(line).get("event_ids", ())): vars(line) for line in caplog.records if line.msg == "request"}
    names = {ids[0]: line["actor"].partition("(")[2] for ids, line in lines.items() if ids and ids[0] in {"e1", "e2"}}
    assert names == {"e1": "shop)", "e2": "other)"}
    assert {line["events"] for line in lines.values()} == {1}
