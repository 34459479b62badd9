"""Numbers for Prometheus: what waits is asked of PostgreSQL, what has happened was counted by all processes."""

from collections.abc import Callable, Iterator

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import RedisError

from kaireon.core import clock, counters, middleware, signs_of_life
from kaireon.delivery import telling as delivery_telling
from kaireon.delivery.models import Status
from kaireon.events import telling as events_telling
from kaireon.events.models import StreamProgress
from kaireon.health import backlog
from triggers.engine import records

# What the other programs count is known here once these are imported; a web server would need some of them for nothing
# else.
COUNTING = (middleware, events_telling, records, delivery_telling)


class _Everything(Collector):
    """One scrape. What can't be read is left out, and `kaireon_reachable` says why."""

    def collect(self) -> Iterator[Metric]:
        reachable = GaugeMetricFamily(
            "kaireon_reachable", "Whether the web server that was asked reaches it", labels=["service"]
        )
        for service, error, read in (("postgresql", DatabaseError, _stored), ("redis", RedisError, _shared)):
            found = _all_or_nothing(read, error)
            reachable.add_metric([service], float(found is not None))
            yield from found or ()
        yield reachable


def _all_or_nothing(read: Callable[[], Iterator[Metric]], error: type[Exception]) -> list[Metric] | None:
    try:
        return list(read())
    except error:
        return None


def _stored() -> Iterator[Metric]:
    lanes = backlog.lanes(now=clock.now())
    yield GaugeMetricFamily(
        "kaireon_events_lag_seconds",
        "Age of the oldest untried event",
        value=max(lane.oldest_seconds for lane in lanes),
    )
    waiting = GaugeMetricFamily(
        "kaireon_events_waiting", f"Events that wait, at most {backlog.MOST_PER_LANE} of a lane", labels=["lane"]
    )
    oldest = GaugeMetricFamily("kaireon_events_oldest_seconds", "Age of a lane's oldest untried event", labels=["lane"])
    for lane in lanes:
        waiting.add_metric([str(lane.number)], lane.waiting)
        oldest.add_metric([str(lane.number)], lane.oldest_seconds)
    yield from (waiting, oldest)
    yield GaugeMetricFamily(
        "kaireon_events_pending", "Events that wait, in all lanes", value=sum(lane.waiting for lane in lanes)
    )
    yield GaugeMetricFamily("kaireon_events_failed", "Events that are failed", value=backlog.failed_events())
    for status in (Status.PENDING, Status.HELD, Status.DEAD):
        yield GaugeMetricFamily(
            f"kaireon_deliveries_{status}", f"Deliveries that are {status}", value=backlog.deliveries(status)
        )
    yield GaugeMetricFamily(
        "kaireon_circuits_open", "Receivers that are sent nothing but probes", value=backlog.open_circuits()
    )
    yield GaugeMetricFamily(
        "kaireon_audit_unsealed", "Entries of the audit log that no seal covers yet", value=backlog.unsealed_entries()
    )
    yield from _streams()


def _streams() -> Iterator[Metric]:
    """How far groups have come in streams, as their consumers have reported last."""
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


def _shared() -> Iterator[Metric]:
    processes = GaugeMetricFamily(
        "kaireon_processes",
        f"Workers, and beats, that were heard of in the last {signs_of_life.SILENT_AFTER_SECONDS:.0f} s",
        labels=["program"],
    )
    for program, count in signs_of_life.living().items():
        processes.add_metric([program], count)
    yield processes
    yield from counters.families()


_registry = CollectorRegistry(auto_describe=False)
_registry.register(_Everything())


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, with what can be read; a part that is away does not hide the others."""
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)
