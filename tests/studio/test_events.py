"""The event log in Studio: the list, its live tail, one event, and replaying what failed."""

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
from kaireon.events.models import Event, EventStatus
from kaireon.events.replay import Tally, replay_all
from tests.factories import EventFactory, FiringFactory
from tests.triggers.fixtures import Send, process_all
from triggers.models import Firing, Trigger

pytestmark = pytest.mark.django_db

MakeTrigger = Callable[..., Trigger]
MakeCustomer = Callable[..., None]
EARLIER = timedelta(minutes=1)
EVENTS = "/studio/events"


def some_event(**facts: Any) -> Event:
    """One that came a minute ago, so that the tail takes it for settled."""
    return EventFactory.create(**{"received_at": clock.now() - EARLIER, **facts})


def rows(page: str) -> list[str]:
    """The ids of the events that a page shows, in its order."""
    return re.findall(r'href="/studio/events/([^"#/?]+)"', page.split("data-newest", 1)[1])


def get(client: Client, path: str, **query: Any) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_the_newest_events_stand_on_top_fifty_to_a_page(as_viewer: Client) -> None:
    events = [some_event().event_id for _ in range(60)][::-1]
    page = get(as_viewer, EVENTS)
    assert rows(page) == events[:50]
    older = re.search(r'href="(\?before=\d+)" rel="next"', page)
    assert older is not None
    assert rows(get(as_viewer, EVENTS + older[1])) == events[50:]


@pytest.mark.parametrize("count", [3, 60])
def test_the_list_asks_few_questions_however_many_rows(
    as_admin: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        some_event(decisions=[{"triggerId": "t", "version": 1, "decision": "fired", "firingId": "f"}])
    with django_assert_max_num_queries(14):
        get(as_admin, EVENTS, since="2020-01-01T00:00", until="2100-01-01T00:00")


def test_every_filter_narrows_the_list(as_viewer: Client) -> None:
    now = clock.now()
    wanted = some_event(
        event_type="order.placed",
        customer_id="Zoë / 7",
        source="kafka",
        status=EventStatus.FAILED,
        received_at=now - timedelta(days=2),
    )
    other = some_event()
    day_ago = f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}"
    for query in (
        {"customer": "Zoë / 7"},
        {"event_type": "order.placed"},
        {"source": "kafka"},
        {"status": "failed"},
        {"until": day_ago},
        {"customer": "Zoë / 7", "event_type": "order.placed", "status": "failed", "source": "kafka", "until": day_ago},
    ):
        assert rows(get(as_viewer, EVENTS, **query)) == [wanted.event_id], query
    assert rows(get(as_viewer, EVENTS, since=day_ago)) == [other.event_id]
    assert "Nothing fits these filters" in get(as_viewer, EVENTS, customer="nobody")
    assert rows(get(as_viewer, EVENTS)) == [other.event_id, wanted.event_id]


def test_moments_bound_the_list_exactly_though_numbers_and_moments_may_be_at_odds(as_viewer: Client) -> None:
    moment = clock.now().replace(second=0, microsecond=0) - timedelta(days=1)
    minutes = (-20, 1, 0, -1, 20)  # the middle ones numbered against the order of their moments
    events = {ahead: some_event(received_at=moment + timedelta(minutes=ahead)).event_id for ahead in minutes}
    text = f"{moment:%Y-%m-%dT%H:%M}"
    assert rows(get(as_viewer, EVENTS, since=text)) == [events[20], events[0], events[1]]
    assert rows(get(as_viewer, EVENTS, until=text)) == [events[-1], events[-20]]


def test_a_moment_that_is_none_is_told_at_its_field(as_viewer: Client) -> None:
    some_event()
    page = get(as_viewer, EVENTS, since="yesterday")
    assert rows(page) == []
    assert "Enter a valid date/time." in page


def test_a_row_says_in_short_what_was_decided(as_viewer: Client) -> None:
    line = {"triggerId": "t", "version": 1}
    some_event(
        decisions=[
            {**line, "decision": "condition_false"},
            {**line, "decision": "fired"},
            {**line, "decision": "cooldown"},
            {"decision": "condition_false", "count": 7, "state": 1},
        ]
    )
    page = get(as_viewer, EVENTS)
    assert re.findall(r'class="decided__part[^"]*">([^<]+)<', page) == ["1 fired", "1 in cooldown", "8 did not match"]
    Event.objects.update(decisions=[])
    assert "no trigger listens" in get(as_viewer, EVENTS)
    Event.objects.update(status=EventStatus.PENDING)
    assert "no trigger listens" not in get(as_viewer, EVENTS)


def newest(page: str) -> str:
    found = re.search(r'data-newest="([^"]*)"', page)
    assert found is not None
    return found[1]


def test_the_tail_answers_with_what_came_since_and_fits_the_filters(as_viewer: Client) -> None:
    some_event(event_type="purchase")
    start = newest(get(as_viewer, EVENTS, event_type="purchase"))
    assert rows(get(as_viewer, EVENTS, event_type="purchase", after=start)) == []
    first = some_event(event_type="purchase")
    some_event(event_type="page.viewed")
    second = some_event(event_type="purchase")
    answer = get(as_viewer, EVENTS, event_type="purchase", after=start)
    assert rows(answer) == [second.event_id, first.event_id]
    assert 'data-new-count="2" data-more="0"' in answer
    assert "<html" not in answer
    assert rows(get(as_viewer, EVENTS, event_type="purchase", after=newest(answer))) == []


def test_an_event_of_this_very_moment_comes_with_the_next_look(as_viewer: Client) -> None:
    some_event()
    start = newest(get(as_viewer, EVENTS))
    event = some_event(received_at=clock.now())
    assert rows(get(as_viewer, EVENTS, after=start)) == []
    Event.objects.filter(pk=event.pk).update(received_at=clock.now() - EARLIER)
    assert rows(get(as_viewer, EVENTS, after=start)) == [event.event_id]


def test_the_tail_shows_fifty_at_once_and_says_how_many_more_came(as_viewer: Client) -> None:
    start = newest(get(as_viewer, EVENTS))
    assert start == ""
    events = [some_event().event_id for _ in range(57)][::-1]
    answer = get(as_viewer, EVENTS, after="")
    assert rows(answer) == events[:50]
    assert 'data-new-count="50" data-more="7"' in answer


def test_the_tail_looks_again_at_rows_that_were_under_way(as_viewer: Client) -> None:
    event = some_event(status=EventStatus.PENDING)
    page = get(as_viewer, EVENTS)
    assert "data-unsettled" in page
    Event.objects.update(status=EventStatus.PROCESSED)
    answer = get(as_viewer, EVENTS, after=newest(page), row=event.pk)
    assert rows(answer) == [event.event_id]
    assert "data-unsettled" not in answer
    assert 'data-new-count="0"' in answer


@pytest.mark.parametrize("nonsense", ["x", "9" * 40, "\0", "-1"])
def test_places_that_nobody_was_given_are_no_failure(as_viewer: Client, nonsense: str) -> None:
    some_event()
    for query in ({"after": nonsense}, {"after": "0", "row": nonsense}):
        assert as_viewer.get(EVENTS, query).status_code == 200


def test_the_tail_asks_few_questions(as_admin: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(60):
        some_event()
    with django_assert_max_num_queries(8):
        get(as_admin, EVENTS, after="0", row=[1, 2, 3])


def test_an_event_page_tells_every_decision_in_words(
    as_viewer: Client, make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78", event_count=4)
    fires = make_trigger(name="Count purchases", cooldownMs=60_000)
    picky = make_trigger(
        name="Large ones", condition={"field": "metadata.amount", "operator": "gt", "value": 500}, priority=90
    )
    first = send(properties={"metadata": {"amount": 120}})
    page = get(as_viewer, f"{EVENTS}/{first.event_id}")
    firing = Firing.objects.get(event_id=first.event_id)
    for text in (
        "Count purchases",
        "Changed 1 attribute of the customer.",
        '<span class="mono value">4</span>',
        '<span class="mono value">5</span>',
        "Large ones",
        "metadata.amount: 120 is not greater than 500.",
        f'id="{firing.pk}"',
        "&quot;amount&quot;: 120",
    ):
        assert text in page, text
    assert page.index("Count purchases") < page.index("Large ones")  # what acted comes first, whatever its priority
    second = get(as_viewer, f"{EVENTS}/{send().event_id}")
    assert "It had fired for this customer within its cooldown." in second
    assert "It could fire again from" in second
    assert "changed since" not in page
    Trigger.objects.filter(pk=picky.pk).update(version=2)
    fires.delete()
    changed = get(as_viewer, f"{EVENTS}/{first.event_id}")
    assert "version 1, changed since" in changed
    assert "deleted since" in changed


def test_an_event_page_shows_what_led_to_what_as_a_tree(
    as_viewer: Client, make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    make_trigger(name="Count purchases")
    event = send()
    caused = Event.objects.get(depth=1)
    firing = Firing.objects.get()
    page = get(as_viewer, f"{EVENTS}/{caused.event_id}")
    tree = page.split("tree--root", 1)[1].split("</section>", 1)[0]
    assert re.findall(r'href="([^"]+)"', tree) == [
        f"{EVENTS}/{event.event_id}",
        f"/studio/firings/{firing.pk}",
    ]
    assert tree.count('aria-current="true"') == 1
    assert "this event" in tree


def test_a_deep_chain_costs_an_event_page_no_more_questions(
    as_admin: Client,
    make_trigger: MakeTrigger,
    make_customer: MakeCustomer,
    send: Send,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    make_customer("cust_78")
    make_trigger(eventType="customer.updated")
    make_trigger()
    event = send()
    assert Event.objects.filter(depth=8).count() == 1
    for _ in range(60):
        FiringFactory.create(event_id=event.event_id, trigger_id=f"trg_{_}")
    with django_assert_max_num_queries(14):
        get(as_admin, f"{EVENTS}/{event.event_id}")


def test_an_event_that_is_not_there_is_a_page_with_404(as_viewer: Client) -> None:
    assert as_viewer.get(f"{EVENTS}/nothing").status_code == 404


def test_a_failed_event_is_replayed_from_its_page(as_editor: Client, make_trigger: MakeTrigger) -> None:
    make_trigger()
    event = some_event(status=EventStatus.FAILED, attempts=5, error="It broke.")
    assert "Replay" in get(as_editor, f"{EVENTS}/{event.event_id}")
    answer = as_editor.post(reverse("studio-event-replay", args=[event.event_id]))
    assert (answer.status_code, answer["Location"]) == (302, f"{EVENTS}/{event.event_id}")
    event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == (EventStatus.PENDING, 0, "It broke.")
    assert Entry.objects.get(action="event.replayed").actor == "user:editor-of-tests"


def test_what_did_not_fail_is_not_replayed_and_that_is_said(as_editor: Client) -> None:
    event = some_event()
    answer = as_editor.post(reverse("studio-event-replay", args=[event.event_id]))
    assert answer.status_code == 409
    assert "Only a failed event can be replayed" in answer.content.decode()


def test_viewers_see_no_buttons(as_viewer: Client) -> None:
    event = some_event(status=EventStatus.FAILED)
    page = get(as_viewer, EVENTS) + get(as_viewer, f"{EVENTS}/{event.event_id}")
    assert "Replay" not in page
    assert 'type="checkbox"' not in page


REPLAY = "/studio/replay-events"


def failed_events(count: int, **facts: Any) -> list[Event]:
    return [some_event(status=EventStatus.FAILED, error="It broke.", **facts) for _ in range(count)]


def test_ticked_events_are_counted_before_they_are_replayed(as_editor: Client) -> None:
    first, second, third = failed_events(3)
    done = some_event()
    query = f"{REPLAY}?which=ticked&id={first.pk}&id={third.pk}&id={done.pk}"
    question = get(as_editor, query)
    assert "There are 2 failed events among those that you ticked." in question
    assert "Replay 2 events" in question
    assert Event.objects.filter(status=EventStatus.PENDING).count() == 0
    assert as_editor.post(query)["Location"] == EVENTS
    assert set(Event.objects.filter(status=EventStatus.PENDING)) == {first, third}
    assert "2 events were queued again." in get(as_editor, EVENTS)
    assert second.pk == Event.objects.get(status=EventStatus.FAILED).pk


def test_all_that_fit_the_filters_are_replayed_and_no_others(as_editor: Client) -> None:
    failed_events(2, event_type="purchase")
    failed_events(1, event_type="page.viewed")
    query = f"{REPLAY}?which=all&event_type=purchase&status="
    assert "There are 2 failed events that fit the filters." in get(as_editor, query)
    answer = as_editor.post(query)
    assert answer["Location"] == f"{EVENTS}?event_type=purchase&status="
    assert list(Event.objects.filter(status=EventStatus.FAILED).values_list("event_type", flat=True)) == ["page.viewed"]


def test_nothing_ticked_is_no_question(as_editor: Client) -> None:
    failed_events(1)
    assert "Tick rows in the list first." in get(as_editor, f"{REPLAY}?which=ticked")
    assert "Nothing that fits the filters" in get(as_editor, f"{REPLAY}?which=all&customer=nobody")
    assert as_editor.post(f"{REPLAY}?which=ticked").status_code == 302
    assert Event.objects.filter(status=EventStatus.FAILED).count() == 1


def test_filters_that_cannot_be_read_replay_nothing(as_editor: Client) -> None:
    failed_events(1)
    for answer in (as_editor.get(f"{REPLAY}?which=all&since=x"), as_editor.post(f"{REPLAY}?which=all&since=x")):
        assert answer.status_code in {302, 400}
    assert Event.objects.filter(status=EventStatus.FAILED).count() == 1


def test_more_than_go_at_once_says_how_many_are_left(as_editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failed_events(5)
    monkeypatch.setattr("kaireon.events.replay.BATCH_SIZE", 2)
    assert replay_all(events=Event.objects.all(), at_most=3) == Tally(3, 2)
    assert replay_all(events=Event.objects.all()) == Tally(2, 0)
    assert Entry.objects.filter(action="event.replayed").count() == 5


def test_one_that_fails_anew_meanwhile_is_not_replayed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    failed_events(3)
    monkeypatch.setattr("kaireon.events.replay.BATCH_SIZE", 1)

    def fail_again(*entries: Any) -> None:
        Event.objects.update(status=EventStatus.FAILED)

    monkeypatch.setattr("kaireon.events.replay.record", fail_again)
    assert replay_all(events=Event.objects.all()) == Tally(3, 0)


def test_what_has_fired_does_not_fire_again_in_bulk(
    as_editor: Client, make_trigger: MakeTrigger, make_customer: MakeCustomer, send: Send
) -> None:
    make_customer("cust_78")
    make_trigger()
    event = send()
    late = make_trigger(name="Late")
    Event.objects.filter(pk=event.pk).update(status=EventStatus.FAILED, error="It broke afterwards.")
    as_editor.post(f"{REPLAY}?which=all")
    process_all()
    assert Firing.objects.filter(event_id=event.event_id).count() == 2
    assert Firing.objects.filter(event_id=event.event_id, trigger_id=late.pk).count() == 1


def test_a_viewer_may_neither_ask_nor_replay(as_viewer: Client) -> None:
    (event,) = failed_events(1)
    for path in (f"{REPLAY}?which=all", f"{REPLAY}?which=ticked&id={event.pk}"):
        assert (as_viewer.get(path).status_code, as_viewer.post(path).status_code) == (403, 403)
    assert as_viewer.post(reverse("studio-event-replay", args=[event.event_id])).status_code == 403
    assert Event.objects.get().status == EventStatus.FAILED


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"source": "kafka"}, "event_by_source"),
        ({"event_type": "purchase"}, "event_by_type"),
        ({"customer_id": "c"}, "event_by_customer"),
    ],
)
def test_filter_and_order_share_an_index(filters: dict[str, str], index: str) -> None:
    with connection.cursor() as cursor:
        # So many that walking through all of them would be the dearer way.
        cursor.execute(
            """
            INSERT INTO events_event (event_id, event_type, customer_id, occurred_at, received_at, properties, source,
                                      cause, depth, lane, status, attempts, error, decisions)
            SELECT 'e' || n, 'type' || n % 500, 'cust' || n % 500, now(), now(), '{}', 'source' || n % 500,
                   '', 0, 0, 'processed', 0, '', '[]'
            FROM generate_series(1, 5000) AS n
            """
        )
        cursor.execute("ANALYZE events_event")
    assert index in Event.objects.filter(**filters).order_by("-sequence")[:51].explain()
