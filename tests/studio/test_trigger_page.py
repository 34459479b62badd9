"""The pages of one trigger: what it does and did, its firings, one firing, its history, and a deleted one's remains."""

import html
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from kaireon.core import clock
from kaireon.decisioning.models import Channel, DecisionFlow
from kaireon.delivery.models import Delivery
from kaireon.journeys.models import Journey, JourneyStatus
from tests.factories import EventFactory, FiringFactory
from tests.journeys.building import make_journey, one_wait
from tests.studio.test_trigger_list import text_of
from tests.triggers.fixtures import Send
from triggers.engine.tally import add_to_tallies
from triggers.lifecycle import delete_trigger, update_trigger
from triggers.models import Firing, Trigger
from triggers.studio.chart import RANGES, chart_of
from triggers.studio.history import diff

pytestmark = pytest.mark.django_db

MakeTrigger = Callable[..., Trigger]
HTTPS = {"actionType": "webhook", "actionConfig": {"url": "https://example.com/hook", "headers": {"X-A": "b"}}}


def page_of(trigger: Trigger | str, tab: str = "") -> str:
    trigger_id = trigger if isinstance(trigger, str) else trigger.pk
    return f"/studio/triggers/{trigger_id}{tab}"


def count(trigger: Trigger, *, at: datetime | None = None, **counts: int) -> None:
    """Puts decisions into the trigger's tally."""
    add_to_tallies(
        {(trigger.pk, name): number for name, number in counts.items()}, {}, state=1, lane=1, now=at or clock.now()
    )


# --- what it does


def test_the_overview_says_in_a_sentence_and_in_parts_what_the_trigger_does(
    as_admin: Client, make_trigger: MakeTrigger
) -> None:
    trigger = make_trigger(
        name="High-Value Purchase",
        description="For the best",
        eventType="outcome.recorded",
        condition={"all": [{"field": "metadata.amount", "operator": "gt", "value": 500}]},
        cooldownMs=86_400_000,
        priority=75,
        **HTTPS,
    )
    text = text_of(as_admin.get(page_of(trigger)))
    for words in (
        "High-Value Purchase Active trg_high_value_purchase For the best",
        "When outcome.recorded arrives and metadata.amount is over 500:",
        "Priority 75 High",
        "Cooldown Once per 24 hours per customer",
        "URL https://example.com/hook Method POST",
        "It has not fired yet.",
    ):
        assert words in text
    for part in ("Pause", "Disable", "Edit", "Duplicate", "Test", "Delete", "Audit log"):
        assert part in text


def test_targets_are_named_and_linked_and_one_that_can_not_be_used_is_told(
    as_admin: Client, make_trigger: MakeTrigger
) -> None:
    make_journey(one_wait())
    trigger = make_trigger(actionType="enroll_journey", actionConfig={"journeyId": "jrn_loan_nurture"})
    fine = as_admin.get(page_of(trigger))
    assert 'href="/studio/journeys/jrn_loan_nurture"' in fine.content.decode()
    assert "every firing fails" not in text_of(fine)
    Journey.objects.update(status=JourneyStatus.PAUSED, name="Nurture")
    assert "The journey Nurture is paused: nobody is enrolled, and every firing fails until it is active." in text_of(
        as_admin.get(page_of(trigger))
    )
    Journey.objects.all().delete()
    assert "The journey jrn_loan_nurture is gone: every firing fails." in text_of(as_admin.get(page_of(trigger)))


def test_a_channel_that_nothing_is_sent_through_is_no_target(as_admin: Client, make_trigger: MakeTrigger) -> None:
    now = clock.now()
    DecisionFlow.objects.create(id="df_a", name="Flow", created_at=now, updated_at=now)
    Channel.objects.create(
        id="ch_a", name="Push", channel_type="in_app", config={}, status="paused", created_at=now, updated_at=now
    )
    config = {"decisionFlowId": "df_a", "channelId": "ch_a", "deliverImmediately": True}
    trigger = make_trigger(actionType="fire_recommend", actionConfig=config)
    assert "The channel Push is paused" in text_of(as_admin.get(page_of(trigger)))
    update_trigger(
        trigger_id=trigger.pk, values={"action_config": {**config, "deliverImmediately": False}}, now=clock.now()
    )
    assert "The channel Push is paused" not in text_of(as_admin.get(page_of(trigger)))


# --- what it did


def test_the_chart_and_its_table_count_each_end_in_the_range_that_is_asked_for(
    as_admin: Client, make_trigger: MakeTrigger
) -> None:
    trigger = make_trigger()
    now = clock.now()
    count(trigger, succeeded=5, queued=2, skipped=1, failed=3, cooldown=4, missing_customer=6, loop_stopped=7)
    count(trigger, at=now - timedelta(days=2), succeeded=100)
    count(trigger, at=now - timedelta(days=20), failed=1000)
    for wanted, bars, done, failed in (("24h", 24, 8, 3), ("7d", 28, 108, 3), ("30d", 30, 108, 1003)):
        answer = as_admin.get(page_of(trigger), {"range": wanted})
        data = re.findall(r'<script id="chart-data" type="application/json">(.*?)</script>', answer.content.decode())
        chart = json.loads(data[0])
        assert len(chart["labels"]) == bars
        sums = {one["name"]: sum(one["values"]) for one in chart["series"]}
        assert sums == {
            "done": done, "failed": failed, "cooldown": 4, "missing_customer": 6, "loop_stopped": 7,
            "condition_false": 0,
        }  # fmt: skip
        assert answer.content.decode().count('<th scope="row">') == bars
        assert f"Fired {done} " in text_of(answer)
    assert "in the last 24 hours" in text_of(as_admin.get(page_of(trigger), {"range": "nonsense"}))


def test_the_last_bar_is_the_running_one_and_bars_begin_at_whole_hours_and_days() -> None:
    now = datetime(2026, 5, 14, 9, 47, tzinfo=UTC)
    hours, weeks, months = (chart_of("trg_t", RANGES[name], now=now) for name in RANGES)
    assert (hours.bars[0][0], hours.bars[-1][0]) == ("10:00", "09:00")
    assert (weeks.bars[0][0], weeks.bars[-1][0]) == ("Thu 12:00", "Thu 06:00")
    assert (months.bars[0][0], months.bars[-1][0]) == ("15 Apr", "14 May")


def test_the_funnel_leads_from_events_to_deliveries_and_each_step_to_its_list(
    as_admin: Client, make_trigger: MakeTrigger, send: Send
) -> None:
    trigger = make_trigger(condition={"field": "amount", "operator": "gt", "value": 5}, cooldownMs=60_000, **HTTPS)
    for number in range(10):
        send(customer_id=f"cust_{number}", properties={"amount": number})
    send(customer_id="cust_9", properties={"amount": 9})
    Delivery.objects.filter(customer_id="cust_6").update(status="delivered")
    Delivery.objects.filter(customer_id="cust_7").update(status="dead")
    answer = as_admin.get(page_of(trigger))
    text = text_of(answer)
    for words in (
        "Events looked at 11 6 condition not met",
        "Condition met 5 45% of the step before 1 in cooldown",
        "Fired 4 80% of the step before",
        "Action done or handed to delivery 4 100% of the step before",
        "Delivered 1 25% of its deliveries 2 waiting 1 given up",
    ):
        assert words in text
    funnel = answer.content.decode().split('<ol class="funnel"')[1].split("</ol>")[0]
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', funnel)]
    assert len(links) == 7
    rows = [as_admin.get(link).content.decode().count("<tr") - 1 for link in links]
    assert rows == [11, 11, 4, 4, 1, 2, 1]


def test_a_trigger_of_which_nothing_came_says_so(as_admin: Client, make_trigger: MakeTrigger) -> None:
    text = text_of(as_admin.get(page_of(make_trigger())))
    assert "No event of its type came in the last 24 hours while it was active." in text


# --- its firings


def test_firings_can_be_narrowed_by_customer_outcome_and_time(as_viewer: Client) -> None:
    now = clock.now()
    for number, outcome in enumerate(("succeeded", "failed", "skipped", "failed")):
        FiringFactory.create(
            customer_id=f"cust_{number % 2}",
            outcome=outcome,
            error="no record" if outcome == "failed" else "",
            fired_at=now - timedelta(days=number),
        )
    FiringFactory.create(trigger_id="trg_other")
    address = page_of("trg_t", "/firings")

    def outcomes(**query: str) -> list[str]:
        body = as_viewer.get(address, query).content.decode()
        return re.findall(r'data-label="Outcome"><span class="[^"]+">([^<]+)', body)

    day = f"{now - timedelta(days=1, hours=1):%Y-%m-%dT%H:%M}"
    assert outcomes() == ["Done", "Failed", "Nothing to do", "Failed"]
    assert outcomes(customer="cust_1") == ["Failed", "Failed"]
    assert outcomes(outcome="failed") == ["Failed", "Failed"]
    assert outcomes(outcome="skipped") == ["Nothing to do"]
    assert outcomes(since=day) == ["Done", "Failed"]
    assert outcomes(until=day) == ["Nothing to do", "Failed"]
    assert outcomes(since=day, outcome="failed") == ["Failed"]
    assert "No record." in text_of(as_viewer.get(address))


def test_the_list_of_firings_goes_on_without_counting(as_viewer: Client) -> None:
    now = clock.now()
    for number in range(120):
        FiringFactory.create(fired_at=now - timedelta(minutes=number // 7), customer_id=f"cust_{number}")
    address, seen = page_of("trg_t", "/firings"), []
    while address:
        body = as_viewer.get(address).content.decode()
        seen += re.findall(r'href="/studio/customers/(\w+)"', body)
        older = re.search(r'href="(\?[^"]+)" rel="next"', body)
        address = page_of("trg_t", f"/firings{older[1].replace('&amp;', '&')}") if older else ""
    assert len(seen) == len(set(seen)) == 120


# --- one firing


def test_a_firing_shows_its_event_decision_deliveries_and_chain(
    as_viewer: Client, make_trigger: MakeTrigger, send: Send
) -> None:
    trigger = make_trigger(name="Caller", **HTTPS)
    event = send()
    firing = Firing.objects.get()
    answer = as_viewer.get(f"/studio/firings/{firing.pk}")
    body, text = answer.content.decode(), text_of(answer)
    assert "Firing of Caller" in text
    assert f'href="/studio/events/{event.event_id}"' in body
    assert f'href="/studio/triggers/{trigger.pk}"' in body
    assert f'href="/studio/deliveries/{Delivery.objects.get().pk}"' in body
    assert "POST to example.com" in text
    tree = text.split("What led to what")[1]
    assert tree.index("purchase event") < tree.index("Caller this firing") < tree.index("Delivery delivery")
    assert "Decision Fired" in text


def test_a_firing_outlives_its_event_and_its_trigger(as_viewer: Client) -> None:
    firing = FiringFactory.create(outcome="failed", error="There is no record of cust_78.")
    text = text_of(as_viewer.get(f"/studio/firings/{firing.pk}"))
    assert "There is no record of cust_78." in text
    assert "not stored any more" in text
    assert "trg_t deleted" in text
    assert as_viewer.get("/studio/firings/fir_nowhere").status_code == 404


# --- its history


def test_the_history_says_who_changed_what_line_by_line(as_admin: Client, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger(name="Welcome", condition={"field": "amount", "operator": "gt", "value": 500})
    as_admin.post(page_of(trigger, "/status"), {"status": "paused"})
    update_trigger(
        trigger_id=trigger.pk,
        values={
            "cooldown_ms": 3_600_000,
            "priority": 90,
            "condition": {"field": "amount", "operator": "gte", "value": 500},
        },
        now=clock.now(),
    )
    answer = as_admin.get(page_of(trigger, "/history"))
    text = text_of(answer)
    assert text.index("Changed version 3 by The system") < text.index("Status changed version 2 by admin-of-tests")
    assert text.index("Status changed") < text.index("Created version 1 by The system")
    assert "Status Active Paused" in text
    assert "Cooldown Every time Once per hour per customer" in text
    assert "Priority 50 (Medium) 90 (Critical)" in text
    lines = re.findall(r'diff-lines__line--(\w+)">([^<]+)<', html.unescape(answer.content.decode()))
    assert lines == [("before", '  "operator": "gt"'), ("after", '  "operator": "gte"')]


def test_firings_are_no_part_of_the_history(as_admin: Client, make_trigger: MakeTrigger, send: Send) -> None:
    trigger = make_trigger()
    for _ in range(3):
        send()
    assert as_admin.get(page_of(trigger, "/history")).content.decode().count('class="timeline__item"') == 1


def test_a_diff_shows_what_differs_with_a_little_around_it() -> None:
    before = "\n".join("abcdefghijklmnop")
    after = before.replace("b", "B").replace("o", "O")
    assert [f"{line.sign}{line.text}" for line in diff(before, after)] == [
        " a", "-b", "+B", " c", " d", "…", " m", " n", "-o", "+O", " p",
    ]  # fmt: skip
    assert diff(before, before) == []


# --- what is left of a deleted one


def test_a_deleted_trigger_is_shown_as_it_was_last_with_its_firings_and_its_history(
    as_admin: Client, make_trigger: MakeTrigger, send: Send
) -> None:
    trigger = make_trigger(name="Welcome", description="Greets", priority=71)
    send()
    delete_trigger(trigger_id=trigger.pk)
    answer = as_admin.get(page_of(trigger))
    text = text_of(answer)
    assert answer.status_code == 200
    for words in ("Welcome Deleted", "This trigger was deleted", "Greets", "Priority 71 High", "cust_78"):
        assert words in text
    for part in ("Pause", "Edit", "Duplicate"):
        assert part not in text.split("This trigger was deleted")[0]
    assert "/edit" not in answer.content.decode()
    assert f"/studio/firings/{Firing.objects.get().pk}" in as_admin.get(page_of(trigger, "/firings")).content.decode()
    assert "Deleted by The system" in text_of(as_admin.get(page_of(trigger, "/history")))


def test_of_a_trigger_that_the_audit_log_has_forgotten_its_firings_are_left(as_viewer: Client) -> None:
    FiringFactory.create(trigger_id="trg_forgotten", event_type="refund", action_type="webhook")
    answer = as_viewer.get(page_of("trg_forgotten"))
    assert answer.status_code == 200
    assert "trg_forgotten Deleted" in text_of(answer)
    assert "refund" in text_of(answer)
    assert as_viewer.get(page_of("trg_nowhere")).status_code == 404
    assert as_viewer.get(page_of("trg_nowhere", "/firings")).status_code == 404
    assert as_viewer.get(page_of("trg_nowhere", "/history")).status_code == 404


# --- who sees what, and how much is asked


def test_a_viewer_reads_everything_and_is_offered_nothing(as_viewer: Client, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger()
    for tab in ("", "/firings", "/history"):
        body = as_viewer.get(page_of(trigger, tab)).content.decode()
        for part in (">Pause", ">Disable", "/edit", "/delete", "Duplicate", "Audit log"):
            assert part not in body


def test_buttons_lead_to_the_statuses_that_are_allowed(as_editor: Client, make_trigger: MakeTrigger) -> None:
    for status, expected in (
        ("active", ["paused", "disabled"]),
        ("paused", ["active", "disabled"]),
        ("disabled", ["active"]),
    ):
        trigger = make_trigger(status=status)
        body = as_editor.get(page_of(trigger)).content.decode()
        assert re.findall(r'name="status" value="(\w+)"', body) == expected
        answer = as_editor.post(page_of(trigger, "/status"), {"status": expected[0]}, follow=True)
        assert answer.redirect_chain == [(page_of(trigger), 302)]
        trigger.refresh_from_db()
        assert trigger.status == expected[0]


@pytest.mark.parametrize("rows", [3, 60])
def test_each_page_asks_at_most_15_times_however_much_there_is(
    as_admin: Client,
    make_trigger: MakeTrigger,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    rows: int,
) -> None:
    now = clock.now()
    DecisionFlow.objects.create(id="df_a", name="Flow", created_at=now, updated_at=now)
    Channel.objects.create(id="ch_a", name="Push", channel_type="in_app", config={}, created_at=now, updated_at=now)
    trigger = make_trigger(actionType="fire_recommend", actionConfig={"decisionFlowId": "df_a", "channelId": "ch_a"})
    firings = []
    for number in range(rows):
        count(trigger, at=now - timedelta(hours=number % 24), queued=3, failed=1)
        event = EventFactory.create()
        firing = FiringFactory.create(trigger_id=trigger.pk, event_id=event.event_id, customer_id=event.customer_id)
        firings.append(firing.pk)
        for _ in range(3):
            EventFactory.create(cause=firing.pk, depth=1)
        update_trigger(trigger_id=trigger.pk, values={"priority": number}, now=clock.now())
    for address in (page_of(trigger), page_of(trigger, "/firings"), page_of(trigger, "/history")):
        with django_assert_max_num_queries(14):
            assert as_admin.get(address).status_code == 200
    with django_assert_max_num_queries(14):
        assert as_admin.get(f"/studio/firings/{firings[-1]}").status_code == 200
