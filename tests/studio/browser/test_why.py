"""From a customer's id to the reason why a trigger did not fire."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.factories import EventFactory
from tests.studio.browser.axe import overflow_px, violations
from tests.studio.browser.conftest import NARROW
from tests.triggers.fixtures import Send
from triggers.models import Trigger


def test_a_customer_id_leads_to_the_reason_by_keyboard_alone(
    page_as: Callable[..., Page], make_trigger: Callable[..., Trigger], send: Send
) -> None:
    trigger = make_trigger(name="Large ones", condition={"field": "amount", "operator": "gt", "value": 500})
    send(customer_id="shop/7?", properties={"amount": 20})
    page = page_as("viewer")
    page.goto("/studio/events")
    page.get_by_label("Why?").fill("shop/7?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("shop/7?")
    page.get_by_text("1 trigger did not match").press("Enter")
    expect(page.get_by_text("amount: 20 is not greater than 500.")).to_be_visible()
    assert violations(page) == []

    field = page.get_by_role("combobox", name="Trigger")
    field.focus()
    expect(page.locator(f"#trigger-choices option[value={trigger.pk}]")).to_have_text("Large ones")
    field.fill(trigger.pk)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Its condition did not hold for the newest event.")).to_be_visible()
    page.get_by_role("link", name="Try it now with that event").press("Enter")
    expect(page.get_by_role("heading", name="It would not fire now")).to_be_visible()
    assert violations(page) == []


def test_a_timeline_fits_a_small_screen(page_as: Callable[..., Page]) -> None:
    EventFactory.create(customer_id="c" * 200, event_id="e" * 128)
    page = page_as("viewer", viewport=NARROW)
    for path in (
        f"/studio/customers/{'c' * 200}",
        f"/studio/events/{'e' * 128}",
        "/studio/events",
        "/studio/deliveries",
    ):
        page.goto(path)
        assert overflow_px(page) == 0, path
        assert violations(page) == []
