"""Why a customer got what they got, and why a trigger did not fire for them; and the list of customers."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from kaireon.core import clock
from kaireon.customers.field_types import Field
from kaireon.customers.models import Record, Schema
from kaireon.customers.records import upsert_rows
from kaireon.customers.schemas import create_schema
from kaireon.customers.studio.customers import ORDER
from kaireon.decisioning.channels import CHANNELS
from kaireon.decisioning.models import InboxMessage, Recommendation
from kaireon.delivery.models import Delivery
from kaireon.events.models import Event, EventStatus
from kaireon.journeys.models import Enrolment
from tests.factories import EventFactory, FiringFactory
from tests.studio.bank import fill
from tests.triggers.fixtures import Send
from triggers.lifecycle import update_trigger
from triggers.models import Firing, Trigger

pytestmark = pytest.mark.django_db

MakeTrigger = Callable[..., Trigger]
MakeCustomer = Callable[..., None]
CUSTOMERS = "/studio/customers"


def get(client: Client, path: str, **query: Any) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def words(page: str) -> str:
    """The text of a page without its tags, blanks folded."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_box_leads_to_the_customer(as_viewer: Client) -> None:
    answer = as_viewer.get("/studio/why", {"customer": " cust/7 ü "})
    assert (answer.status_code, answer["Location"]) == (302, f"{CUSTOMERS}/{quote('cust/7 ü')}")
    assert "Why?" in get(as_viewer, "/studio/why")
    assert as_viewer.get("/studio/why", {"customer": "x" * 256}).status_code == 400
    EventFactory.create()
    for page in (CUSTOMERS, "/studio/events"):
        assert 'action="/studio/why"' in get(as_viewer, page)


def test_the_timeline_tells_what_was_decided_sent_and_changed(
    as_viewer: Client, make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78", tier="gold", event_count=4)
    CHANNELS.create(
        values={"id": "ch_inbox", "name": "Inbox", "channel_type": "in_app", "config": {"title": "t", "body": "b"}},
        now=clock.now(),
    )
    make_trigger(name="Count purchases", cooldownMs=3_600_000)
    make_trigger(name="Only platinum", condition={"field": "customer.tier", "operator": "eq", "value": "platinum"})
    make_trigger(name="Tell the shop", actionType="webhook", actionConfig={"url": "https://shop.example.com/hook"})
    event = send()
    firing = Firing.objects.get(action_type="webhook")
    InboxMessage.objects.create(
        id="msg_1",
        customer_id="cust_78",
        title="A gold card for you",
        body="",
        channel_id="ch_inbox",
        cause=firing.pk,
        created_at=clock.now(),
    )
    page = get(as_viewer, f"{CUSTOMERS}/cust_78")
    told = words(page)
    for text in (
        "Count purchases",
        "event_count 4 to 5",
        "Only platinum",
        "customer.tier: &quot;gold&quot; does not equal &quot;platinum&quot;.",
        "Handed a request to delivery.",
        "POST to shop.example.com:443",
        "A gold card for you",
        "in the inbox, through Inbox",
        "Unread",
    ):
        assert text in told, text
    delivery = Delivery.objects.get()
    assert f'href="/studio/deliveries/{delivery.pk}"' in page
    assert f'href="/studio/events/{event.event_id}"' in page
    cooling = told.split("Cooldowns running now", 1)[1].split("Segments", 1)[0]
    assert "Count purchases" in cooling
    assert "in 60 min" in cooling or "in 1 h" in cooling
    send()
    assert "It had fired for this customer within its cooldown." in words(get(as_viewer, f"{CUSTOMERS}/cust_78"))


def test_the_newest_event_comes_first_and_older_ones_on_further_pages(as_viewer: Client) -> None:
    ids = [EventFactory.create(customer_id="c").event_id for _ in range(25)][::-1]
    EventFactory.create(customer_id="other")
    page = get(as_viewer, f"{CUSTOMERS}/c")
    assert re.findall(r'<h2><a href="/studio/events/([^"]+)"', page) == ids[:20]
    older = re.search(r'href="(\?before=\d+)" rel="next"', page)
    assert older is not None
    assert re.findall(r'<h2><a href="/studio/events/([^"]+)"', get(as_viewer, f"{CUSTOMERS}/c{older[1]}")) == ids[20:]


def test_an_id_that_means_something_in_a_url_leads_to_its_own_page(as_viewer: Client) -> None:
    for _ in range(25):
        EventFactory.create(customer_id="a?b#c")
    page = get(as_viewer, f"{CUSTOMERS}/a%3Fb%23c", before="999999999")
    assert 'hx-get="/studio/customers/a%3Fb%23c"' in page
    assert '<a class="button button--quiet button--small" href="/studio/customers/a%3Fb%23c">Newest' in page


def test_the_timeline_can_be_narrowed_to_a_type(as_viewer: Client) -> None:
    EventFactory.create(customer_id="c", event_type="page.viewed")
    wanted = EventFactory.create(customer_id="c", event_type="purchase")
    page = get(as_viewer, f"{CUSTOMERS}/c", event_type="purchase")
    assert re.findall(r'<h2><a href="/studio/events/([^"]+)"', page) == [wanted.event_id]


def test_at_the_side_stands_what_is_known_of_the_customer(as_viewer: Client, make_customer: MakeCustomer) -> None:
    make_customer("c", tier="silver")
    now = clock.now()
    Enrolment.objects.create(
        id="enr_1",
        journey_id="jrn_gone",
        journey_version=1,
        customer_id="c",
        current_node="wait_a_day",
        waiting_for="purchase",
        started_at=now,
        resume_at=now + timedelta(hours=5),
        expires_at=now + timedelta(days=30),
        history=[{"node": "start", "at": "2026-01-01T00:00:00Z", "result": "entered"}],
    )
    Recommendation.objects.create(
        id="rec_1",
        customer_id="c",
        flow_id="df_cards",
        decisions=[{"rank": 1, "offerId": "off_1", "offerName": "Gold card", "score": 1}],
        created_at=now,
    )
    told = words(get(as_viewer, f"{CUSTOMERS}/c"))
    for text in ("tier &quot;silver&quot;", "jrn_gone", "At wait_a_day , waits for purchase, goes on in 5 h"):
        assert text in told, text
    for text in ("start entered", "df_cards", "Gold card", "In none.", "no trigger is held back"):
        assert text in told, text


@pytest.mark.parametrize("customer_id", ["never-seen", "a/b?c#d%", "<script>", "x" * 255])
def test_a_customer_that_was_never_seen_is_told_so_with_what_to_check(as_viewer: Client, customer_id: str) -> None:
    page = get(as_viewer, f"{CUSTOMERS}/{quote(customer_id, safe='/')}")
    assert "Nothing is known of this customer" in page
    assert "Ids are compared letter by letter" in page
    assert "<script>" not in page.split("<main", 1)[1]
    EventFactory.create(customer_id=customer_id)
    assert "Nothing is known" not in get(as_viewer, f"{CUSTOMERS}/{quote(customer_id, safe='/')}")


@pytest.mark.parametrize("count", [3, 60])
def test_the_page_asks_few_questions_however_much_there_is(
    as_admin: Client,
    count: int,
    make_trigger: MakeTrigger,
    make_customer: MakeCustomer,
    send: Send,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    make_customer("c")
    for number in range(3):
        make_trigger(cooldownMs=number)
    make_trigger(actionType="webhook", actionConfig={"url": "https://shop.example.com/hook"})
    for _ in range(count):
        send(customer_id="c")
    with django_assert_max_num_queries(14):
        get(as_admin, f"{CUSTOMERS}/c")


def why_not(client: Client, trigger_id: str, **more: str) -> str:
    return words(get(client, "/studio/why-not/c", trigger=trigger_id, **more))


def test_it_says_that_no_event_of_the_type_came(
    as_viewer: Client, make_trigger: MakeTrigger, make_customer: MakeCustomer
) -> None:
    trigger = make_trigger()
    told = why_not(as_viewer, trigger.pk)
    assert "No event came that it could have fired for." in told
    assert "Nor has one come for anybody" in told
    assert "Try it now" not in told
    EventFactory.create(customer_id="other", event_type="purchase")
    assert "Events of the type do come for others" in why_not(as_viewer, trigger.pk)


def test_it_answers_with_the_decision_about_the_newest_event(
    as_viewer: Client, make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("c", event_count=1)
    trigger = make_trigger(
        condition={"field": "amount", "operator": "gt", "value": 500},
        cooldownMs=3_600_000,
    )
    small = send(customer_id="c", properties={"amount": 20})
    told = why_not(as_viewer, trigger.pk)
    assert "Its condition did not hold for the newest event." in told
    assert "amount: 20 is not greater than 500." in told
    assert small.event_id in told
    send(customer_id="c", properties={"amount": 501})
    told = why_not(as_viewer, trigger.pk)
    assert "It did fire for the newest event." in told
    assert "What it decided before" in told
    send(customer_id="c", properties={"amount": 502})
    told = why_not(as_viewer, trigger.pk)
    assert "It was held back by its cooldown." in told
    assert "It could fire again from" in told
    update_trigger(trigger_id=trigger.pk, values={"name": "Other"}, now=clock.now())
    assert "Version 1 decided that; the trigger has version 2 now" in why_not(as_viewer, trigger.pk)


def test_it_says_that_an_action_failed_and_why(as_viewer: Client, make_trigger: MakeTrigger, send: Send) -> None:
    trigger = make_trigger()
    send(customer_id="c")
    told = why_not(as_viewer, trigger.pk)
    assert "It fired for the newest event, but its action failed." in told
    assert "has no record in schema schema_customer_profile." in told


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (EventStatus.PENDING, "Its newest event is not processed yet."),
        (EventStatus.FAILED, "Its newest event could not be processed."),
    ],
)
def test_it_says_how_far_the_newest_event_has_come(
    as_viewer: Client, make_trigger: MakeTrigger, status: EventStatus, verdict: str
) -> None:
    trigger = make_trigger()
    EventFactory.create(customer_id="c", event_type="purchase", status=status, error="It broke.")
    told = why_not(as_viewer, trigger.pk)
    assert verdict in told
    assert "It broke." in told


def test_it_says_who_had_paused_the_trigger_then(
    as_viewer: Client, make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("c")
    trigger = make_trigger()
    update_trigger(trigger_id=trigger.pk, values={"status": "paused"}, now=clock.now())
    send(customer_id="c")
    told = why_not(as_viewer, trigger.pk)
    assert "The trigger was paused when the newest event was processed." in told
    assert "system made it paused" in told
    assert "It is active now." not in told
    update_trigger(trigger_id=trigger.pk, values={"status": "active"}, now=clock.now())
    told = why_not(as_viewer, trigger.pk)
    assert "The trigger was paused when the newest event was processed." in told
    assert "It is active now." in told


def test_it_says_that_the_trigger_came_later_or_listened_to_something_else(
    as_viewer: Client, make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("c")
    send(customer_id="c")
    trigger = make_trigger(eventType="purchase")
    assert "The trigger was not there yet" in why_not(as_viewer, trigger.pk)
    other = make_trigger(eventType="page.viewed")
    send(customer_id="c")
    update_trigger(trigger_id=other.pk, values={"event_type": "purchase"}, now=clock.now())
    assert "The trigger did not listen to this type" in why_not(as_viewer, other.pk)


def test_the_dry_run_shows_every_leaf_and_changes_nothing(
    as_viewer: Client,
    make_trigger: MakeTrigger,
    make_customer: MakeCustomer,
    send: Send,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    make_customer("c", event_count=1)
    trigger = make_trigger(
        status="paused",
        condition={
            "all": [
                {"field": "amount", "operator": "gt", "value": 500},
                {"field": "customer.event_count", "operator": "eq", "value": 1},
            ]
        },
    )
    send(customer_id="c", properties={"amount": 20})
    assert "Try it now with that event" in why_not(as_viewer, trigger.pk)
    before = (Event.objects.count(), Firing.objects.count(), Record.objects.get().attributes)
    with django_assert_max_num_queries(14):
        told = why_not(as_viewer, trigger.pk, **{"try": "1"})
    assert "It would not fire now" in told
    assert "Does not hold: amount 20 is not greater than 500." in told
    assert "Holds: customer.event_count" in told
    assert "&quot;after&quot;: 2" in told
    assert (Event.objects.count(), Firing.objects.count(), Record.objects.get().attributes) == before


def test_a_trigger_that_is_not_there_is_told_so(as_viewer: Client) -> None:
    answer = as_viewer.get("/studio/why-not/c", {"trigger": "trg_nothing"})
    assert answer.status_code == 404
    assert "There is no trigger" in answer.content.decode()
    assert as_viewer.get("/studio/why-not/c").status_code == 200


@pytest.mark.slow
def test_every_customer_of_the_bank_can_be_explained(
    as_admin: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fill(traffic=200)
    customers = Firing.objects.filter(customer_id__isnull=False).values_list("customer_id", flat=True).distinct()
    assert len(customers) > 20
    for customer_id in customers:
        with django_assert_max_num_queries(14):
            get(as_admin, f"{CUSTOMERS}/{customer_id}")
    for event_id in Firing.objects.values_list("event_id", flat=True).distinct()[:50]:
        with django_assert_max_num_queries(14):
            get(as_admin, f"/studio/events/{event_id}")
    for trigger_id, customer_id in (
        Firing.objects.order_by("trigger_id").distinct("trigger_id").values_list("trigger_id", "customer_id")
    ):
        if customer_id is not None:
            with django_assert_max_num_queries(14):
                get(as_admin, f"/studio/why-not/{customer_id}", trigger=trigger_id)


def test_the_field_for_the_trigger_suggests_triggers(as_viewer: Client, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger(name="Count purchases")
    EventFactory.create(customer_id="c")
    assert 'hx-get="/studio/why-not/c"' in get(as_viewer, f"{CUSTOMERS}/c")
    assert f'<option value="{trigger.pk}">Count purchases</option>' in get(as_viewer, "/studio/why-not/c")


# --- the list of customers -------------------------------------------------------------------------------------------


def customers_of(page: str) -> list[str]:
    return re.findall(r'<a class="mono" href="/studio/customers/([^"]+)"', page.split('id="results"', 1)[1])


def test_customers_are_listed_by_id_with_their_first_attributes(as_viewer: Client, schema: Schema) -> None:
    upsert_rows(
        schema_id=schema.pk,
        rows=[{"customerId": f"c{number:03}", "tier": "gold", "event_count": number} for number in range(60)],
        now=clock.now(),
    )
    page = get(as_viewer, CUSTOMERS)
    assert customers_of(page) == [f"c{number:03}" for number in range(50)]
    assert re.findall(r'<th scope="col">([^<]+)</th>', page) == [
        "Customer",
        "tier",
        "event_count",
        "balance",
        "last_event_date",
        "Changed",
    ]
    further = re.search(r'href="(\?before=\w+)" rel="next"', page)
    assert further is not None
    assert customers_of(get(as_viewer, CUSTOMERS + further[1])) == [f"c{number:03}" for number in range(50, 60)]


def test_customers_are_found_by_how_their_ids_begin(as_viewer: Client, schema: Schema) -> None:
    ids = ["Ada", "ada", "ada%1", "ada_2", "adam", "bob"]
    upsert_rows(schema_id=schema.pk, rows=[{"customerId": one} for one in ids], now=clock.now())
    for search, found in (
        ("ada", ["ada", "ada%251", "ada_2", "adam"]),
        ("ada%", ["ada%251"]),
        ("ada_", ["ada_2"]),
        ("Ada", ["Ada"]),
        ("bob", ["bob"]),
        ("bobo", []),
    ):
        assert customers_of(get(as_viewer, CUSTOMERS, search=search)) == found, search


def test_the_records_of_another_schema_are_a_filter_away(as_viewer: Client, schema: Schema) -> None:
    other = create_schema(schema_id="s_other", name="other", fields=[Field("size", "text")], now=clock.now())
    upsert_rows(schema_id=schema.pk, rows=[{"customerId": "a"}], now=clock.now())
    upsert_rows(schema_id=other.pk, rows=[{"customerId": "b", "size": "L"}], now=clock.now())
    assert customers_of(get(as_viewer, CUSTOMERS)) == ["a"]
    page = get(as_viewer, CUSTOMERS, schema="s_other")
    assert customers_of(page) == ["b"]
    assert ">size</th>" in page
    assert customers_of(get(as_viewer, CUSTOMERS, schema="nothing")) == []


def test_without_a_schema_the_list_says_so(as_viewer: Client) -> None:
    assert "No schema yet" in get(as_viewer, CUSTOMERS)


@pytest.mark.parametrize("count", [3, 60])
def test_the_list_of_customers_asks_few_questions(
    as_admin: Client, schema: Schema, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [{"customerId": f"c{number}"} for number in range(count)]
    upsert_rows(schema_id=schema.pk, rows=rows, now=clock.now())
    with django_assert_max_num_queries(14):
        get(as_admin, CUSTOMERS, search="c")


def test_ids_and_their_beginnings_are_found_by_an_index(schema: Schema) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    rows = Record.objects.filter(schema=schema)
    assert "record_by_beginning" in rows.order_by(ORDER)[:51].explain()


def test_a_deleted_trigger_is_named_by_its_id_in_the_timeline(as_viewer: Client) -> None:
    event = EventFactory.create(customer_id="c")
    firing = FiringFactory.create(customer_id="c", event_id=event.event_id, trigger_id="trg_gone")
    line = {"triggerId": "trg_gone", "version": 1, "decision": "fired", "firingId": firing.pk}
    Event.objects.update(decisions=[line])
    assert "trg_gone deleted since" in words(get(as_viewer, f"{CUSTOMERS}/c"))


def test_of_very_many_triggers_that_did_not_match_the_first_are_shown_and_all_are_counted(
    as_viewer: Client, make_trigger: MakeTrigger, send: Send
) -> None:
    for number in range(103):
        make_trigger(
            id=f"trg_{number:03}", name=f"Trigger {number:03}", condition={"field": "no", "operator": "exists"}
        )
    event = send()
    page = get(as_viewer, f"/studio/events/{event.event_id}")
    assert "103 triggers did not match" in page
    assert "The first 100 of them" in page
    assert page.count("is missing") == 100
    assert ("Trigger 099" in page, "Trigger 100" in page) == (True, False)
