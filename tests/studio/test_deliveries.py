"""Deliveries in Studio: the list, one with its life, and sending again."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from audit.models import Entry
from kaireon.core import clock
from kaireon.core.ids import first_id_at, time_ordered_id
from kaireon.delivery.models import Attempt, Delivery, Status
from kaireon.delivery.redelivery import Tally, redeliver_all
from kaireon.secrets.vault import set_secret
from tests.factories import EventFactory
from tests.triggers.fixtures import Send
from triggers.models import Trigger

pytestmark = pytest.mark.django_db

MakeTrigger = Callable[..., Trigger]
DELIVERIES = "/studio/deliveries"


def some_delivery(**facts: Any) -> Delivery:
    """A delivered one, a minute old."""
    whole: dict[str, Any] = {
        "id": time_ordered_id("dlv_"),
        "created_at": clock.now() - timedelta(minutes=1),
        "source": "trigger",
        "source_id": "trg_t",
        "firing_id": "fir_1",
        "event_id": "evt_1",
        "customer_id": "cust_78",
        "url": "https://shop.example.com/hook",
        "host": "shop.example.com:443",
        "method": "POST",
        "headers": {"X-Shop": "north"},
        "body": '{"amount":750}',
        "status": Status.DELIVERED,
        "attempts": 1,
        "last_status": 200,
        **facts,
    }
    if whole["status"] == Status.PENDING:
        whole.setdefault("next_attempt_at", clock.now())
    return Delivery.objects.create(**whole)


def get(client: Client, path: str, **query: Any) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def rows(page: str) -> list[str]:
    return re.findall(r'<tr id="row-(dlv_\w+)"', page)


def test_the_newest_deliveries_stand_on_top_fifty_to_a_page(as_viewer: Client) -> None:
    ids = sorted((some_delivery().pk for _ in range(60)), reverse=True)
    page = get(as_viewer, DELIVERIES)
    assert rows(page) == ids[:50]
    older = re.search(r'href="(\?before=\w+)" rel="next"', page)
    assert older is not None
    assert rows(get(as_viewer, DELIVERIES + older[1])) == ids[50:]


@pytest.mark.parametrize("count", [3, 60])
def test_the_pages_ask_few_questions_however_many_rows(
    as_admin: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    deliveries = [some_delivery() for _ in range(count)]
    for number in range(1, count):
        _attempt(deliveries[0], number)
    with django_assert_max_num_queries(14):
        get(as_admin, DELIVERIES, since="2020-01-01T00:00")
    with django_assert_max_num_queries(14):
        get(as_admin, f"{DELIVERIES}/{deliveries[0].pk}")


def _attempt(delivery: Delivery, number: int, **facts: Any) -> None:
    Attempt.objects.create(
        delivery=delivery, number=number, **{"started_at": clock.now(), "duration_ms": 12.5, **facts}
    )


def test_every_filter_narrows_the_list(as_viewer: Client) -> None:
    two_days_ago = clock.now() - timedelta(days=2)
    wanted = some_delivery(
        id=first_id_at("dlv_", two_days_ago)[:-1] + "7",
        created_at=two_days_ago,
        source_id="trg_other",
        firing_id="fir_other",
        event_id="evt_other",
        customer_id="order 7",
        host="push.example.com:443",
        status=Status.DEAD,
    )
    newer = some_delivery()
    day_ago = f"{clock.now() - timedelta(days=1):%Y-%m-%dT%H:%M}"
    for query in (
        {"search": "order 7"},
        {"search": "fir_other"},
        {"search": "evt_other"},
        {"search": wanted.pk},
        {"source_id": "trg_other"},
        {"host": "push.example.com"},
        {"host": "push.example.com:443"},
        {"status": "dead"},
        {"until": day_ago},
    ):
        assert rows(get(as_viewer, DELIVERIES, **query)) == [wanted.pk], query
    assert rows(get(as_viewer, DELIVERIES, since=day_ago)) == [newer.pk]
    assert rows(get(as_viewer, DELIVERIES)) == [newer.pk, wanted.pk]


def test_a_row_says_what_came_of_the_last_attempt(as_viewer: Client) -> None:
    some_delivery()
    some_delivery(status=Status.PENDING, attempts=0, last_status=None)
    some_delivery(status=Status.PENDING, attempts=2, last_error="The connection was refused.", last_status=None)
    some_delivery(kind="email", url="mailto:ada@example.com", host="e-mail", last_status=None, method="SEND")
    page = get(as_viewer, DELIVERIES)
    for words in ("Answered 200", "Not tried yet", "The connection was refused.", "Taken by the mail server"):
        assert words in page
    assert "ada@example.com" in page
    assert page.count("data-unsettled") == 2


def test_the_tail_goes_on_from_the_newest_delivery(as_viewer: Client) -> None:
    some_delivery()
    found = re.search(r'data-newest="(\w+)"', get(as_viewer, DELIVERIES))
    assert found is not None
    fresh = some_delivery(status=Status.DEAD)
    some_delivery()
    assert rows(get(as_viewer, DELIVERIES, after=found[1], status="dead")) == [fresh.pk]


def test_secrets_are_masked_on_every_page(as_viewer: Client, make_trigger: MakeTrigger, send: Send) -> None:
    set_secret(name="shop_token", value="hunter2-hunter2")
    make_trigger(
        actionType="webhook",
        actionConfig={
            "url": "https://shop.example.com/hook",
            "headers": {"Authorization": "Bearer {{secret.shop_token}}"},
            "bodyTemplate": {"token": "{{secret.shop_token}}", "customer": "{{event.customerId}}"},
        },
    )
    send()
    delivery = Delivery.objects.get()
    assert delivery.secret_nonce
    page = get(as_viewer, DELIVERIES) + get(as_viewer, f"{DELIVERIES}/{delivery.pk}")
    assert "Bearer {{secret.shop_token}}" in page
    assert "hunter2" not in page
    assert delivery.secret_nonce not in page


def test_one_delivery_tells_its_life_from_the_queue_to_its_end(as_viewer: Client) -> None:
    delivery = some_delivery(
        status=Status.DEAD, attempts=2, reason="Given up after 2 attempts. The receiver answered 503.", last_status=503
    )
    EventFactory.create(event_id="evt_1")
    _attempt(delivery, 1, error="The connection was refused.")
    _attempt(
        delivery,
        2,
        error="The receiver answered 503.",
        response_status=503,
        response_excerpt="<b>Down</b>",
        manual=True,
    )
    page = get(as_viewer, f"{DELIVERIES}/{delivery.pk}")
    life = page.split('class="timeline"', 1)[1]
    titles = re.findall(r"<h3>([^<]+)</h3>", life)
    assert titles == ["Queued", "Attempt 1", "Attempt 2, asked for by hand", "Given up"]
    for text in (
        "Given up after 2 attempts. The receiver answered 503.",
        "&lt;b&gt;Down&lt;/b&gt;",
        "&quot;amount&quot;: 750",
        'href="/studio/events/evt_1"',
        'href="/studio/events/evt_1#fir_1"',
        'href="/studio/customers/cust_78"',
        "12 ms",
    ):
        assert text in page, text


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (Status.PENDING, "Next: attempt 2"),
        (Status.HELD, "Held"),
        (Status.CANCELLED, "Cancelled"),
        (Status.DELIVERED, "Delivered"),
    ],
)
def test_its_last_step_is_where_it_stands(as_viewer: Client, status: Status, title: str) -> None:
    delivery = some_delivery(status=status, reason="The gate said so." if status in {"held", "cancelled"} else "")
    page = get(as_viewer, f"{DELIVERIES}/{delivery.pk}")
    assert re.findall(r"<h3>([^<]+)</h3>", page.split('class="timeline"', 1)[1])[-1] == title
    assert ("The gate said so." in page) == (status in {Status.HELD, Status.CANCELLED})


@pytest.mark.parametrize("status", list(Status))
def test_what_has_ended_can_be_sent_again_and_what_has_not_has_no_button(as_editor: Client, status: Status) -> None:
    delivery = some_delivery(status=status)
    has_ended = status not in {Status.PENDING, Status.HELD}
    assert ("Send again" in get(as_editor, f"{DELIVERIES}/{delivery.pk}")) == has_ended
    answer = as_editor.post(reverse("studio-delivery-redeliver", args=[delivery.pk]))
    delivery.refresh_from_db()
    if has_ended:
        assert (answer.status_code, answer["Location"]) == (302, f"{DELIVERIES}/{delivery.pk}")
        assert (delivery.status, delivery.is_redelivery) == (Status.PENDING, True)
        assert Entry.objects.get(action="delivery.redelivered").facts["status"] == status
    else:
        assert answer.status_code == 409
        assert "is going to be sent anyway" in answer.content.decode()


SEND_AGAIN = "/studio/deliveries/send-again"


def test_ticked_deliveries_are_counted_before_they_are_sent_again(as_editor: Client) -> None:
    first, second = some_delivery(status=Status.DEAD), some_delivery(status=Status.DEAD)
    delivered = some_delivery()
    query = f"{SEND_AGAIN}?which=ticked&id={first.pk}&id={delivered.pk}"
    question = get(as_editor, query)
    assert "There is 1 delivery given up among those that you ticked." in question
    assert "Send 1 delivery" in question
    assert as_editor.post(query)["Location"] == DELIVERIES
    assert "1 delivery was queued again." in get(as_editor, DELIVERIES)
    assert set(Delivery.objects.filter(status=Status.DEAD)) == {second}
    assert Delivery.objects.get(pk=delivered.pk).status == Status.DELIVERED


def test_all_that_fit_the_filters_are_sent_again_and_no_others(as_editor: Client) -> None:
    here, there = "push.example.com:443", "shop.example.com:443"
    for host in (here, here, there):
        some_delivery(status=Status.DEAD, host=host)
    query = f"{SEND_AGAIN}?which=all&host=push.example.com"
    assert "There are 2 deliveries given up that fit the filters." in get(as_editor, query)
    as_editor.post(query)
    assert list(Delivery.objects.filter(status=Status.DEAD).values_list("host", flat=True)) == [there]


def test_more_than_ten_thousand_are_not_counted(as_editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        some_delivery(status=Status.DEAD)
    monkeypatch.setattr("kaireon.studio.bulk.capped_count", lambda rows: 10_001)
    question = get(as_editor, f"{SEND_AGAIN}?which=all")
    assert "There are more than 10,000 deliveries given up in all." in question
    assert "At most 5,000 go at once" in question
    assert "Send 5,000 deliveries" in question


def test_they_go_in_batches_and_what_is_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = sorted(some_delivery(status=Status.DEAD, retries=3, reason="Gone.").pk for _ in range(5))
    monkeypatch.setattr("kaireon.delivery.redelivery.BATCH_SIZE", 2)
    now = clock.now()
    assert redeliver_all(deliveries=Delivery.objects.all(), now=now, at_most=3) == Tally(3, 2)
    queued = Delivery.objects.filter(status=Status.PENDING).order_by("pk")
    assert [one.pk for one in queued] == ids[:3]
    assert {(one.retries, one.reason, one.next_attempt_at) for one in queued} == {(0, "", now)}
    entries = Entry.objects.filter(action="delivery.redelivered").order_by("id")
    assert [entry.subject for entry in entries] == ids[:3]
    assert entries[0].facts == {"firingId": "fir_1", "status": "dead", "attempts": 1}
    assert redeliver_all(deliveries=Delivery.objects.all(), now=now) == Tally(2, 0)


def test_one_that_dies_again_meanwhile_is_not_sent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        some_delivery(status=Status.DEAD)
    monkeypatch.setattr("kaireon.delivery.redelivery.BATCH_SIZE", 1)
    monkeypatch.setattr(
        "kaireon.delivery.redelivery.record", lambda *entries: Delivery.objects.update(status=Status.DEAD)
    )
    assert redeliver_all(deliveries=Delivery.objects.all(), now=clock.now()) == Tally(3, 0)


def test_a_viewer_sees_no_buttons_and_may_not_send(as_viewer: Client) -> None:
    delivery = some_delivery(status=Status.DEAD)
    page = get(as_viewer, DELIVERIES) + get(as_viewer, f"{DELIVERIES}/{delivery.pk}")
    assert "again" not in page.lower().replace("against", "")
    assert 'type="checkbox"' not in page
    for path in (f"{SEND_AGAIN}?which=all", f"{SEND_AGAIN}?which=ticked&id={delivery.pk}"):
        assert (as_viewer.get(path).status_code, as_viewer.post(path).status_code) == (403, 403)
    assert as_viewer.post(reverse("studio-delivery-redeliver", args=[delivery.pk])).status_code == 403
    assert Delivery.objects.get().status == Status.DEAD


@pytest.mark.parametrize("name", ["dlv_nothing", "a b"])
def test_a_delivery_that_is_not_there_is_a_page_with_404(as_viewer: Client, name: str) -> None:
    assert as_viewer.get(f"{DELIVERIES}/{name}").status_code == 404


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"host": "h:443"}, "delivery_by_host"),
        ({"source_id": "trg_t"}, "delivery_by_source"),
        ({"customer_id": "c"}, "delivery_by_customer"),
        ({"status": "dead"}, "delivery_by_status"),
    ],
)
def test_filter_and_order_share_an_index(filters: dict[str, str], index: str) -> None:
    with connection.cursor() as cursor:
        # So many that walking through all of them would be the dearer way.
        cursor.execute(
            """
            INSERT INTO delivery_delivery (id, created_at, source, source_id, firing_id, event_id, customer_id, kind,
                                           url, host, method, headers, body, secret_nonce, status, reason, attempts,
                                           retries, is_redelivery, last_error)
            SELECT 'dlv_' || n, now(), 'trigger', 'trg' || n % 500, 'fir' || n, 'evt' || n, 'cust' || n % 500, 'http',
                   'http://h', 'host' || n % 500, 'POST', '{}', '{}', '',
                   CASE WHEN n % 500 = 0 THEN 'dead' ELSE 'delivered' END, '', 0, 0, false, ''
            FROM generate_series(1, 5000) AS n
            """
        )
        cursor.execute("ANALYZE delivery_delivery")
    assert index in Delivery.objects.filter(**filters).order_by("-id")[:51].explain()
