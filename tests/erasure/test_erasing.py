"""A customer is erased: nothing personal is left anywhere, and all guarantees hold."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.keys import KeysUnusable
from audit.models import Entry
from audit.verification import verify
from kaireon.core import clock
from kaireon.core.erasing import Batch
from kaireon.core.errors import Conflict, ValidationFailed
from kaireon.core.redis import redis_client
from kaireon.customers.models import Membership, Record
from kaireon.customers.segments import create_segment
from kaireon.decisioning.models import InboxMessage, Interaction, Recommendation
from kaireon.delivery.models import Attempt, Delivery
from kaireon.delivery.redelivery import redeliver
from kaireon.erasure.erasing import STEPS, Erasure, erase_customer
from kaireon.events.drain import drain_lanes
from kaireon.events.models import EventStatus, StreamDeadLetter
from kaireon.events.replay import replay
from kaireon.journeys.models import Enrolment
from tests.audit.tampering import seal_all, tamper
from tests.decisioning.deciding import make_channel, make_flow
from tests.factories import EventFactory, FiringFactory
from tests.journeys.building import line, make_journey, node
from tests.triggers.fixtures import Send, process_all
from triggers.models import Firing

pytestmark = pytest.mark.django_db

ADA = "ada@example.com/1"
# Stands for whatever is personal: it is in every value that ada's data consist of.
SECRET = "PERSONAL-7f3a"


def tables() -> list[str]:
    """All tables of the installation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        return sorted(row[0] for row in cursor.fetchall())


def holding(text: str) -> dict[str, int]:
    """In how many rows of which tables `text` stands, in whatever column."""
    found = {}
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f'SELECT count(*) FROM "{table}" AS one WHERE one::text LIKE %s', [f"%{text}%"])
            count = cursor.fetchone()[0]
            if count:
                found[table] = count
    return found


def erase(customer_id: str = ADA, **options: Any) -> Erasure:
    """Erases, without waiting for anything."""
    return erase_customer(customer_id, run_seconds=60, **options)


@pytest.fixture
def life(
    admin_api: APIClient, make_customer: Callable[..., None], make_trigger: Callable[..., Any], send: Send
) -> None:
    """Two customers who have been everywhere, with SECRET in all that is known of the first."""
    create_segment(
        segment_id=None,
        name="All",
        schema_id=None,
        criteria={"field": "customer.tier", "operator": "exists", "value": True},
        now=clock.now(),
    )
    for customer_id, secret in ((ADA, SECRET), ("bob", "BOBS")):
        make_customer(customer_id, tier=secret, event_count=1)
    assert admin_api.post("/api/v1/offers", {"id": "off_loan", "name": "Loan"}, format="json").status_code == 201
    offer = {"field": "customer.tier", "operator": "eq", "value": "nobody has this"}
    body = {"id": "off_other", "name": "Other", "eligibility": offer}
    assert admin_api.post("/api/v1/offers", body, format="json").status_code == 201
    make_flow()
    make_channel("in_app", config={"title": "Hello {{customer.tier}}", "body": "{{event.note}} {{offer.name}}"})
    make_channel("email", config={"to": "{{customer.tier}}@example.com", "subject": "s", "body": "{{customer.tier}}"})
    tier = {"field": "tier", "value": "{{event.note}}"}
    make_trigger(
        actionConfig={"schemaId": "schema_customer_profile", "updates": [tier]}, cooldownMs=3_600_000, id="trg_cooled"
    )
    make_trigger(
        actionType="webhook",
        actionConfig={
            "url": "https://hooks.example.com/",
            "method": "POST",
            "headers": {"x-tier": "{{customer.tier}}"},
            "bodyTemplate": {"note": "{{event.note}}"},
        },
    )
    for channel in ("ch_in_app", "ch_email"):
        recommend = {"decisionFlowId": "df_cross_sell", "channelId": channel, "deliverImmediately": True}
        make_trigger(actionType="fire_recommend", actionConfig=recommend)
    make_trigger(condition={"field": "note", "operator": "eq", "value": "nobody"})
    journey = make_journey(
        line(
            node("start", "entry_trigger", eventType="purchase"),
            node("next", "nba_decision", decisionFlowId="df_cross_sell"),
            node("pause", "wait", delayHours=1),
            node("end", "exit"),
        )
    )
    for customer_id, secret in ((ADA, SECRET), ("bob", "BOBS")):
        send("purchase", customer_id, properties={"note": f"{secret}-new"})
        recommendation = Recommendation.objects.filter(customer_id=customer_id).order_by("id")[0]
        answer = admin_api.post(
            "/api/v1/respond",
            {
                "customerId": customer_id,
                "outcome": "click",
                "idempotencyKey": f"key-{customer_id}",
                "recommendationId": recommendation.pk,
                "rank": 1,
                "conversionValue": 17.25,
                "metadata": {"said": secret},
                "context": {"where": secret},
            },
            format="json",
        )
        assert answer.status_code == 201, answer.content
        body = {"customerId": customer_id, "decisionFlowId": "df_cross_sell", "context": {"page": secret}}
        assert admin_api.post("/api/v1/recommend", body, format="json").status_code == 200
        StreamDeadLetter.objects.create(
            source="kafka",
            position=f"orders:0:{customer_id}",
            reason=f"customerId {secret} is odd",
            payload=f'{{"customer": "{customer_id}", "note": "{secret}"}}',
            received_at=clock.now(),
        )
    process_all()
    for delivery in Delivery.objects.filter(customer_id=ADA, kind="http"):
        Attempt.objects.create(
            delivery=delivery,
            number=1,
            started_at=clock.now(),
            duration_ms=1,
            response_excerpt=f"thanks {SECRET}",
            error=f"bad {SECRET}",
        )
        Delivery.objects.filter(pk=delivery.pk).update(
            status="dead", reason=f"Given up: {SECRET}", last_error=SECRET, next_attempt_at=None
        )
    assert Enrolment.objects.get(customer_id=ADA, journey_id=journey.pk).status == "active"


@pytest.mark.usefixtures("life")
def test_nothing_personal_is_left_in_any_table_and_the_chain_verifies() -> None:
    seal_all(batch_size=7)
    before, bobs = holding(SECRET), holding("BOBS")
    # The control: it has been everywhere.
    assert set(before) >= {
        "audit_entry",
        "customers_record",
        "decisioning_inboxmessage",
        "decisioning_interaction",
        "decisioning_recommendation",
        "delivery_attempt",
        "delivery_delivery",
        "events_event",
        "events_streamdeadletter",
        "journeys_enrolment",
        "triggers_firing",
    }
    done = erase()
    assert done.is_complete
    assert holding(SECRET) == {}
    assert holding("BOBS") == bobs
    assert all(count > 0 for count in done.erased.values()), done.erased
    assert not Record.objects.filter(customer_id=ADA).exists()
    assert not Membership.objects.filter(customer_id=ADA).exists()
    assert not InboxMessage.objects.filter(customer_id=ADA).exists()
    assert verify().findings == []
    seal_all()
    report = verify()
    assert (report.findings, report.entries) == ([], Entry.objects.count())


@pytest.mark.usefixtures("life")
def test_erased_entries_are_still_watched_over() -> None:
    seal_all()
    erase()
    seal_all()
    erased = list(Entry.objects.filter(facts_digest__isnull=False).order_by("id"))
    assert len(erased) > 3
    assert {entry.customer_id for entry in erased} == {ADA}
    assert {str(entry.facts) for entry in erased} == {"{'erased': True}"}
    tamper("UPDATE audit_entry SET facts = '{\"forged\": 1}', facts_digest = NULL WHERE id = %s", erased[0].pk)
    tamper("UPDATE audit_entry SET facts_digest = %s WHERE id = %s", bytes(erased[2].facts_digest or b""), erased[1].pk)
    assert [finding.entry_id for finding in verify().findings] == [erased[0].pk, erased[1].pk]


@pytest.mark.usefixtures("life")
def test_erasing_again_changes_nothing_but_the_log() -> None:
    erase()
    rows = snapshot()
    again = erase()
    assert (again.is_complete, set(again.erased.values())) == (True, {0})
    assert snapshot() == rows
    actions = list(Entry.objects.order_by("id").values_list("action", flat=True))
    assert actions[-4:] == ["customer.erasure_started", "customer.erased"] * 2


def snapshot() -> dict[str, list[str]]:
    """All rows of all tables but the audit log."""
    found = {}
    with connection.cursor() as cursor:
        for table in tables():
            if not table.startswith("audit_"):
                cursor.execute(f'SELECT one::text FROM "{table}" AS one')
                found[table] = sorted(row[0] for row in cursor.fetchall())
    return found


@pytest.mark.usefixtures("life")
def test_the_erasure_is_audited_without_anything_personal() -> None:
    done = erase()
    started, ended = Entry.objects.filter(action__startswith="customer.eras").order_by("id")
    assert (started.action, started.customer_id, started.facts) == ("customer.erasure_started", ADA, {})
    assert (ended.action, ended.customer_id) == ("customer.erased", ADA)
    assert ended.facts == {"erased": done.erased, "isComplete": True}


def test_waiting_and_failed_events_are_not_handled_any_more(
    make_trigger: Callable[..., Any], make_customer: Callable[..., None]
) -> None:
    make_trigger()
    make_customer("ada", event_count=0)
    waiting = EventFactory.create(customer_id="ada", status="pending", processed_at=None, properties={"a": SECRET})
    failed = EventFactory.create(
        customer_id="ada", status="failed", processed_at=None, error=f"broke: {SECRET}", properties={"a": SECRET}
    )
    assert erase("ada").is_complete
    process_all()
    for event in (waiting, failed):
        event.refresh_from_db()
        assert (event.status, event.properties, event.decisions) == (EventStatus.PROCESSED, {}, [])
        assert event.error == "The customer was erased before this event was handled."
    assert not Firing.objects.exists()
    with pytest.raises(Conflict):
        replay(event=failed)


def test_a_cooldown_holds_on_and_an_event_fires_once(
    make_trigger: Callable[..., Any], make_customer: Callable[..., None], send: Send
) -> None:
    make_customer("ada", event_count=0)
    make_trigger(cooldownMs=3_600_000)
    event = send("purchase", "ada", eventId="evt_once")
    assert [line["decision"] for line in event.decisions] == ["fired"]
    erase("ada")
    firing = Firing.objects.get()
    assert (firing.customer_id, firing.event_id, firing.detail) == ("ada", "evt_once", {})
    assert [line["decision"] for line in send("purchase", "ada").decisions] == ["cooldown"]
    redis_client().flushdb()  # claims are rebuilt from firings
    assert [line["decision"] for line in send("purchase", "ada").decisions] == ["cooldown"]
    assert Firing.objects.count() == 1


@pytest.mark.usefixtures("life")
def test_an_outcome_sent_again_is_still_the_same_one(admin_api: APIClient) -> None:
    erase()
    recorded = Interaction.objects.get(customer_id=ADA)
    body = {"customerId": ADA, "outcome": "click", "idempotencyKey": f"key-{ADA}"}
    answer = admin_api.post("/api/v1/respond", body, format="json")
    assert (answer.status_code, answer.json()["interactionId"]) == (200, recorded.pk)
    assert Interaction.objects.filter(customer_id=ADA).count() == 1


@pytest.mark.usefixtures("life")
def test_what_was_sent_can_not_be_sent_again() -> None:
    erase()
    deliveries = Delivery.objects.filter(customer_id=ADA)
    assert {delivery.status for delivery in deliveries} == {"dead", "cancelled"}
    for delivery in deliveries:
        with pytest.raises(Conflict, match="its customer was erased"):
            redeliver(delivery=delivery, now=clock.now())


@pytest.mark.usefixtures("life")
def test_everything_can_still_be_read_by_api(admin_api: APIClient) -> None:
    erase()
    firing = Firing.objects.filter(customer_id=ADA)[0]
    for path in (
        *(f"deliveries/{delivery.pk}" for delivery in Delivery.objects.filter(customer_id=ADA)),
        "deliveries",
        f"events/{firing.event_id}",
        f"events/{firing.event_id}/chain",
        f"triggers/{firing.trigger_id}/firings",
        f"journeys/{Enrolment.objects.filter(customer_id=ADA)[0].journey_id}/enrollments",
        f"customers/{ADA}/messages",
        "stream-dead-letters",
        "audit",
    ):
        answer = admin_api.get(f"/api/v1/{path}")
        assert answer.status_code == 200, path
        assert SECRET not in answer.content.decode()


@pytest.mark.usefixtures("life")
def test_what_is_on_its_way_is_erased_when_it_has_come_back() -> None:
    delivery = Delivery.objects.filter(customer_id=ADA, status="pending")[0]
    later = clock.now() + timedelta(seconds=60)
    Delivery.objects.filter(pk=delivery.pk).update(leased_until=later, attempts=1)
    assert not erase().is_complete
    waits: list[float] = []

    def come_back(seconds: float) -> None:
        waits.append(seconds)
        Delivery.objects.filter(pk=delivery.pk).update(leased_until=None, last_error=SECRET)
        Attempt.objects.create(
            delivery=delivery, number=1, started_at=clock.now(), duration_ms=1, response_excerpt=SECRET
        )

    done = erase(wait=come_back)
    assert (done.is_complete, len(waits)) == (True, 1)
    assert holding(SECRET) == {}


def test_what_is_written_behind_its_back_is_found_by_the_next_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []

    def last_step(customer_id: str, *, after: Any, limit: int) -> Batch:
        passes.append(customer_id)
        if len(passes) < 3:
            FiringFactory.create(customer_id=customer_id, detail={"after": SECRET})
        return Batch(0)

    EventFactory.create(customer_id="ada", properties={"note": SECRET})
    monkeypatch.setattr("kaireon.erasure.erasing.STEPS", {**STEPS, "deadLetters": last_step})
    done = erase("ada")
    assert (done.is_complete, done.erased["firings"], len(passes)) == (True, 2, 4)
    assert holding(SECRET) == {}


@pytest.mark.usefixtures("life")
def test_small_batches_come_to_the_same() -> None:
    assert erase(batch_size=1).is_complete
    assert holding(SECRET) == {}


@pytest.mark.usefixtures("life")
def test_a_call_out_of_time_says_so_and_the_next_goes_on() -> None:
    done = erase_customer(ADA, run_seconds=0.0)
    assert (done.is_complete, holding(SECRET) == {}) == (False, False)
    assert erase().is_complete
    assert holding(SECRET) == {}


@pytest.mark.usefixtures("life")
def test_nothing_is_erased_without_the_key_and_nothing_is_begun(settings: Settings) -> None:
    before = snapshot()
    settings.AUDIT_KEYS = []
    with pytest.raises(KeysUnusable):
        erase()
    assert snapshot() == before
    assert not Entry.objects.filter(action="customer.erasure_started").exists()


@pytest.mark.parametrize("customer_id", ["", " ada", "a\x00", "x" * 256])
def test_what_is_no_customers_id_is_refused(customer_id: str) -> None:
    with pytest.raises(ValidationFailed):
        erase(customer_id)


def test_a_customer_nobody_has_heard_of_is_erased_already() -> None:
    done = erase("nobody")
    assert (done.is_complete, set(done.erased.values())) == (True, {0})


def test_every_table_with_a_customer_has_been_thought_of() -> None:
    """A new table with a customer in it fails here until `kaireon.erasure` knows what to do with it."""
    with connection.cursor() as cursor:
        # One column counts events that have no customer.
        cursor.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE column_name LIKE '%customer%' AND column_name <> 'missing_customer'"
        )
        found = {row[0] for row in cursor.fetchall()}
    assert found == {
        "audit_entry",
        "customers_membership",
        "customers_record",
        "decisioning_inboxmessage",
        "decisioning_interaction",
        "decisioning_recommendation",
        "delivery_delivery",
        "events_event",
        "journeys_enrolment",
        "triggers_firing",
    }
    assert len(STEPS) == 10


def test_dead_letters_of_others_stay() -> None:
    def letter(number: int, payload: str) -> StreamDeadLetter:
        return StreamDeadLetter.objects.create(
            source="kafka", position=f"t:0:{number}", reason="odd", payload=payload, received_at=clock.now()
        )

    kept = [letter(1, '{"c": "ada2"}'), letter(2, '{"c": "1ada"}'), letter(3, '{"c": "a.da"}')]
    gone = [letter(4, '{"c": "ada"}'), letter(5, "ada"), letter(6, "c=ada;x")]
    assert erase("ada").erased["deadLetters"] == 3
    assert [StreamDeadLetter.objects.get(pk=one.pk).payload for one in gone] == ["", "", ""]
    assert [StreamDeadLetter.objects.get(pk=one.pk).payload for one in kept] == [one.payload for one in kept]
    odd = letter(7, '{"c": "\\u00fc+(a)|b\\\\"}')
    assert erase("ü+(a)|b\\").erased["deadLetters"] == 1
    assert StreamDeadLetter.objects.get(pk=odd.pk).payload == ""


def test_the_command_erases_and_says_what(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("erase_customer", "nobody")
    assert capsys.readouterr().out.splitlines() == [*(f"{kind}: 0" for kind in STEPS), "Erased."]


def test_an_admin_erases_by_api(admin_api: APIClient, make_customer: Callable[..., None]) -> None:
    make_customer("ada/1", tier=SECRET)
    answer = admin_api.post("/api/v1/customers/ada/1/erase")
    assert answer.status_code == 200
    assert answer.json()["customerId"] == "ada/1"
    assert answer.json()["isComplete"] is True
    assert answer.json()["erased"]["records"] == 1
    assert holding(SECRET) == {}
    actor = Entry.objects.filter(action="customer.erased").values_list("actor", flat=True).get()
    assert actor.startswith("key:")


def test_others_may_not(editor_api: APIClient, ingest_api: APIClient) -> None:
    for api in (editor_api, ingest_api):
        assert api.post("/api/v1/customers/ada/erase").status_code == 403
    assert not Entry.objects.filter(action="customer.erasure_started").exists()


def test_a_lane_goes_on_after_it() -> None:
    erase("ada")
    for lane in range(16):
        assert drain_lanes([lane]) == []
