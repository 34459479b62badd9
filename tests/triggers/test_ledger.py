"""An event's ledger: stored in short, told whole, and the same whenever somebody asks."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from kaireon.core import clock
from kaireon.customers.models import Schema
from kaireon.erasure.erasing import erase_customer
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from tests.triggers.fixtures import Send, process_all
from triggers.definition import read_definition
from triggers.ledger import line_of_trigger, unmet_count, whole_ledger, whole_ledgers
from triggers.lifecycle import create_trigger, delete_trigger, update_trigger
from triggers.models import Catalogue, Listener, Trigger

MakeTrigger = Callable[..., Trigger]


def over(amount: int) -> dict[str, Any]:
    """A condition of one leaf."""
    return {"field": "amount", "operator": "gt", "value": amount}


def unmet(trigger_id: str, reason: str, *, version: int = 1) -> dict[str, Any]:
    """The line of a trigger whose condition did not hold."""
    return {"triggerId": trigger_id, "version": version, "decision": "condition_false", "reason": reason}


def test_one_line_is_stored_for_all_triggers_whose_conditions_do_not_hold(
    make_trigger: MakeTrigger, send: Send
) -> None:
    for number in range(30):
        make_trigger(id=f"trg_{number:02}", condition=over(100 * number), actionType="webhook", actionConfig={
            "url": "https://example.com/", "method": "POST"
        })  # fmt: skip
    event = send(properties={"amount": 250})
    assert [line["decision"] for line in event.decisions] == ["fired"] * 3 + ["condition_false"]
    assert event.decisions[3] == {"decision": "condition_false", "count": 27, "state": Catalogue.objects.get().state}
    assert unmet_count(event) == 27
    ledger = whole_ledger(event)
    assert [line["triggerId"] for line in ledger] == [f"trg_{number:02}" for number in range(30)]
    assert ledger[:3] == event.decisions[:3]
    assert ledger[3] == unmet("trg_03", "amount: 250 is not greater than 300")
    assert {line["decision"] for line in ledger[3:]} == {"condition_false"}


def test_it_stays_as_it_was_decided_whatever_becomes_of_the_triggers(
    make_trigger: MakeTrigger, send: Send, make_customer: Callable[..., None]
) -> None:
    make_customer("cust_78", tier="gold")
    gold = {"field": "customer.tier", "operator": "eq", "value": "silver"}
    make_trigger(id="trg_edited", priority=90, condition=over(1000))
    make_trigger(id="trg_fires", priority=80)
    make_trigger(id="trg_paused", priority=70, condition=over(2000))
    make_trigger(id="trg_deleted", priority=60, condition=over(3000))
    make_trigger(id="trg_moved", priority=50, condition=over(4000))
    make_trigger(id="trg_of_silver", priority=40, condition=gold)
    make_trigger(id="trg_other_type", eventType="refund", condition=over(1))
    event = send(properties={"amount": 5})
    ledger = whole_ledger(event)
    firing_id = event.decisions[0]["firingId"]
    assert ledger == [
        unmet("trg_edited", "amount: 5 is not greater than 1000"),
        {"triggerId": "trg_fires", "version": 1, "decision": "fired", "firingId": firing_id},
        unmet("trg_paused", "amount: 5 is not greater than 2000"),
        unmet("trg_deleted", "amount: 5 is not greater than 3000"),
        unmet("trg_moved", "amount: 5 is not greater than 4000"),
        unmet("trg_of_silver", 'customer.tier: "gold" does not equal "silver"'),
    ]

    now = clock.now()
    update_trigger(trigger_id="trg_edited", values={"condition": over(1)}, now=now)
    update_trigger(trigger_id="trg_paused", values={"status": "paused"}, now=now)
    update_trigger(trigger_id="trg_moved", values={"event_type": "refund", "priority": 100}, now=now)
    delete_trigger(trigger_id="trg_deleted")
    delete_trigger(trigger_id="trg_fires")
    make_trigger(id="trg_later", condition=over(1))
    make_customer("cust_78", tier="silver")

    event = Event.objects.get(pk=event.pk)
    assert whole_ledger(event) == ledger
    assert [line_of_trigger(event, line["triggerId"]) for line in ledger] == ledger
    assert line_of_trigger(event, "trg_later") is None
    assert line_of_trigger(event, "trg_other_type") is None


def test_triggers_of_later_states_decide_later_events(make_trigger: MakeTrigger, send: Send) -> None:
    make_trigger(id="trg_a", condition=over(1000))
    first = send(properties={"amount": 5})
    update_trigger(trigger_id="trg_a", values={"status": "paused"}, now=clock.now())
    second = send(properties={"amount": 5})
    update_trigger(trigger_id="trg_a", values={"status": "active", "condition": over(2000)}, now=clock.now())
    third = send(properties={"amount": 5})
    ledgers = whole_ledgers([first, second, third])
    assert [ledgers[event.pk] for event in (first, second, third)] == [
        [unmet("trg_a", "amount: 5 is not greater than 1000")],
        [],
        [unmet("trg_a", "amount: 5 is not greater than 2000", version=3)],
    ]


def test_a_customer_without_a_record_was_seen_as_one(
    make_trigger: MakeTrigger, send: Send, make_customer: Callable[..., None]
) -> None:
    make_trigger(id="trg_gold", condition={"field": "customer.tier", "operator": "eq", "value": "gold"})
    make_trigger(id="trg_whole", condition={"field": "customer", "operator": "eq", "value": 1})
    event = send()
    make_customer("cust_78", tier="gold", notes={"likes": "tea"})
    later = send()
    assert event.decisions[-1]["seen"] is None
    assert later.decisions[-1]["seen"] == {"tier": "gold", "notes": {"likes": "tea"}}
    assert whole_ledger(event) == [
        unmet("trg_gold", "customer.tier is missing"),
        unmet("trg_whole", "customer is null"),
    ]


def test_only_what_conditions_read_of_the_customer_is_kept(
    make_trigger: MakeTrigger, send: Send, make_customer: Callable[..., None]
) -> None:
    make_customer("cust_78", tier="gold", balance=3, notes={"likes": "tea", "size": "M"})
    for number, field in enumerate(("tier", "notes.likes", "seen_at")):
        condition = {"field": f"customer.{field}", "operator": "eq", "value": "no"}
        make_trigger(id=f"trg_{number}", condition=condition)
    event = send()
    assert event.decisions[-1]["seen"] == {"tier": "gold", "notes": {"likes": "tea", "size": "M"}}


def test_what_was_erased_gives_no_reason(
    make_trigger: MakeTrigger, send: Send, make_customer: Callable[..., None]
) -> None:
    make_customer("cust_78", tier="gold")
    make_trigger(id="trg_gold", condition={"field": "customer.tier", "operator": "eq", "value": "silver"})
    make_trigger(id="trg_amount", condition=over(1000))
    event = send(properties={"amount": 5})
    erase_customer("cust_78", run_seconds=10)
    event.refresh_from_db()
    assert whole_ledger(event) == [
        {"triggerId": "trg_amount", "version": 1, "decision": "condition_false"},
        {"triggerId": "trg_gold", "version": 1, "decision": "condition_false"},
    ]
    assert "gold" not in str(event.decisions)


def test_the_api_tells_it_whole(make_trigger: MakeTrigger, send: Send, viewer_api: APIClient) -> None:
    make_trigger(id="trg_a", condition=over(1000), priority=90)
    make_trigger(id="trg_b")
    event = send(properties={"amount": 5})
    answer = viewer_api.get(f"/api/v1/events/{event.event_id}").json()
    assert answer["decisions"] == whole_ledger(event)
    assert [line["decision"] for line in answer["decisions"]] == ["condition_false", "action_failed"]  # no record


def test_pages_tell_some_of_many(make_trigger: MakeTrigger, send: Send) -> None:
    for number in range(7):
        make_trigger(id=f"trg_{number}", condition=over(1000) if number != 3 else {})
    event = send(properties={"amount": 5})
    told = whole_ledgers([event], most_unmet=2)[event.pk]
    assert [line["triggerId"] for line in told] == ["trg_0", "trg_1", "trg_3"]
    assert unmet_count(event) == 6


@pytest.fixture
def editing() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Runs a function in a thread, over and over, until the test ends."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(edit: Callable[[], None]) -> None:
        def work() -> None:
            try:
                while not stop.is_set():
                    edit()
            finally:
                connection.close()

        threads.append(threading.Thread(target=work))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_a_ledger_names_the_very_versions_that_decided_while_triggers_change(
    schema: Schema, editing: Callable[[Callable[[], None]], None]
) -> None:
    """Odd versions of the trigger hold for every event, even ones for none; so the version gives the decision away."""
    create_trigger(
        values=read_definition(
            {
                "id": "trg_flips",
                "name": "Flips",
                "eventType": "purchase",
                "condition": over(1),
                "actionType": "update_attribute",
                "actionConfig": {"schemaId": schema.pk, "updates": [{"field": "tier", "value": "gold"}]},
            }
        ),
        now=clock.now(),
    )
    amounts = iter(range(10**9))

    def flip() -> None:
        holds = next(amounts) % 2 == 1
        update_trigger(trigger_id="trg_flips", values={"condition": over(1 if holds else 1000)}, now=clock.now())

    editing(flip)
    for _ in range(40):
        body = [
            {"eventType": "purchase", "customerId": f"c{number}", "properties": {"amount": 5}} for number in range(5)
        ]
        ingest(body, source="api", now=clock.now())
        process_all()
    purchases = list(Event.objects.filter(event_type="purchase"))
    lines = [line for ledger in whole_ledgers(purchases).values() for line in ledger]
    assert len(lines) == 200
    assert {(line["version"] % 2 == 1, line["decision"] != "condition_false") for line in lines} == {
        (True, True),
        (False, False),
    }
    assert Listener.objects.filter(until=None).count() == 1
