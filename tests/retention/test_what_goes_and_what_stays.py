"""What is past its age goes, whole and to the row; what somebody still needs stays."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from pytest_django import Settings

from audit.models import Entry
from kaireon.core import clock, retention
from kaireon.core.ids import first_id_at, time_ordered_id
from kaireon.core.redis import redis_client
from kaireon.decisioning.models import InboxMessage, Interaction, Recommendation
from kaireon.delivery.circuits import Seen, Sign, observe
from kaireon.delivery.models import Attempt, Circuit, Delivery, Status
from kaireon.delivery.redelivery import redeliver
from kaireon.events.models import Event, StreamDeadLetter
from kaireon.journeys.models import Enrolment, EnrolmentStatus
from tests.retention import aged
from tests.triggers.fixtures import Send, decisions, process_all
from triggers.engine.tally import add_to_tallies
from triggers.models import Asked, Firing, Listener, Tally, Trigger

pytestmark = pytest.mark.django_db

DAYS = 30


@pytest.fixture(autouse=True)
def _thirty_days(settings: Settings) -> None:
    settings.RETENTION_DAYS = dict.fromkeys(settings.RETENTION_DAYS, DAYS)


def run() -> dict[str, int]:
    return retention.run(now=clock.now())


def test_each_kind_of_row_goes_at_its_age_and_not_before() -> None:
    for days in (29.9, 30.1, 400):
        aged.event(days)
        aged.delivery(days, attempts=2)
        aged.firing(days)
        aged.enrolment(days)
        aged.recommendation(days)
        aged.outcome(days)
        aged.message(days)
        at = clock.now() - timedelta(days=days)
        StreamDeadLetter.objects.create(source="kafka", position=str(days), reason="", received_at=at)
        # An hour is past its age when it is over for as long.
        add_to_tallies(
            {("trg_t", "succeeded"): 1, ("trg_t", "cooldown"): 2},
            {},
            state=1,
            lane=3,
            now=at - timedelta(hours=2 * (days > DAYS)),
        )
    assert run() == {
        "events": 2,
        "deliveries": 2,
        "firings": 2,
        "tallies": 4,
        "enrolments": 2,
        "recommendations": 2,
        "outcomes": 2,
        "messages": 2,
        "dead letters": 2,
    }
    for model in (Event, Delivery, Firing, Enrolment, Recommendation, Interaction, InboxMessage, StreamDeadLetter):
        assert model.objects.count() == 1, model
    assert Attempt.objects.count() == 2
    assert Tally.objects.count() == 2
    assert run() == {}


@pytest.mark.parametrize(
    ("events", "tallies", "left"), [(30, 60, [40, 1]), (60, 30, [40, 1]), (30, 30, [1]), (0, 30, [70, 40, 1])]
)
def test_a_version_that_listened_goes_when_no_event_and_no_tally_of_its_time_is_left(
    settings: Settings, events: int, tallies: int, left: list[int]
) -> None:
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "events": events, "tallies": tallies}
    now = clock.now()
    listener = {"trigger_id": "trg_t", "event_type": "purchase", "priority": 50, "condition": {}}
    for version, days in ((1, 70), (2, 40), (3, 1)):
        ended_at = now - timedelta(days=days)
        Listener.objects.create(**listener, version=version, since=version, until=version + 1, ended_at=ended_at)
    Listener.objects.create(**listener, version=4, since=4)
    run()
    found = Listener.objects.filter(until__isnull=False).order_by("since")
    assert [round((now - one.ended_at) / timedelta(days=1)) for one in found if one.ended_at] == left
    assert Listener.objects.filter(until=None).count() == 1


def test_what_was_asked_goes_with_the_tallies() -> None:
    for days in (29.9, 30.1, 400):
        at = clock.now() - timedelta(days=days) - timedelta(hours=2 * (days > DAYS))
        add_to_tallies({}, {"purchase": 3}, state=1, lane=0, now=at)
    assert run() == {"tallies": 2}
    assert Asked.objects.count() == 1


def test_0_keeps_for_ever(settings: Settings) -> None:
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "events": 0}
    aged.event(4000)
    aged.firing(4000)
    assert run() == {"firings": 1}
    assert Event.objects.count() == 1


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_an_event_that_waits_or_has_failed_stays(status: str) -> None:
    kept = aged.event(40, status=status)
    aged.event(40)
    assert run() == {"events": 1}
    assert Event.objects.get() == kept


@pytest.mark.parametrize("status", [Status.PENDING, Status.HELD])
def test_what_a_delivery_that_is_still_to_be_sent_came_of_stays_until_it_has_ended(status: Status) -> None:
    event = aged.event(40)
    firing = aged.firing(40, event_id=event.event_id)
    delivery = aged.delivery(40, status=status, event_id=event.event_id, firing_id=firing.pk)
    assert run() == {}
    Delivery.objects.filter(pk=delivery.pk).update(status=Status.DELIVERED, next_attempt_at=None)
    assert run() == {"events": 1, "firings": 1, "deliveries": 1}
    assert Attempt.objects.count() == 0


def test_a_delivery_that_ended_lately_stays_however_long_it_was_held() -> None:
    delivery = aged.delivery(40)
    aged.tried(delivery, days=29, number=2)
    assert run() == {}
    assert Attempt.objects.count() == 2


def test_a_delivery_that_may_still_be_on_its_way_stays() -> None:
    aged.delivery(40, status=Status.CANCELLED, leased_until=clock.now() - timedelta(minutes=59))
    aged.delivery(40, status=Status.CANCELLED, leased_until=clock.now() - timedelta(minutes=61))
    assert run() == {"deliveries": 1}


def test_a_dead_delivery_that_is_sent_again_is_pending_and_stays() -> None:
    delivery = aged.delivery(40, status=Status.DEAD)
    redeliver(delivery=delivery, now=clock.now())
    assert run() == {}


def test_a_firing_stays_until_its_triggers_cooldown_has_elapsed(
    make_trigger: Callable[..., Trigger],
) -> None:
    trigger = make_trigger(cooldownMs=60 * 24 * 3600 * 1000)
    other = make_trigger(cooldownMs=0)
    for days in (31, 59, 61, 400):
        aged.firing(days, trigger_id=trigger.pk)
        aged.firing(days, trigger_id=other.pk)
    assert run() == {"firings": 6}
    ages = [(clock.now() - at).days for at in Firing.objects.order_by("-fired_at").values_list("fired_at", flat=True)]
    assert ages == [31, 59]


def test_a_cooldown_holds_after_a_run_and_an_empty_redis(
    make_trigger: Callable[..., Trigger], make_customer: Callable[..., None], send: Send
) -> None:
    """Cooldowns are rebuilt from firings: without them the trigger would fire again."""
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=60 * 24 * 3600 * 1000)
    assert decisions(send()) == {trigger.pk: "fired"}
    Firing.objects.update(fired_at=clock.now() - timedelta(days=40))
    Event.objects.update(received_at=clock.now() - timedelta(days=40))
    assert run() == {"events": 3}
    redis_client().flushdb()
    assert decisions(send()) == {trigger.pk: "cooldown"}


def test_control_without_the_firing_it_fires_again(
    make_trigger: Callable[..., Trigger], make_customer: Callable[..., None], send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=60 * 24 * 3600 * 1000)
    send()
    Firing.objects.all().delete()
    redis_client().flushdb()
    assert decisions(send()) == {trigger.pk: "fired"}


def test_a_firing_stays_while_its_event_waits_or_has_failed() -> None:
    """A replay finds by it that the trigger has fired."""
    for status in ("pending", "failed", "processed"):
        event = aged.event(40, status=status)
        aged.firing(40, event_id=event.event_id)
    assert run() == {"events": 1, "firings": 1}


def test_what_an_enrolment_under_way_came_of_and_what_it_asked_for_stay() -> None:
    event, firing = aged.event(40), aged.firing(40)
    active = aged.enrolment(40, status=EnrolmentStatus.ACTIVE, cause=event.event_id)
    by_firing = aged.enrolment(40, status=EnrolmentStatus.ACTIVE, cause=firing.pk)
    aged.recommendation(40, cause=active.pk)
    assert run() == {}
    for enrolment in (active, by_firing):
        Enrolment.objects.filter(pk=enrolment.pk).update(status="exited", completed_at=clock.now())
    assert run() == {"events": 1, "firings": 1, "recommendations": 1}
    assert Enrolment.objects.count() == 2


def test_an_id_whose_event_is_gone_is_a_new_event_and_one_whose_event_is_there_a_duplicate(send: Send) -> None:
    send(eventId="order-1")
    assert Event.objects.count() == 1
    send(eventId="order-1")
    assert Event.objects.count() == 1
    Event.objects.update(received_at=clock.now() - timedelta(days=40))
    run()
    send(eventId="order-1")
    assert Event.objects.get().received_at > clock.now() - timedelta(minutes=1)


def test_such_an_event_fires_nothing_twice_while_its_firing_is_there(
    make_trigger: Callable[..., Trigger], make_customer: Callable[..., None], send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger()
    send(eventId="order-1")
    Event.objects.all().delete()
    again = send(eventId="order-1")
    assert again.status == "pending"
    Event.objects.update(next_attempt_at=clock.now() - timedelta(seconds=1))
    process_all()
    again.refresh_from_db()
    assert (again.status, decisions(again)) == ("processed", {trigger.pk: "fired"})
    assert Firing.objects.filter(event_id="order-1").count() == 1


def test_more_than_a_batch_goes_in_one_run_and_kept_rows_in_between_hold_nothing_up() -> None:
    at = clock.now() - timedelta(days=40)
    Event.objects.bulk_create(
        Event(
            event_id=f"m{number}",
            event_type="purchase",
            # The very same moment, as it is with those of one request.
            occurred_at=at,
            received_at=at,
            source="api",
            lane=0,
            # The first batch is kept as a whole.
            status="processed" if number >= 1500 else "failed",
        )
        for number in range(4200)
    )
    assert run() == {"events": 2700}
    assert Event.objects.filter(status="failed").count() == 1500


def test_kept_ones_in_the_way_are_walked_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that another package keeps are found in each batch, and the next batch goes on behind them."""
    monkeypatch.setattr("kaireon.events.retention.BATCH_SIZE", 10)
    at = clock.now() - timedelta(days=50)
    kept = [aged.event(50, received_at=at) for _ in range(25)]
    for event in kept:
        aged.enrolment(40, status=EnrolmentStatus.ACTIVE, cause=event.event_id)
    for _ in range(25):
        aged.event(40)
    assert run() == {"events": 25}
    assert set(Event.objects.values_list("event_id", flat=True)) == {event.event_id for event in kept}


def test_a_run_ends_in_its_time_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kaireon.events.retention.BATCH_SIZE", 10)
    monkeypatch.setattr(retention, "_rules", {"events": retention._rules["events"]})
    for _ in range(25):
        aged.event(40)
    assert [retention.run(now=clock.now(), run_seconds=0) for _ in range(4)] == [
        {"events": 10},
        {"events": 10},
        {"events": 5},
        {},
    ]


def test_expired_sessions_go_the_day_after() -> None:
    for days in (-1, 0.5, 2):
        Session.objects.create(session_key=str(days), session_data="", expire_date=clock.now() - timedelta(days=days))
    assert run() == {"sessions": 1}


def test_circuits_of_receivers_that_have_long_been_well_go() -> None:
    long_ago = clock.now() - timedelta(days=40)
    for sign in (Sign.FAILED, Sign.ANSWERED):
        observe([Seen("shop.example:443", "dlv_1", None, long_ago, sign, "")], now=long_ago)
    assert Circuit.objects.count() == 1
    run()
    assert Circuit.objects.count() == 0


def test_the_audit_log_is_left_alone(make_trigger: Callable[..., Trigger]) -> None:
    make_trigger()
    before = Entry.objects.count()
    assert before > 0
    run()
    assert Entry.objects.count() == before


def test_ids_made_before_a_moment_sort_below_it() -> None:
    before = time_ordered_id("rec_")
    assert first_id_at("rec_", clock.now() - timedelta(seconds=1)) < before
    assert before < first_id_at("rec_", clock.now() + timedelta(seconds=1))
