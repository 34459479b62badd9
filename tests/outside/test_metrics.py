"""/metrics after real events, firings and attempts, and what a scrape costs."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from kaireon.core import clock, counters
from kaireon.delivery.models import Delivery, Kind
from kaireon.delivery.sender import send_due
from kaireon.delivery.telling import ANSWERS
from kaireon.events import drain, telling
from kaireon.events.consumers import QueuedEvent
from kaireon.events.ingestion import ingest
from tests.delivery.conftest import enqueue_all
from tests.delivery.receiver import Answer, Receiver
from tests.delivery.test_tls import Authority, TlsServer
from tests.outside.conftest import OwnRedis, Scrape
from tests.triggers.fixtures import process_all
from triggers.engine.decisions import Verdict
from triggers.models import Trigger

_ATTEMPTS = 'kaireon_delivery_attempts_total{{answer="{answer}",kind="http",outcome="{outcome}"}}'


def ingest_and_commit(body: object, *, capture: DjangoCaptureOnCommitCallbacks) -> None:
    with capture(execute=True):
        ingest(body, source="api", now=clock.now())
    with capture(execute=True):
        process_all()


def test_an_events_way_is_counted_from_its_acceptance_to_its_delivery(
    scrape: Scrape,
    make_trigger: Callable[..., Trigger],
    receiver: Receiver,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    hook = {"actionType": "webhook", "actionConfig": {"url": receiver.url}}
    make_trigger(id="trg_big", condition={"field": "amount", "operator": "gt", "value": 100}, **hook)
    make_trigger(id="trg_daily", cooldownMs=86_400_000)
    body = [
        {"eventId": "e1", "eventType": "purchase", "customerId": "ada", "properties": {"amount": 500}},
        {"eventId": "e2", "eventType": "purchase", "customerId": "ada", "properties": {"amount": 5}},
        {"eventId": "e3", "eventType": "nobody_listens", "customerId": "ada"},
        {"eventId": "e1", "eventType": "purchase", "customerId": "ada"},
    ]
    ingest_and_commit(body, capture=django_capture_on_commit_callbacks)
    with django_capture_on_commit_callbacks(execute=True):
        send_due(run_seconds=10)
    found = scrape()

    assert found['kaireon_events_accepted_total{source="api"}'] == 3
    assert found["kaireon_events_duplicate_total"] == 1
    # Firing trg_daily has created no record, so it published nothing.
    assert found["kaireon_events_processed_total"] == 3
    assert {name: value for name, value in found.items() if name.startswith("kaireon_decisions_total")} == {
        'kaireon_decisions_total{decision="fired",event_type="purchase"}': 1,
        'kaireon_decisions_total{decision="condition_false",event_type="purchase"}': 1,
        'kaireon_decisions_total{decision="action_failed",event_type="purchase"}': 1,
        'kaireon_decisions_total{decision="cooldown",event_type="purchase"}': 1,
        'kaireon_decisions_total{decision="ignored",event_type="other"}': 1,
    }
    assert {name: value for name, value in found.items() if name.startswith("kaireon_firings_total")} == {
        'kaireon_firings_total{action_type="webhook",outcome="queued"}': 1,
        'kaireon_firings_total{action_type="update_attribute",outcome="failed"}': 1,
    }
    assert found["kaireon_event_to_firing_seconds_count"] == 1
    assert 0 < found["kaireon_event_to_firing_seconds_sum"] < 60
    assert found[_ATTEMPTS.format(answer="2xx", outcome="delivered")] == 1
    assert found["kaireon_event_to_delivery_seconds_count"] == 1
    assert found["kaireon_event_to_firing_seconds_sum"] < found["kaireon_event_to_delivery_seconds_sum"] < 60


def test_decisions_are_known_by_the_names_that_the_engine_gives_them() -> None:
    assert (*Verdict, telling.IGNORED) == telling.DECISION_LABELS


def test_a_batch_that_is_rolled_back_counts_nothing(
    scrape: Scrape,
    make_trigger: Callable[..., Trigger],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    make_trigger()

    process = drain._process

    def process_and_break(events: Sequence[QueuedEvent]) -> None:
        process(events)
        raise ValueError("broken before the commit")

    monkeypatch.setattr(drain, "_process", process_and_break)
    ingest_and_commit({"eventType": "purchase", "customerId": "ada"}, capture=django_capture_on_commit_callbacks)
    found = scrape()
    assert found["kaireon_events_processed_total"] == 0
    assert found["kaireon_events_broken_total"] == 1
    assert not any(name.startswith("kaireon_decisions_total{") for name in found)
    assert found["kaireon_event_to_firing_seconds_count"] == 0


def send_and_scrape(capture: DjangoCaptureOnCommitCallbacks, scrape: Scrape) -> dict[str, float]:
    with capture(execute=True):
        send_due(run_seconds=0.0)
        send_due(run_seconds=0.5)
    return {
        name: value for name, value in scrape().items() if name.startswith("kaireon_delivery_attempts_total") and value
    }


@pytest.mark.parametrize(
    ("answer", "label", "outcome"),
    [
        (Answer(status=204), "2xx", "delivered"),
        (Answer(status=302, headers={"Location": "/"}), "3xx", "dead"),
        (Answer(status=404), "4xx", "dead"),
        (Answer(status=429), "4xx", "retry"),
        (Answer(status=503), "5xx", "retry"),
        (Answer(hangs=True), "timeout", "retry"),
        (Answer(resets=True), "network", "retry"),
    ],
    ids=["204", "302", "404", "429", "503", "hangs", "resets"],
)
def test_attempts_are_told_apart_by_how_the_host_answered(
    answer: Answer,
    label: str,
    outcome: str,
    scrape: Scrape,
    receiver: Receiver,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.DELIVERY_TOTAL_SECONDS = 0.5
    receiver.answer(answer)
    enqueue_all([{"source": "nobody"}], url=receiver.url)
    found = send_and_scrape(django_capture_on_commit_callbacks, scrape)
    assert found == {_ATTEMPTS.format(answer=label, outcome=outcome): 1}


@pytest.mark.parametrize(
    ("url", "label", "outcome"),
    [
        ("http://127.0.0.1:1/", "network", "retry"),
        ("https://no-such-host.invalid/", "network", "retry"),
        ("http://169.254.169.254/", "refused", "dead"),
    ],
)
def test_attempts_that_never_reach_a_host_are_told_apart_too(
    url: str,
    label: str,
    outcome: str,
    scrape: Scrape,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    enqueue_all([{"source": "nobody"}], url=url)
    found = send_and_scrape(django_capture_on_commit_callbacks, scrape)
    assert found == {_ATTEMPTS.format(answer=label, outcome=outcome): 1}


def test_a_certificate_that_is_not_trusted_is_told_apart(
    tmp_path: Path,
    scrape: Scrape,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    server = TlsServer(Authority(tmp_path).issue("127.0.0.1"))
    try:
        enqueue_all([{"source": "nobody"}], url=f"https://127.0.0.1:{server.port}/")
        found = send_and_scrape(django_capture_on_commit_callbacks, scrape)
    finally:
        server.close()
    assert found == {_ATTEMPTS.format(answer="tls", outcome="retry"): 1}


def test_all_series_of_attempts_are_there_from_the_first_scrape_on(scrape: Scrape) -> None:
    series = [name for name in scrape() if name.startswith("kaireon_delivery_attempts_total")]
    assert len(series) == len(Kind.values) * 3 * len(ANSWERS)


def fill(table: str, count: int) -> None:
    """Rows that are done with, as a long-lived installation has them."""
    events = """
        INSERT INTO events_event (event_id, event_type, customer_id, occurred_at, received_at, properties, source,
                                  cause, depth, lane, status, attempts, error, decisions)
        SELECT 'old_' || n, 'purchase', 'c' || n, now(), now(), '{}', 'api', '', 0, n %% 16, 'processed', 0, '', '[]'
          FROM generate_series(1, %s) n
    """
    deliveries = """
        INSERT INTO delivery_delivery (id, created_at, source, source_id, firing_id, event_id, url, host, method,
                                       headers, body, secret_nonce, status, reason, attempts, retries, is_redelivery,
                                       last_error)
        SELECT 'dlv_' || n, now(), 'trigger', 't', 'f', 'e', 'https://example.com/', 'example.com:443', 'POST', '{}',
               '{}', '', 'delivered', '', 1, 0, false, ''
          FROM generate_series(1, %s) n
    """
    with connection.cursor() as cursor:
        cursor.execute(events if table == "events_event" else deliveries, [count])
        cursor.execute(f"ANALYZE {table}")


def rows_read(table: str) -> tuple[int, int]:
    """How many rows this transaction has read from `table`: by walking through it, and by an index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(pg_stat_get_xact_tuples_returned(%s::regclass), 0),"
            " coalesce(pg_stat_get_xact_tuples_fetched(%s::regclass), 0)",
            [table, table],
        )
        walked, fetched = cursor.fetchone()
    return int(walked), int(fetched)


@pytest.mark.parametrize("table", ["events_event", "delivery_delivery"])
def test_a_scrape_reads_what_waits_and_nothing_of_what_is_done(table: str, scrape: Scrape, receiver: Receiver) -> None:
    fill(table, 20_000)
    ingest([{"eventType": "purchase", "customerId": f"c{n}"} for n in range(30)], source="api", now=clock.now())
    enqueue_all([{"firing_id": f"fir_{n}"} for n in range(30)], url=receiver.url)
    walked, fetched = rows_read(table)
    found = scrape()
    walked_after, fetched_after = rows_read(table)
    assert found["kaireon_events_pending"] == 30
    assert found["kaireon_deliveries_pending"] == 30
    assert walked_after == walked
    # Each of those that wait, and the oldest of each lane.
    assert fetched_after - fetched <= 30 + 16


def test_lanes_show_what_waits_and_for_how_long(scrape: Scrape, db: None) -> None:
    an_hour_ago = clock.now().replace(microsecond=0)
    ingest([{"eventType": "purchase", "customerId": "ada"}] * 3, source="api", now=an_hour_ago)
    ingest({"eventType": "purchase", "customerId": "bob"}, source="api", now=clock.now())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE events_event SET received_at = now() - interval '1 hour' WHERE customer_id = 'ada'")
        cursor.execute("SELECT DISTINCT customer_id, lane FROM events_event")
        lane_of: dict[str, int] = dict(cursor.fetchall())
    found = scrape()
    assert found[f'kaireon_events_waiting{{lane="{lane_of["ada"]}"}}'] == 3
    assert found[f'kaireon_events_waiting{{lane="{lane_of["bob"]}"}}'] == 1
    assert found["kaireon_events_pending"] == 4
    assert 3600 <= found[f'kaireon_events_oldest_seconds{{lane="{lane_of["ada"]}"}}'] < 3660
    assert found[f'kaireon_events_oldest_seconds{{lane="{lane_of["bob"]}"}}'] < 60
    assert found["kaireon_events_lag_seconds"] == found[f'kaireon_events_oldest_seconds{{lane="{lane_of["ada"]}"}}']
    assert sum(name.startswith("kaireon_events_waiting{") for name in found) == 16


def test_without_redis_a_scrape_shows_what_the_database_knows_and_says_what_is_away(
    scrape: Scrape, own_redis: OwnRedis
) -> None:
    assert scrape()['kaireon_reachable{service="redis"}'] == 1
    own_redis.stop()
    found = scrape()
    assert found['kaireon_reachable{service="redis"}'] == 0
    assert found['kaireon_reachable{service="postgresql"}'] == 1
    assert found["kaireon_events_pending"] == 0
    assert not any(name.startswith("kaireon_processes") for name in found)


def test_requests_are_counted_by_the_class_of_their_answer(scrape: Scrape, viewer_api: Any) -> None:
    viewer_api.get("/api/v1/triggers")
    viewer_api.get("/api/v1/triggers/none")
    viewer_api.get("/healthz")
    found = scrape()
    assert found['kaireon_http_requests_total{status="2xx"}'] == 1
    assert found['kaireon_http_requests_total{status="4xx"}'] == 1
    assert found["kaireon_http_request_seconds_count"] == 2


def test_counting_starts_no_more_than_one_thread_however_much_is_counted(db: None) -> None:
    before = threading.active_count()
    for _ in range(1000):
        telling.ACCEPTED.add(source="api")
    assert threading.active_count() <= before + 1
    counters.forget()


def test_deliveries_that_are_held_or_dead_are_counted(scrape: Scrape, receiver: Receiver) -> None:
    enqueue_all([{"firing_id": f"fir_{n}"} for n in range(3)], url=receiver.url)
    first, second, _ = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(status="dead", next_attempt_at=None)
    Delivery.objects.filter(pk=second.pk).update(status="held", next_attempt_at=None)
    found = scrape()
    assert [found[f"kaireon_deliveries_{status}"] for status in ("pending", "held", "dead")] == [1, 1, 1]
