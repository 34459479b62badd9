"""/readyz on its own: each thing that can be missing, and what is said then."""

import os
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from rest_framework.test import APIClient

from kaireon.core import clock, heartbeat, signs_of_life
from kaireon.core.redis import redis_client
from kaireon.events.ingestion import ingest
from tests.outside.conftest import OwnRedis


@pytest.fixture
def workers(db: None) -> None:
    """Both queues have a worker that was heard of."""
    for queue in heartbeat.QUEUES:
        heartbeat.beat(queue)


def problems(api: APIClient) -> list[str]:
    response = api.get("/readyz")
    found: list[str] = response.json()["problems"]
    assert response.status_code == (503 if found else 200)
    return found


def test_it_is_ready_where_nothing_is_missing(workers: None, anonymous_api: APIClient) -> None:
    assert problems(anonymous_api) == []
    assert anonymous_api.get("/healthz").json() == {"status": "ok"}


def test_without_a_sign_of_life_of_a_worker_it_is_not(db: None, anonymous_api: APIClient) -> None:
    heartbeat.beat("events")
    assert problems(anonymous_api) == ["no worker of the queue delivery is heard of"]


def test_events_that_wait_for_too_long_are_missed_and_those_to_be_tried_again_are_not(
    workers: None, anonymous_api: APIClient
) -> None:
    ingest({"eventId": "e1", "eventType": "purchase"}, source="api", now=clock.now() - timedelta(seconds=61))
    assert problems(anonymous_api) == ["events have been waiting for 61 s"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE events_event SET attempts = 1")
    assert problems(anonymous_api) == []
    ingest({"eventId": "e2", "eventType": "purchase"}, source="api", now=clock.now() - timedelta(seconds=55))
    assert problems(anonymous_api) == []


@pytest.fixture
def evicting(db: None) -> Iterator[None]:
    redis_client().config_set("maxmemory-policy", "allkeys-lru")
    yield
    redis_client().config_set("maxmemory-policy", "noeviction")


def test_a_redis_that_evicts_keys_is_not_good_enough(workers: None, evicting: None, anonymous_api: APIClient) -> None:
    assert problems(anonymous_api) == [
        "Redis' maxmemory-policy is allkeys-lru; with anything but noeviction cooldowns get lost"
    ]


def test_without_redis_it_says_so(db: None, own_redis: OwnRedis, anonymous_api: APIClient) -> None:
    own_redis.stop()
    assert problems(anonymous_api) == ["Redis does not answer"]
    assert anonymous_api.get("/healthz").status_code == 200


def test_a_sign_of_life_counts_for_its_program_and_its_machine_alone(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    signs_of_life.show("events")
    assert signs_of_life.lives_here("events")
    assert not signs_of_life.lives_here("delivery")
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    assert not signs_of_life.lives_here("events")
    signs_of_life.show("events")
    assert signs_of_life.living() == {"events": 2, "delivery": 0, "beat": 0}


def test_a_sign_of_life_that_is_old_counts_no_more(db: None) -> None:
    signs_of_life.show("beat")
    redis_client().zincrby("signs-of-life", -30, f"beat@{socket.gethostname()}:{os.getpid()}")
    assert not signs_of_life.lives_here("beat")
    assert signs_of_life.lives_here("beat", within_seconds=60)
    assert signs_of_life.living()["beat"] == 0
