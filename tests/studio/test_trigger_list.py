"""The list of triggers: what it says of each, how it is narrowed and ordered, the switch, and what is done to many."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.models import Entry
from kaireon.core import clock
from kaireon.delivery.models import Delivery
from tests.factories import FiringFactory
from tests.triggers.fixtures import Send
from triggers.engine.tally import add_to_tallies
from triggers.lifecycle import delete_trigger, update_trigger
from triggers.models import Trigger
from triggers.studio import bulk, switching
from triggers.studio.activity import HEIGHT, sparkline
from triggers.tallies import NOTHING, Counts

pytestmark = pytest.mark.django_db

MakeTrigger = Callable[..., Trigger]
LIST = "/studio/triggers"
BULK = "/studio/bulk/triggers"
HTMX = {"HX-Request": "true"}


def text_of(answer: Any) -> str:
    """What people read: without tags, blanks collapsed."""
    body = re.sub(r"<(script|style).*?</\1>", "", answer.content.decode(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def names(answer: Any) -> list[str]:
    """The names of the rows, in their order."""
    return re.findall(r'<a href="/studio/triggers/[^"/]+">([^<]+)</a>', answer.content.decode())


def row_of(answer: Any, trigger: Trigger) -> str:
    """The row of one trigger, as people read it."""
    rows = re.findall(r"<tr>.*?</tr>", answer.content.decode(), flags=re.S)
    (row,) = [row for row in rows if f'"/studio/triggers/{trigger.pk}"' in row]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split())


def status_of(trigger: Trigger) -> str:
    trigger.refresh_from_db()
    return trigger.status


def count(trigger: Trigger, *, hours_ago: int = 0, **counts: int) -> None:
    """Puts decisions into the trigger's tally."""
    moment = clock.now() - timedelta(hours=hours_ago)
    add_to_tallies(
        {(trigger.pk, name): number for name, number in counts.items()}, {}, state=1, lane=hours_ago % 16, now=moment
    )


# --- what a row says


def test_a_row_says_what_the_trigger_is_and_what_it_did_in_the_last_24_hours(
    as_admin: Client, make_trigger: MakeTrigger
) -> None:
    trigger = make_trigger(
        name="High-Value Purchase",
        description="After a purchase over $500",
        eventType="outcome.recorded",
        priority=75,
        cooldownMs=86_400_000,
    )
    count(trigger, succeeded=1200, failed=50, cooldown=34, condition_false=9000)
    count(trigger, hours_ago=23, succeeded=4)
    count(trigger, hours_ago=24, succeeded=7000)
    FiringFactory.create(trigger_id=trigger.pk, fired_at=clock.now() - timedelta(minutes=3, seconds=5))
    row = row_of(as_admin.get(LIST), trigger)
    for words in (
        "High-Value Purchase After a purchase over $500",
        "Active",
        "outcome.recorded Change customer attributes",
        "75 High",
        "Once per 24 hours per customer",
        "1.3k fired, 34 held back",
        "3 min ago",
        "96%",
    ):
        assert words in row
    assert "In the last 24 hours 1,254 fired, most of them in the running hour, and 34 were held back" in row


def test_a_trigger_that_did_nothing_says_so(as_admin: Client, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger(priority=0)
    row = row_of(as_admin.get(LIST), trigger)
    assert "Nothing fired in the last 24 hours" in row
    assert "0 fired never –" in row
    assert "0 None" in row
    assert "Every time" in row


def test_the_sparkline_stacks_what_was_held_back_on_what_fired_and_stays_in_its_box() -> None:
    drawn = sparkline([*[NOTHING] * 22, Counts(succeeded=2, cooldown=2), Counts(failed=1)])
    assert drawn.fired == "M88 24h3v-12h-3zM92 24h3v-6h-3z"
    assert drawn.suppressed == "M88 12h3v-12h-3z"
    assert sparkline([*[NOTHING] * 23, Counts(succeeded=10**6)]).fired == f"M92 24h3v-{HEIGHT}h-3z"
    beside_thousands = sparkline([*[NOTHING] * 22, Counts(succeeded=1), Counts(succeeded=10_000)])
    assert beside_thousands.fired.startswith("M88 24h3v-2h-3z")
    assert sparkline([NOTHING] * 24).fired == ""


# --- filters, search and order


def test_search_and_filters_narrow_the_list_and_stay_in_the_address(
    as_admin: Client, make_trigger: MakeTrigger
) -> None:
    make_trigger(name="Gold welcome", priority=95, description="for the best")
    make_trigger(name="Silver welcome", priority=70, eventType="refund")
    make_trigger(name="Nightly", priority=39, status="paused")
    make_trigger(name="Last", priority=0)
    webhook = {"actionType": "webhook", "actionConfig": {"url": "https://example.com/"}}
    make_trigger(name="Caller", priority=40, **webhook)
    for query, expected in (
        ({}, ["Gold welcome", "Silver welcome", "Caller", "Nightly", "Last"]),
        ({"search": "welcome"}, ["Gold welcome", "Silver welcome"]),
        ({"search": "BEST welcome"}, ["Gold welcome"]),
        ({"search": "trg_night"}, ["Nightly"]),
        ({"status": "paused"}, ["Nightly"]),
        ({"event_type": "refund"}, ["Silver welcome"]),
        ({"action_type": "webhook"}, ["Caller"]),
        ({"priority": "critical"}, ["Gold welcome"]),
        ({"priority": "high"}, ["Silver welcome"]),
        ({"priority": "medium"}, ["Caller"]),
        ({"priority": "low"}, ["Nightly"]),
        ({"priority": "none"}, ["Last"]),
        ({"search": "welcome", "priority": "high"}, ["Silver welcome"]),
    ):
        assert names(as_admin.get(LIST, query)) == expected, query
    nothing = as_admin.get(LIST, {"search": "nowhere"})
    assert "Nothing fits these filters" in text_of(nothing)
    assert "No triggers yet" not in text_of(nothing)


def test_each_order_is_in_the_address(as_admin: Client, make_trigger: MakeTrigger) -> None:
    a, b, c = (make_trigger(name=name, priority=priority) for name, priority in (("a", 50), ("b", 80), ("c", 10)))
    count(a, succeeded=1, failed=2)
    count(b, queued=1, skipped=1, cooldown=50)
    FiringFactory.create(trigger_id=c.pk, fired_at=clock.now() - timedelta(hours=1))
    FiringFactory.create(trigger_id=a.pk, fired_at=clock.now() - timedelta(hours=2))
    update_trigger(trigger_id=b.pk, values={"description": "new"}, now=clock.now())
    for sort, expected in (
        ("", "bac"), ("-priority", "bac"), ("priority", "cab"), ("name", "abc"), ("-name", "cba"),
        ("-fired", "cab"), ("fired", "bac"), ("-count", "abc"), ("count", "cba"), ("-changed", "bca"),
        ("changed", "acb"), ("nonsense", "bac"),
    ):  # fmt: skip
        assert "".join(names(as_admin.get(LIST, {"sort": sort}))) == expected, sort


# --- the switch


def test_the_switch_pauses_and_resumes_in_place_and_the_row_follows(
    as_editor: Client, make_trigger: MakeTrigger
) -> None:
    trigger = make_trigger(name="Welcome")
    address = f"{LIST}/{trigger.pk}/status"
    paused = as_editor.post(address, {"status": "paused"}, headers=HTMX)
    assert paused.status_code == 200
    assert status_of(trigger) == "paused"
    row = paused.content.decode()
    assert row.strip().startswith("<tr>")
    assert 'role="switch" name="status" value="active" aria-checked="false" aria-label="Welcome is active"' in row
    assert "Welcome is paused." in row
    resumed = as_editor.post(address, {"status": "active"}, headers=HTMX).content.decode()
    assert status_of(trigger) == "active"
    assert 'value="paused" aria-checked="true"' in resumed
    entries = Entry.objects.filter(trigger_id=trigger.pk, action="trigger.status_changed")
    assert {entry.actor for entry in entries} == {"user:editor-of-tests"}


def test_without_scripts_the_switch_leads_back_to_the_list_with_its_filters(
    as_editor: Client, make_trigger: MakeTrigger
) -> None:
    trigger = make_trigger(name="Welcome")
    back = f"{LIST}?search=wel"
    answer = as_editor.post(f"{LIST}/{trigger.pk}/status", {"status": "paused", "next": back}, follow=True)
    assert answer.redirect_chain == [(back, 302)]
    assert "Welcome is paused." in text_of(answer)


def test_a_switch_that_is_refused_says_why_and_shows_the_row_as_it_is(
    as_editor: Client, make_trigger: MakeTrigger
) -> None:
    trigger = make_trigger(status="disabled")
    answer = as_editor.post(f"{LIST}/{trigger.pk}/status", {"status": "paused"}, headers=HTMX)
    assert "A trigger that is disabled can only become active, not paused." in text_of(answer)
    assert "Disabled" in text_of(answer)
    assert status_of(trigger) == "disabled"
    assert as_editor.post(f"{LIST}/{trigger.pk}/status", {"status": "gone"}, headers=HTMX).status_code == 200
    assert as_editor.post(f"{LIST}/trg_nobody/status", {"status": "paused"}, headers=HTMX).status_code == 404


def test_the_switch_of_a_disabled_trigger_says_that_it_becomes_active(
    as_editor: Client, make_trigger: MakeTrigger
) -> None:
    make_trigger(status="disabled")
    assert 'title="Make it active again"' in as_editor.get(LIST).content.decode()


# --- many at once


def query(action: str, *triggers: Trigger, **more: str) -> str:
    """The address of the question."""
    return f"{BULK}?{urlencode([('action', action), *(('id', one.pk) for one in triggers), *more.items()])}"


def agree(client: Client, address: str) -> Any:
    """Asks, and answers the question with yes."""
    asked = client.get(address)
    assert asked.status_code == 200
    stamp = re.search(r'name="stamp" value="(\w+)"', asked.content.decode())
    assert stamp is not None
    return client.post(address, {"stamp": stamp[1]}, follow=True)


def test_pausing_many_says_beforehand_how_many_which_and_what_would_be_refused(
    as_editor: Client, make_trigger: MakeTrigger
) -> None:
    active = [make_trigger(name=f"Active {number}") for number in range(7)]
    paused, disabled = make_trigger(status="paused"), make_trigger(status="disabled")
    asked = text_of(as_editor.get(query("pause", *active, paused, disabled)))
    assert "Pause 7 triggers?" in asked
    assert "Active 0 Active 1 Active 2 Active 3 Active 4 and 2 more" in asked
    assert "1 is paused already, and stays so." in asked
    assert "1 is disabled, and can only become active: it stays so." in asked
    assert {status_of(one) for one in active} == {"active"}


def test_what_was_ticked_is_paused_and_what_can_not_be_is_told_with_its_reason(
    as_editor: Client, make_trigger: MakeTrigger
) -> None:
    active, paused = make_trigger(), make_trigger(status="paused")
    disabled, other = make_trigger(name="Old one", status="disabled"), make_trigger()
    told = text_of(agree(as_editor, query("pause", active, paused, disabled)))
    assert "1 paused, 1 not" in told
    assert "1 was paused already." in told
    assert "Old one: A trigger that is disabled can only become active, not paused." in told
    assert [status_of(one) for one in (active, paused, disabled, other)] == ["paused", "paused", "disabled", "active"]


def test_resuming_and_disabling_many(as_editor: Client, make_trigger: MakeTrigger) -> None:
    triggers = [make_trigger(status=status) for status in ("active", "paused", "disabled")]
    resumed = agree(as_editor, query("resume", *triggers))
    assert resumed.redirect_chain == [(LIST, 302)]
    assert "2 triggers were resumed. 1 is active already." in text_of(resumed)
    assert {status_of(one) for one in triggers} == {"active"}
    assert "3 triggers were disabled." in text_of(agree(as_editor, query("disable", *triggers)))
    assert {status_of(one) for one in triggers} == {"disabled"}


def test_disabling_many_cancels_what_they_had_queued(as_editor: Client, make_trigger: MakeTrigger, send: Send) -> None:
    trigger = make_trigger(actionType="webhook", actionConfig={"url": "https://example.com/"})
    send()
    assert Delivery.objects.get().status == "pending"
    agree(as_editor, query("disable", trigger))
    assert Delivery.objects.get().status == "cancelled"


def test_all_that_fit_the_filters_are_meant_also_those_on_other_pages(
    as_editor: Client, make_trigger: MakeTrigger
) -> None:
    fitting = [make_trigger(name=f"Fits {number}") for number in range(60)]
    other = make_trigger(name="Other")
    page = as_editor.get(LIST, {"search": "fits"})
    assert "All 60 that fit the filters" in text_of(page)
    told = agree(as_editor, query("pause", which="all", search="fits"))
    assert told.redirect_chain == [(f"{LIST}?search=fits", 302)]
    assert "60 triggers were paused." in text_of(told)
    assert {status_of(one) for one in fitting} == {"paused"}
    assert status_of(other) == "active"


def test_more_than_go_at_once_are_done_one_part_after_the_other(
    as_editor: Client, make_trigger: MakeTrigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 3)
    triggers = [make_trigger(id=f"trg_{number}") for number in range(7)]
    make_trigger(id="trg_5a", name="Old one", status="disabled")
    # The filter lets go of what was paused; nothing is left out because of that.
    address = query("pause", which="all", search="trg_")
    page = agree(as_editor, address)
    handled = []
    while "Go on" in page.content.decode():
        handled.append(re.findall(r"(\d+) of 8", text_of(page))[0])
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.content.decode())
        page = as_editor.post(address, dict(fields), follow=True)
    assert handled == ["3", "6"]
    assert "7 paused, 1 not" in text_of(page)
    assert {status_of(one) for one in triggers} == {"paused"}


def test_nothing_is_done_to_more_than_was_asked_about(as_editor: Client, make_trigger: MakeTrigger) -> None:
    first = make_trigger(name="Fits")
    address = query("pause", which="all", search="fits")
    asked = as_editor.get(address).content.decode()
    stamp = re.findall(r'name="stamp" value="(\w+)"', asked)[0]
    late = make_trigger(name="Fits too")
    answer = as_editor.post(address, {"stamp": stamp})
    assert answer.status_code == 409
    assert "What is selected has changed since you were asked." in text_of(answer)
    assert "Pause 2 triggers?" in text_of(answer)
    assert {status_of(one) for one in (first, late)} == {"active"}


def test_a_trigger_that_somebody_deletes_in_between_is_told(
    as_editor: Client, make_trigger: MakeTrigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = make_trigger(name="One"), make_trigger(name="Two")

    def deleted_first(trigger_id: str, status: Any) -> Trigger:
        delete_trigger(trigger_id=trigger_id)
        return switch(trigger_id, status)

    switch = switching.set_status
    monkeypatch.setattr(bulk, "set_status", lambda pk, status: (deleted_first if pk == one.pk else switch)(pk, status))
    told = text_of(agree(as_editor, query("pause", one, two)))
    assert "One: deleted meanwhile." in told
    assert status_of(two) == "paused"


def test_deleting_many_is_for_admins(as_editor: Client, as_admin: Client, make_trigger: MakeTrigger) -> None:
    triggers = [make_trigger(), make_trigger(status="disabled")]
    address = query("delete", *triggers)
    assert as_editor.get(address).status_code == 403
    assert as_editor.post(address, {"stamp": "x"}).status_code == 403
    assert Trigger.objects.count() == 2
    assert "2 triggers were deleted." in text_of(agree(as_admin, address))
    assert Trigger.objects.count() == 0
    assert Entry.objects.filter(action="trigger.deleted").count() == 2


def test_an_empty_selection_and_an_unknown_step_say_what_to_do(as_editor: Client) -> None:
    assert "Tick at least one trigger in the list first." in text_of(as_editor.get(f"{BULK}?action=pause"))
    assert as_editor.get(f"{BULK}?action=explode").status_code == 400
    assert "may have been deleted meanwhile" in text_of(as_editor.post(f"{BULK}?action=pause&id=trg_nobody", {}))


# --- who sees what


def test_a_viewer_sees_no_buttons_and_forged_posts_are_refused(as_viewer: Client, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger()
    page = as_viewer.get(LIST).content.decode()
    for part in ('role="switch"', 'type="checkbox"', "New Trigger", "Duplicate", "/edit", "/delete", BULK):
        assert part not in page
    assert as_viewer.post(f"{LIST}/{trigger.pk}/status", {"status": "paused"}).status_code == 403
    assert as_viewer.post(query("pause", trigger), {"stamp": "x"}).status_code == 403
    assert as_viewer.post(f"{LIST}/{trigger.pk}/delete").status_code == 403
    assert status_of(trigger) == "active"


def test_an_editor_can_switch_and_not_delete(as_editor: Client, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger()
    page = as_editor.get(LIST).content.decode()
    assert 'role="switch"' in page
    assert "/delete" not in page
    assert as_editor.post(f"{LIST}/{trigger.pk}/delete").status_code == 403


def test_deleting_one_asks_first(as_admin: Client, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger(name="Welcome")
    assert "Delete Welcome?" in text_of(as_admin.get(f"{LIST}/{trigger.pk}/delete"))
    assert Trigger.objects.count() == 1
    answer = as_admin.post(f"{LIST}/{trigger.pk}/delete", follow=True)
    assert "The trigger was deleted." in text_of(answer)
    assert Trigger.objects.count() == 0


# --- the first steps, and how much is asked


def test_without_any_trigger_there_are_recipes_and_a_line_to_send_a_first_event_with(
    as_admin: Client, as_viewer: Client
) -> None:
    page = as_admin.get(LIST)
    recipes = re.findall(r'href="/studio/triggers/new\?recipe=([\w-]+)"', page.content.decode())
    assert len(recipes) == 3
    for recipe in recipes:
        assert as_admin.get(f"{LIST}/new", {"recipe": recipe}).status_code == 200
    assert "curl http://testserver/api/v1/events" in text_of(page)
    assert "recipe=" not in as_viewer.get(LIST).content.decode()


@pytest.mark.parametrize("rows", [3, 60])
@pytest.mark.parametrize("sort", ["", "-count", "-fired"])
def test_the_list_asks_at_most_15_times_however_long_it_is(
    as_admin: Client,
    make_trigger: MakeTrigger,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    rows: int,
    sort: str,
) -> None:
    for _ in range(rows):
        trigger = make_trigger()
        count(trigger, succeeded=1)
        FiringFactory.create(trigger_id=trigger.pk)
    with django_assert_max_num_queries(14):
        assert len(names(as_admin.get(LIST, {"sort": sort}))) == min(rows, 50)
