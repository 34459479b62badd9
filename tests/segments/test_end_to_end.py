"""From an event to what its consequences cause, through the drain."""

from collections.abc import Callable

import pytest

from kaireon.customers.models import Record, Schema
from kaireon.events.models import Event
from tests.segments.population import ACTIVE, GOLD, PROFILE, members, moves, put, settled_segment
from tests.triggers.fixtures import Send, decisions, process_all
from triggers.models import Firing, Trigger

pytestmark = pytest.mark.django_db

MakeTrigger = Callable[..., Trigger]
MakeCustomer = Callable[..., None]


def set_tier(value: str | None) -> dict[str, object]:
    return {"schemaId": PROFILE, "updates": [{"field": "tier", "value": value}]}


def test_an_attribute_that_a_trigger_changes_enters_a_segment_that_fires_another_trigger(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    settled_segment()
    first = make_trigger(actionConfig=set_tier("gold"))
    condition = {"field": "segmentId", "operator": "eq", "value": "seg_gold"}
    second = make_trigger(eventType="segment.entered", condition=condition)
    purchase = send()
    assert decisions(purchase) == {first.pk: "fired"}
    cause = Firing.objects.get(trigger_id=first.pk)
    entered = Event.objects.get(event_type="segment.entered")
    assert (entered.customer_id, entered.cause, entered.depth) == ("cust_78", cause.pk, 1)
    assert decisions(entered) == {second.pk: "fired"}
    counted = Event.objects.filter(event_type="customer.updated").order_by("sequence")
    second_firing = Firing.objects.get(trigger_id=second.pk)
    assert list(counted.values_list("cause", "depth")) == [(cause.pk, 1), (second_firing.pk, 2)]
    assert Record.objects.get().attributes == {"tier": "gold", "event_count": 1}
    assert moves() == [("entered", "cust_78")]


def test_a_customer_who_exits_fires_what_listens_to_it(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    settled_segment()
    make_customer("cust_78", tier="gold")
    make_trigger(actionConfig=set_tier(None))
    listener = make_trigger(eventType="segment.exited")
    send()
    exited = Event.objects.get(event_type="segment.exited")
    assert (decisions(exited), exited.depth) == ({listener.pk: "fired"}, 1)
    assert members() == []


def test_segments_that_send_a_customer_to_and_fro_are_stopped(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    settled_segment()
    leaver = make_trigger(eventType="segment.entered", actionConfig=set_tier(None))
    make_trigger(eventType="segment.exited", actionConfig=set_tier("gold"))
    make_trigger(actionConfig=set_tier("gold"))
    send()
    assert moves() == [("entered", "cust_78"), ("exited", "cust_78")] * 4
    assert list(
        Event.objects.filter(event_type__startswith="segment.").order_by("sequence").values_list("depth", flat=True)
    ) == [1, 2, 3, 4, 5, 6, 7, 8]
    last = Event.objects.get(event_type="segment.exited", depth=8)
    assert set(decisions(last).values()) == {"loop_stopped"}
    assert decisions(Event.objects.get(event_type="segment.entered", depth=7)) == {leaver.pk: "fired"}
    assert members() == []


def test_several_firings_of_one_batch_enter_and_exit_each_by_its_own_change(
    make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78", event_count=2)
    settled_segment()
    settled_segment("seg_active", ACTIVE)
    high = make_trigger(priority=90, actionConfig=set_tier("gold"))
    counting = make_trigger(priority=50)
    low = make_trigger(priority=10, actionConfig=set_tier("silver"))
    send()
    causes = {firing.pk: firing.trigger_id for firing in Firing.objects.all()}
    story = Event.objects.filter(event_type__startswith="segment.").order_by("sequence")
    assert [(event.event_type, event.properties["segmentId"], causes[event.cause]) for event in story] == [
        ("segment.entered", "seg_gold", high.pk),
        ("segment.entered", "seg_active", counting.pk),
        ("segment.exited", "seg_gold", low.pk),
    ]


def test_members_that_a_re_evaluation_finds_fire_triggers(schema: Schema, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger(eventType="segment.entered")
    for number in range(5):
        put(f"c{number}", tier="gold")
    settled_segment(criteria=GOLD)
    process_all()
    assert Firing.objects.filter(trigger_id=trigger.pk, outcome="succeeded").count() == 5
    assert {record.attributes["event_count"] for record in Record.objects.all()} == {1}
