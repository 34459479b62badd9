"""The engine by its public doors: an event goes in, and firings, ledger, audit entries and records come out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.core import clock
from kaireon.customers.models import Record
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from tests.triggers.fixtures import Send, decisions, process_all
from triggers.ledger import whole_ledger
from triggers.lifecycle import delete_trigger, update_trigger
from triggers.models import Firing, Trigger

MakeTrigger = Callable[..., Trigger]
MakeCustomer = Callable[..., None]

DAY_MS = 86_400_000


def attributes(customer_id: str = "cust_78") -> dict[str, Any]:
    found: dict[str, Any] = Record.objects.get(customer_id=customer_id).attributes
    return found


def test_the_worked_example_of_the_specification(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    make_customer("cust_79")
    trigger = make_trigger(
        name="High-Value Purchase",
        eventType="outcome.recorded",
        condition={"all": [{"field": "metadata.amount", "operator": "gt", "value": 500}]},
        cooldownMs=DAY_MS,
        priority=75,
    )

    def outcome(customer_id: str, amount: int) -> Event:
        properties = {"outcomeType": "conversion", "metadata": {"amount": amount}}
        return send("outcome.recorded", customer_id, properties=properties)

    first, second, small, other = (
        outcome("cust_78", 750),
        outcome("cust_78", 750),
        outcome("cust_78", 400),
        outcome("cust_79", 750),
    )

    firing = Firing.objects.get(event_id=first.event_id)
    assert trigger.pk == "trg_high_value_purchase"
    assert first.decisions == [
        {"triggerId": trigger.pk, "version": 1, "decision": "fired", "firingId": firing.pk},
    ]
    until = clock.iso(firing.fired_at + timedelta(milliseconds=DAY_MS))
    assert second.decisions == [{"triggerId": trigger.pk, "version": 1, "decision": "cooldown", "until": until}]
    assert decisions(small) == {trigger.pk: "condition_false"}
    assert "400" in whole_ledger(small)[0]["reason"]
    assert decisions(other) == {trigger.pk: "fired"}
    assert attributes("cust_78") == {"event_count": 1}
    assert attributes("cust_79") == {"event_count": 1}
    assert Firing.objects.count() == 2


def test_every_firing_has_its_audit_entry_with_what_the_specification_asks_for(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger()
    event = send()
    firing = Firing.objects.get()
    entry = Entry.objects.get(action="trigger.fired")
    assert (entry.trigger_id, entry.customer_id, entry.event_type, entry.event_id) == (
        trigger.pk,
        "cust_78",
        "purchase",
        event.event_id,
    )
    assert (entry.action_taken, entry.outcome, entry.subject) == ("update_attribute", "succeeded", firing.pk)
    assert entry.facts["detail"]["changed"] == {"event_count": {"before": None, "after": 1}}


def test_an_event_that_does_not_fire_leaves_no_firing_and_no_audit_entry(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    make_trigger(condition={"field": "amount", "operator": "gt", "value": 5})
    send(properties={"amount": 5})
    assert Firing.objects.count() == 0
    assert Entry.objects.filter(action="trigger.fired").count() == 0
    assert attributes() == {}


def test_only_active_triggers_of_the_type_match(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    active = make_trigger()
    make_trigger(status="paused")
    make_trigger(status="disabled")
    make_trigger(eventType="refund")
    assert decisions(send()) == {active.pk: "fired"}


def test_triggers_act_in_order_of_priority_and_ties_by_id(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send, schema: Any
) -> None:
    make_customer("cust_78")

    def write(trigger_id: str, priority: int) -> None:
        config = {"schemaId": schema.pk, "updates": [{"field": "tier", "value": trigger_id}]}
        make_trigger(id=trigger_id, priority=priority, actionConfig=config)

    write("trg_b", 50)
    write("trg_a", 50)
    write("trg_first", 90)
    write("trg_last", 10)
    event = send()
    assert [line["triggerId"] for line in event.decisions] == ["trg_first", "trg_a", "trg_b", "trg_last"]
    assert attributes() == {"tier": "trg_last"}
    changes = Event.objects.filter(event_type="customer.updated").order_by("sequence")
    assert [change.properties["after"]["tier"] for change in changes] == ["trg_first", "trg_a", "trg_b", "trg_last"]


def test_a_lower_trigger_reads_what_a_higher_one_has_changed_only_when_it_acts(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send, schema: Any
) -> None:
    make_customer("cust_78", event_count=0, tier="none")
    make_trigger(priority=90)
    seen = {"schemaId": schema.pk, "updates": [{"field": "notes", "value": "{{customer.event_count}}"}]}
    reader = make_trigger(priority=10, actionConfig=seen)
    blind = make_trigger(
        priority=5, condition={"field": "customer.event_count", "operator": "eq", "value": 1}, actionConfig=seen
    )
    event = send()
    assert decisions(event)[reader.pk] == "fired"
    assert decisions(event)[blind.pk] == "condition_false"
    assert attributes() == {"event_count": 1, "tier": "none", "notes": 1}


def test_events_of_one_customer_in_one_batch_see_each_others_changes(
    make_trigger: MakeTrigger, make_customer: MakeCustomer
) -> None:
    make_customer("cust_78", event_count=0)
    trigger = make_trigger(condition={"field": "customer.event_count", "operator": "lt", "value": 3})
    body = [{"eventType": "purchase", "customerId": "cust_78", "eventId": f"e{number}"} for number in range(5)]
    ingest(body, source="api", now=clock.now())
    process_all()
    verdicts = [
        decisions(event)[trigger.pk] for event in Event.objects.filter(event_type="purchase").order_by("sequence")
    ]
    assert verdicts == ["fired", "fired", "fired", "condition_false", "condition_false"]
    assert attributes() == {"event_count": 3}


def test_a_batch_gives_what_its_events_one_by_one_would_give(
    make_trigger: MakeTrigger, make_customer: MakeCustomer
) -> None:
    for number in range(20):
        make_customer(f"cust_{number}", event_count=0)
    make_trigger(id="trg_all")
    make_trigger(id="trg_cooling", cooldownMs=DAY_MS, priority=70)
    body = [{"eventType": "purchase", "customerId": f"cust_{number % 20}"} for number in range(100)]
    ingest(body, source="api", now=clock.now())
    process_all()
    assert Firing.objects.filter(trigger_id="trg_all").count() == 100
    assert Firing.objects.filter(trigger_id="trg_cooling").count() == 20
    assert {record.attributes["event_count"] for record in Record.objects.all()} == {6}
    assert Event.objects.filter(event_type="customer.updated").count() == 120


def test_an_event_without_a_customer_is_not_held_back_but_cannot_change_one(
    make_trigger: MakeTrigger, send: Send
) -> None:
    trigger = make_trigger(cooldownMs=DAY_MS)
    event = send(customer_id=None)
    assert decisions(event) == {trigger.pk: "missing_customer"}
    assert "customerId" in event.decisions[0]["reason"]
    assert Firing.objects.count() == 0


def test_a_customer_without_a_record_is_a_failed_firing_that_harms_nothing_else(
    make_trigger: MakeTrigger, make_customer: MakeCustomer
) -> None:
    make_customer("cust_79")
    trigger = make_trigger()
    body = [{"eventType": "purchase", "customerId": name} for name in ("cust_78", "cust_79")]
    ingest(body, source="api", now=clock.now())
    process_all()
    failed = Firing.objects.get(customer_id="cust_78")
    assert (failed.outcome, failed.error) == (
        "failed",
        "customer cust_78 has no record in schema schema_customer_profile.",
    )
    assert decisions(Event.objects.get(event_type="purchase", customer_id="cust_78")) == {trigger.pk: "action_failed"}
    assert Firing.objects.get(customer_id="cust_79").outcome == "succeeded"
    assert attributes("cust_79") == {"event_count": 1}


def test_a_failed_action_keeps_its_cooldown(make_trigger: MakeTrigger, send: Send) -> None:
    trigger = make_trigger(cooldownMs=DAY_MS)
    assert decisions(send()) == {trigger.pk: "action_failed"}
    assert decisions(send()) == {trigger.pk: "cooldown"}


def test_the_four_facts_of_the_event_always_mean_its_own(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger(
        condition={
            "all": [
                {"field": "eventType", "operator": "eq", "value": "purchase"},
                {"field": "customerId", "operator": "eq", "value": "cust_78"},
                {"field": "eventId", "operator": "eq", "value": "e-1"},
                {"field": "timestamp", "operator": "lt", "value": "2026-01-01T00:00:00Z"},
            ]
        }
    )
    event = send(
        eventId="e-1",
        timestamp="2025-12-31T23:59:59Z",
        properties={"eventType": "lie", "customerId": "lie", "eventId": "lie", "timestamp": "2099-01-01T00:00:00Z"},
    )
    assert decisions(event) == {trigger.pk: "fired"}


def test_customer_in_a_condition_is_the_record_whatever_the_event_says(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78", tier="gold")
    trigger = make_trigger(condition={"field": "customer.tier", "operator": "eq", "value": "gold"})
    assert decisions(send(properties={"customer": {"tier": "bronze"}})) == {trigger.pk: "fired"}
    lie = send(customer_id="cust_unknown", properties={"customer": {"tier": "gold"}})
    assert decisions(lie) == {trigger.pk: "condition_false"}


def test_a_change_holds_for_every_event_accepted_after_it(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger()
    assert decisions(send()) == {trigger.pk: "fired"}
    update_trigger(trigger_id=trigger.pk, values={"status": "paused"}, now=clock.now())
    assert decisions(send()) == {}
    update_trigger(trigger_id=trigger.pk, values={"status": "active"}, now=clock.now())
    event = send()
    assert event.decisions[0]["version"] == 3
    delete_trigger(trigger_id=trigger.pk)
    assert decisions(send()) == {}
    assert Firing.objects.filter(trigger_id=trigger.pk).count() == 2


def test_triggers_that_set_each_other_off_are_stopped_at_depth_8_and_audited(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    trigger = make_trigger(eventType="customer.updated")
    make_trigger(eventType="purchase")
    send("purchase")
    depths = list(
        Event.objects.filter(event_type="customer.updated").order_by("sequence").values_list("depth", flat=True)
    )
    assert depths == [1, 2, 3, 4, 5, 6, 7, 8]
    last = Event.objects.get(depth=8)
    assert decisions(last) == {trigger.pk: "loop_stopped"}
    assert Firing.objects.count() == 8
    assert attributes() == {"event_count": 8}
    entry = Entry.objects.get(action="loop.stopped")
    assert (entry.trigger_id, entry.event_id, entry.facts["depth"]) == (trigger.pk, last.event_id, 8)


def test_an_update_publishes_what_changed_and_which_firing_caused_it(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78", tier="gold")
    make_trigger()
    send()
    firing = Firing.objects.get()
    update = Event.objects.get(event_type="customer.updated")
    assert (update.cause, update.depth, update.customer_id) == (firing.pk, 1, "cust_78")
    assert update.properties == {
        "schemaId": "schema_customer_profile",
        "before": {"tier": "gold"},
        "after": {"tier": "gold", "event_count": 1},
        "changed": ["event_count"],
    }


def test_values_and_expressions_of_update_attribute(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send, schema: Any
) -> None:
    make_customer("cust_78", event_count=2, balance=0.1)
    make_trigger(
        actionConfig={
            "schemaId": schema.pk,
            "updates": [
                {"field": "event_count", "expression": "event_count + 1"},
                {"field": "balance", "expression": "balance + event_count * 0.1"},
                {"field": "last_event_date", "value": "{{event.timestamp}}"},
                {"field": "seen_at", "value": "{{event.timestamp}}"},
                {"field": "notes", "value": {"from": "{{event.items}}", "text": "{{event.type}}!"}},
                {"field": "tier", "value": None},
            ],
        }
    )
    send(timestamp="2026-03-10T15:30:00+01:00", properties={"items": [{"sku": "a"}]})
    assert attributes() == {
        "event_count": 3,
        "balance": 0.4,
        "last_event_date": "2026-03-10",
        "seen_at": "2026-03-10T14:30:00Z",
        "notes": {"from": [{"sku": "a"}], "text": "purchase!"},
    }


@pytest.mark.parametrize(
    ("updates", "error"),
    [
        ([{"field": "event_count", "value": "{{event.text}}"}], "event_count must be a whole number"),
        ([{"field": "event_count", "expression": "event_count / 0"}], "the expression of event_count"),
    ],
)
def test_what_an_event_makes_impossible_stands_on_its_firing_and_changes_nothing(
    make_trigger: MakeTrigger,
    make_customer: MakeCustomer,
    send: Send,
    schema: Any,
    updates: list[dict[str, Any]],
    error: str,
) -> None:
    make_customer("cust_78", event_count=7)
    config = {"schemaId": schema.pk, "updates": [{"field": "tier", "value": "gold"}, *updates]}
    make_trigger(actionConfig=config)
    send(properties={"text": "seven"})
    firing = Firing.objects.get()
    assert firing.outcome == "failed"
    assert error in firing.error
    assert attributes() == {"event_count": 7}


def test_the_ledger_is_shown_by_the_api(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send, viewer_api: APIClient
) -> None:
    make_customer("cust_78")
    trigger = make_trigger()
    event = send(eventId="order-1")
    answer = viewer_api.get("/api/v1/events/order-1").json()
    assert answer["eventId"] == "order-1"
    assert answer["status"] == "processed"
    assert answer["decisions"] == whole_ledger(event)
    firings = viewer_api.get(f"/api/v1/triggers/{trigger.pk}/firings?customerId=cust_78&outcome=succeeded").json()
    assert firings["pagination"] == {"total": 1, "limit": 50, "offset": 0, "hasMore": False}
    (firing,) = firings["data"]
    assert firing["eventId"] == "order-1"
    assert datetime.fromisoformat(firing["firedAt"]) <= datetime.now(tz=UTC)
