"""What a trigger decided over some time, as a chart, a table and a funnel show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.urls import reverse

from kaireon.core.clock import iso
from kaireon.core.ids import first_id_at
from kaireon.delivery.models import Status as DeliveryStatus
from kaireon.delivery.outbox import PREFIX as DELIVERY_PREFIX
from triggers.actions.base import SOURCE
from triggers.models import Outcome, Trigger
from triggers.tallies import Counts, series, total


@dataclass(frozen=True, slots=True)
class Range:
    """How far back the chart goes, and how much time a bar stands for. `format` names a bar's beginning."""

    label: str
    words: str
    length: timedelta
    step: timedelta
    format: str


RANGES: Mapping[str, Range] = {
    "24h": Range("24 h", "the last 24 hours", timedelta(hours=24), timedelta(hours=1), "%H:%M"),
    "7d": Range("7 d", "the last 7 days", timedelta(days=7), timedelta(hours=6), "%a %H:%M"),
    "30d": Range("30 d", "the last 30 days", timedelta(days=30), timedelta(days=1), "%-d %b"),
}
DEFAULT_RANGE = "24h"


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of bar. `is_on` says whether it is drawn at first."""

    name: str
    label: str
    total: int
    is_on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`bars` are (words for the time, its counts); `data` is what the script draws."""

    series: Sequence[Series]
    bars: Sequence[tuple[str, Counts]]
    since: datetime
    sums: Counts
    data: Mapping[str, Any]


# An attribute of Counts, and what it is called.
_SERIES = (
    ("done", "Fired"),
    ("failed", "Failed"),
    ("cooldown", "In cooldown"),
    ("missing_customer", "No customer"),
    ("loop_stopped", "Loop stopped"),
    ("condition_false", "Condition not met"),
)
_OFF_AT_FIRST = {"condition_false"}
"""Mostly so many that nothing else could be seen beside them."""


def chart_of(trigger_id: str, wanted: Range, *, now: datetime) -> Chart:
    """The chart of the trigger, in one query. The last bar is that of the running hour, or day, in UTC."""
    until = _next(now, wanted.step)
    bars = series(trigger_id, since=until - wanted.length, until=until, step=wanted.step)
    named = [(f"{begin:{wanted.format}}", counts) for begin, counts in bars]
    sums = total([counts for _, counts in bars])
    kinds = [Series(name, label, getattr(sums, name), name not in _OFF_AT_FIRST) for name, label in _SERIES]
    return Chart(
        series=kinds,
        bars=named,
        since=until - wanted.length,
        sums=sums,
        data={
            "labels": [name for name, _ in named],
            "series": [
                {"name": name, "label": label, "values": [getattr(counts, name) for _, counts in bars]}
                for name, label in _SERIES
            ],
        },
    )


def _next(now: datetime, step: timedelta) -> datetime:
    """Where the step ends that `now` is in; steps are counted from midnight."""
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
    return midnight + step * ((now - midnight) // step + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Why some came no further."""

    label: str
    number: int
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A step of the funnel. `percent` is its share of the step before, None where nothing came so far; `whole` is what
    its bar is drawn against."""

    label: str
    number: int
    whole: int
    url: str
    percent: int | None
    losses: Sequence[Loss]
    note: str = ""


MOST_DELIVERIES = 10_000
_DELIVERIES = """
    SELECT status, count(*) FROM (
        SELECT status FROM delivery_delivery WHERE source_id = %s AND source = %s AND id >= %s
        ORDER BY id DESC LIMIT %s
    ) AS latest GROUP BY status
"""


def funnel_of(trigger: Trigger, chart: Chart, *, now: datetime) -> Sequence[Stage]:
    """From the events that the trigger looked at to what was delivered, in one query.

    The last step is there only where something was handed to delivery, and counts the latest 10,000 deliveries.
    """
    sums = chart.sums
    since = iso(chart.since)
    events = f"{reverse('studio-events')}?{urlencode({'event_type': trigger.event_type, 'since': since})}"
    firings = reverse("studio-trigger-firings", args=[trigger.pk])

    def fired(**more: str) -> str:
        return f"{firings}?{urlencode({**more, 'since': since})}"

    done = sums.succeeded + sums.queued
    stages = [
        Stage(
            label="Events looked at",
            number=sums.matched,
            whole=sums.matched,
            url=events,
            percent=None,
            losses=_losses(Loss(label="condition not met", number=sums.condition_false)),
        ),
        Stage(
            label="Condition met",
            number=sums.held,
            whole=sums.matched,
            url=events,
            percent=_percent(sums.held, sums.matched),
            losses=_losses(
                Loss(label="in cooldown", number=sums.cooldown),
                Loss(label="without a customer", number=sums.missing_customer),
                Loss(label="stopped as a loop", number=sums.loop_stopped),
            ),
        ),
        Stage(
            label="Fired",
            number=sums.fired,
            whole=sums.matched,
            url=fired(),
            percent=_percent(sums.fired, sums.held),
            losses=_losses(
                Loss(label="failed", number=sums.failed, url=fired(outcome=Outcome.FAILED)),
                Loss(label="had nothing to do", number=sums.skipped, url=fired(outcome=Outcome.SKIPPED)),
            ),
        ),
        Stage(
            label="Action done or handed to delivery",
            number=done,
            whole=sums.matched,
            url=fired(outcome=Outcome.QUEUED if sums.queued > sums.succeeded else Outcome.SUCCEEDED),
            percent=_percent(done, sums.fired),
            losses=(),
        ),
    ]
    if sums.queued:
        stages.append(_delivered(trigger, chart.since))
    return stages


def _delivered(trigger: Trigger, since: datetime) -> Stage:
    with connection.cursor() as cursor:
        cursor.execute(_DELIVERIES, [trigger.pk, SOURCE, first_id_at(DELIVERY_PREFIX, since), MOST_DELIVERIES])
        found: dict[str, int] = dict(cursor.fetchall())
    number = sum(found.values())
    delivered = found.pop(DeliveryStatus.DELIVERED, 0)
    query = {"source_id": trigger.pk, "since": iso(since)}

    def deliveries(**more: str) -> str:
        return f"{reverse('studio-deliveries')}?{urlencode({**query, **more})}"

    words = {"pending": "waiting", "held": "held", "dead": "given up", "cancelled": "cancelled"}
    return Stage(
        label="Delivered",
        number=delivered,
        whole=number,
        url=deliveries(status=DeliveryStatus.DELIVERED),
        percent=_percent(delivered, number),
        losses=_losses(
            *(Loss(label=words[status], number=found.get(status, 0), url=deliveries(status=status)) for status in words)
        ),
        note=f"of the latest {MOST_DELIVERIES:,} deliveries" if number == MOST_DELIVERIES else "of its deliveries",
    )


def _losses(*losses: Loss) -> Sequence[Loss]:
    return [loss for loss in losses if loss.number]


def _percent(part: int, whole: int) -> int | None:
    """Rounded down: 100 means all."""
    return part * 100 // whole if whole else None
