"""Lists that go on by themselves, and what is done to many of their rows."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page, expect

from kaireon.core import clock
from kaireon.events.models import Event, EventStatus
from tests.factories import EventFactory
from tests.studio.browser.axe import violations


def event(**facts: object) -> Event:
    """One that came a minute ago: the tail shows what is a second old."""
    made: Event = EventFactory.create(**{"received_at": clock.now() - timedelta(minutes=1), **facts})
    return made


def test_new_events_come_in_on_top_while_live_is_on_and_wait_while_the_pointer_is_in_the_list(
    page_as: Callable[..., Page],
) -> None:
    first = event()
    # Without the fading in, at which axe would look half-way.
    page = page_as("viewer", reduced_motion="reduce")
    page.goto("/studio/events?event_type=purchase")
    live = page.get_by_role("switch", name="Live")
    rows = page.locator("[data-rows] tr")
    expect(rows).to_have_count(1)
    live.click()
    expect(live).to_have_attribute("aria-checked", "true")
    expect(page.locator("[data-tail-state]")).to_have_text("Looks every 2 s")
    event(event_type="page.viewed")
    second = event()
    expect(rows).to_have_count(2)
    assert [row.get_attribute("id") for row in rows.all()] == [f"row-{second.pk}", f"row-{first.pk}"]
    expect(page.locator("[data-tail-said]")).to_have_text("1 new event")
    assert violations(page) == []

    page.locator("[data-rows]").hover()
    expect(page.locator("[data-tail-state]")).to_have_text("Waits while the pointer is in the list")
    third = event()
    with page.expect_event("requestfinished", predicate=lambda request: "after=" in request.url, timeout=8000):
        page.get_by_role("heading", level=1).hover()
    expect(rows).to_have_count(3)
    assert rows.first.get_attribute("id") == f"row-{third.pk}"

    page.get_by_role("link", name="purchase").first.focus()
    expect(page.locator("[data-tail-state]")).to_have_text("Waits while the focus is in the list")
    live.click()
    expect(page.locator("[data-tail-state]")).to_have_text("")


def test_a_row_that_was_under_way_is_brought_up_to_date(page_as: Callable[..., Page]) -> None:
    made = event(status=EventStatus.PENDING)
    page = page_as("viewer")
    page.goto("/studio/events")
    row = page.locator(f"#row-{made.pk}")
    expect(row).to_contain_text("Pending")
    page.get_by_role("switch", name="Live").click()
    Event.objects.update(status=EventStatus.PROCESSED)
    expect(row).to_contain_text("Processed")
    expect(page.locator("[data-rows] tr")).to_have_count(1)


def test_the_page_never_holds_more_than_two_hundred_rows_and_older_ones_are_a_link_away(
    page_as: Callable[..., Page],
) -> None:
    event()
    page = page_as("viewer")
    page.goto("/studio/events")
    page.get_by_role("switch", name="Live").click()
    rows = page.locator("[data-rows] tr:not(.is-gap)")
    for _ in range(5):
        at = clock.now() - timedelta(minutes=1)
        Event.objects.bulk_create(EventFactory.build_batch(55, received_at=at))
        newest = Event.objects.order_by("-sequence").values_list("pk", flat=True)[0]
        expect(rows.first).to_have_id(f"row-{newest}", timeout=8000)
    expect(page.locator("[data-rows] tr")).to_have_count(200)
    expect(page.locator(".is-gap").first).to_contain_text("and 5 more came at the same time.")
    last = rows.last.get_attribute("data-place")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("switch", name="Live")).to_have_count(0)
    shown = page.locator("[data-rows] tr").first.get_attribute("data-place")
    assert last is not None
    assert shown is not None
    assert int(shown) < int(last)


def test_ticked_events_are_replayed_after_a_question_that_counts_them(page_as: Callable[..., Page]) -> None:
    failed = [event(status=EventStatus.FAILED, error="It broke.") for _ in range(3)]
    page = page_as("editor")
    page.goto("/studio/events")
    page.get_by_role("checkbox", name=f"Tick {failed[0].event_id}").check()
    page.get_by_role("checkbox", name=f"Tick {failed[2].event_id}").check()
    page.get_by_role("button", name="Replay ticked").click()
    dialog = page.get_by_role("dialog", name="Replay failed events?")
    expect(dialog).to_contain_text("There are 2 failed events among those that you ticked.")
    assert violations(page) == []
    dialog.get_by_role("button", name="Replay 2 events").click()
    expect(page.locator("#messages")).to_have_text("2 events were queued again.")
    assert set(Event.objects.filter(status=EventStatus.FAILED)) == {failed[1]}
    page.get_by_role("button", name="Replay all failed").click()
    expect(page.get_by_role("dialog")).to_contain_text("There is 1 failed event in all.")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Replay ticked").click()
    expect(page.get_by_role("dialog")).to_contain_text("Tick rows in the list first.")
