"""Whether the process lives, whether the installation can work, and numbers for Prometheus."""

from collections.abc import Iterator

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import RedisError, ResponseError

from kaireon.core import clock
from kaireon.core.heartbeat import silent_queues
from kaireon.core.redis import redis_client
from kaireon.delivery.models import Delivery, Status
from kaireon.events.models import Event, EventStatus, StreamProgress

# Events that wait for longer than this mean that nobody works them off.
MAX_LAG_SECONDS = 60.0


def live(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """200 where events can be accepted and are processed; else 503 with what is missing."""
    problems = _problems()
    return JsonResponse(
        {"status": "unavailable" if problems else "ok", "problems": problems}, status=503 if problems else 200
    )


def _problems() -> list[str]:
    problems = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        lag_seconds = _lag_seconds()
        if lag_seconds > MAX_LAG_SECONDS:
            problems.append(f"events have been waiting for {lag_seconds:.0f} s")
    except DatabaseError:
        problems.append("PostgreSQL does not answer")
    try:
        problems.extend(_redis_problems())
        problems.extend(f"no worker of the queue {queue} is heard of" for queue in silent_queues())
    except RedisError:
        problems.append("Redis does not answer")
    return problems


def _redis_problems() -> list[str]:
    try:
        policy = redis_client().config_get("maxmemory-policy").get("maxmemory-policy")
    except ResponseError:  # hosted Redis may forbid CONFIG
        return []
    if policy == "noeviction":
        return []
    return [f"Redis' maxmemory-policy is {policy}; with anything but noeviction cooldowns get lost"]


def _lag_seconds() -> float:
    """How long the oldest event that was not tried yet has been waiting."""
    oldest = (
        Event.objects.filter(status=EventStatus.PENDING, attempts=0)
        .order_by("sequence")
        .values_list("received_at", flat=True)
        .first()
    )
    return 0.0 if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())


class _Backlog(Collector):
    """What waits and what has failed, counted when Prometheus asks."""

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("kaireon_events_lag_seconds", "Age of the oldest untried event", value=_lag_seconds())
        for status in (EventStatus.PENDING, EventStatus.FAILED):
            yield GaugeMetricFamily(
                f"kaireon_events_{status}",
                f"Events that are {status}",
                value=Event.objects.filter(status=status).count(),
            )
        for state in (Status.PENDING, Status.HELD, Status.DEAD):
            yield GaugeMetricFamily(
                f"kaireon_deliveries_{state}",
                f"Deliveries that are {state}",
                value=Delivery.objects.filter(status=state).count(),
            )


class _Streams(Collector):
    """How far groups have come in streams, as their consumers have reported last."""

    def collect(self) -> Iterator[Metric]:
        names = ["source", "stream", "group"]
        lag = GaugeMetricFamily("kaireon_stream_lag", "Messages that the group has not acknowledged", labels=names)
        events = CounterMetricFamily("kaireon_stream_events", "Events stored out of a stream", labels=names)
        dead = CounterMetricFamily("kaireon_stream_dead_letters", "Messages of a stream set aside", labels=names)
        for progress in StreamProgress.objects.order_by("source", "stream", "group"):
            labels = [progress.source, progress.stream, progress.group]
            if progress.lag is not None:
                lag.add_metric(labels, progress.lag)
            events.add_metric(labels, progress.events_stored)
            dead.add_metric(labels, progress.dead_letters)
        yield from (lag, events, dead)


_registry = CollectorRegistry()
_registry.register(_Backlog())
_registry.register(_Streams())


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format; 503 where there is nothing to count."""
    try:
        return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)
    except DatabaseError:
        return HttpResponse("PostgreSQL does not answer.\n", content_type="text/plain; charset=utf-8", status=503)
