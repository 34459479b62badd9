"""The specification's "Creating a Trigger", step by step: by mouse, by keyboard alone, and with what goes wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from kaireon.accounts.roles import Role
from kaireon.core import clock
from kaireon.decisioning.channels import CHANNELS
from kaireon.decisioning.flows import FLOWS
from tests.factories import EventFactory
from tests.studio.browser.axe import overflow_px, violations
from tests.studio.browser.builder import Builder
from tests.studio.browser.conftest import NARROW, Watch
from tests.triggers.fixtures import Send, decisions
from triggers.lifecycle import update_trigger
from triggers.models import Status, Trigger

SPECIFIED: dict[str, Any] = {
    "name": "High-Value Purchase Cross-Sell",
    "description": "Fire real-time recommendation after a purchase over $500",
    "event_type": "outcome.recorded",
    "condition": {
        "all": [
            {"field": "metadata.amount", "operator": "gt", "value": 500},
            {"field": "outcomeType", "operator": "eq", "value": "conversion"},
        ]
    },
    "action_type": "fire_recommend",
    "action_config": {
        "decisionFlowId": "df_cross_sell",
        "channelId": "ch_push",
        "limit": 1,
        "deliverImmediately": True,
    },
    "cooldown_ms": 86_400_000,
    "priority": 75,
    "status": "active",
}
"""The trigger of the specification."""


@pytest.fixture(autouse=True)
def _bank(live: str) -> None:
    """What the specification's trigger refers to, and an event that it is about."""
    now = clock.now()
    channel = {"title": "{{offer.name}}", "body": ""}
    CHANNELS.create(values={"id": "ch_push", "name": "Push", "channel_type": "in_app", "config": channel}, now=now)
    FLOWS.create(values={"id": "df_cross_sell", "name": "Cross-sell"}, now=now)
    properties = {"outcomeType": "conversion", "metadata": {"amount": 750}}
    EventFactory.create(event_type="outcome.recorded", customer_id="cust_78", properties=properties)


def stored() -> dict[str, Any]:
    """The one trigger that there is."""
    trigger = Trigger.objects.get()
    return {name: getattr(trigger, name) for name in SPECIFIED}


def test_by_mouse_as_the_specification_says_it(page_as: Callable[..., Page], send: Send) -> None:
    page = page_as(Role.EDITOR)
    page.goto("/studio/")
    page.get_by_role("navigation", name="Studio").get_by_role("link", name="Triggers").click()
    page.get_by_role("link", name="New Trigger").click()
    page.get_by_role("textbox", name="Name", exact=True).fill(SPECIFIED["name"])
    page.get_by_role("textbox", name="Description").fill(SPECIFIED["description"])
    page.get_by_role("combobox", name="Event type").fill("outcome.recorded")
    page.get_by_role("button", name="Add condition").click()
    builder = Builder(page)
    builder.parts("field").fill("metadata.amount")
    builder.parts("operator").select_option("gt")
    builder.parts("value").fill("500")
    page.get_by_role("button", name="Add condition").click()
    builder.parts("field").last.fill("outcomeType")
    builder.parts("value").last.fill("conversion")
    page.get_by_text("Recommend offers").first.click()
    page.get_by_role("combobox", name="Decision flow").select_option(label="Cross-sell")
    page.get_by_role("combobox", name="Channel").select_option(label="Push")
    page.get_by_role("spinbutton", name="Offers at most").fill("1")
    page.get_by_role("textbox", name="Cooldown, amount").fill("1")
    page.get_by_role("combobox", name="Cooldown, unit").select_option("Days")
    page.get_by_role("spinbutton", name="Priority").fill("75")
    expect(page.get_by_text("When outcome.recorded arrives and metadata.amount is over 500")).to_contain_text(
        "at most once per 24 hours per customer"
    )
    assert violations(page) == []
    page.get_by_role("button", name="Save trigger").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(SPECIFIED["name"])
    assert stored() == SPECIFIED
    event = send("outcome.recorded", "cust_79", properties={"outcomeType": "conversion", "metadata": {"amount": 501}})
    assert decisions(event) == {Trigger.objects.get().pk: "fired"}


def test_by_keyboard_alone(page_as: Callable[..., Page]) -> None:
    page = page_as(Role.EDITOR)
    page.goto("/studio/triggers")
    keyboard = page.keyboard

    def go_to(name: str) -> None:
        """Tabs on until the focus is on what is called so, as a person without a mouse does."""
        script = """name => {
            const here = document.activeElement
            const label = here.labels?.[0]?.textContent ?? ""
            const called = here.getAttribute("aria-label") ?? (label || here.textContent)
            return called.trim().replace(/\\s+/g, " ").startsWith(name)
        }"""
        for _ in range(80):
            keyboard.press("Tab")
            if page.evaluate(script, name):
                return
        pytest.fail(f"{name} can't be reached with the Tab key")

    go_to("New Trigger")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("New trigger")
    go_to("Name")
    keyboard.type(SPECIFIED["name"])
    go_to("Description")
    keyboard.type(SPECIFIED["description"])
    go_to("Event type")
    keyboard.type("outcome.recorded")
    go_to("Add condition")
    keyboard.press("Enter")
    keyboard.type("metadata.amount")
    keyboard.press("Tab")
    keyboard.type("is over")
    keyboard.press("Tab")
    keyboard.type("500")
    keyboard.press("Escape")
    go_to("Add condition")
    keyboard.press("Enter")
    keyboard.type("outcomeType")
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.type("conversion")
    keyboard.press("Escape")
    go_to("Enrol in a journey")
    keyboard.press("ArrowDown")
    go_to("Decision flow")
    keyboard.type("Cross")
    go_to("Channel")
    keyboard.type("Push")
    go_to("Offers at most")
    keyboard.press("Control+a")
    keyboard.type("1")
    go_to("Cooldown, amount")
    keyboard.type("24")
    keyboard.press("Tab")
    keyboard.type("Hours")
    go_to("Priority")
    keyboard.press("Control+a")
    keyboard.type("75")
    go_to("Save trigger")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(SPECIFIED["name"])
    assert stored() == SPECIFIED


def test_a_recipe_is_filled_in_tried_out_before_it_is_saved_and_saved_paused(page_as: Callable[..., Page]) -> None:
    page = page_as(Role.EDITOR)
    page.goto("/studio/triggers")
    page.get_by_role("link", name="Offer something after a large purchase").click()
    page.get_by_role("button", name="Run test").click()
    panel = page.get_by_role("complementary", name="Test")
    expect(panel.get_by_text("It would fire")).to_be_visible()
    expect(panel).to_contain_text("750")
    assert violations(page) == []
    assert Trigger.objects.count() == 0
    page.get_by_role("textbox", name="Event", exact=True).fill(
        '{"customerId": "cust_1", "properties": {"outcomeType": "conversion", "metadata": {"amount": 20}}}'
    )
    page.get_by_role("button", name="Run test").click()
    expect(panel.get_by_text("It would not fire")).to_be_visible()
    expect(panel).to_contain_text("20 is not greater than 500")
    page.get_by_role("switch", name="Active once it is saved").uncheck(force=True)
    page.get_by_role("button", name="Save trigger").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(SPECIFIED["name"])
    assert Trigger.objects.get().status == Status.PAUSED


def test_what_is_wrong_is_said_at_its_field_and_nothing_that_was_typed_is_lost(
    page_as: Callable[..., Page], watch: Watch
) -> None:
    page = page_as(Role.EDITOR, viewport=NARROW)
    page.goto("/studio/triggers/new")
    page.get_by_role("combobox", name="Event type").fill("Not a type")
    page.get_by_text("Call a webhook").first.click()
    page.get_by_role("textbox", name="Address").fill("ftp://example.com")
    watch.expect("400")
    page.get_by_role("button", name="Save trigger").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.get_by_role("combobox", name="Event type").input_value() == "Not a type"
    assert page.get_by_role("textbox", name="Address").input_value() == "ftp://example.com"
    assert page.get_by_role("textbox", name="Name", exact=True).get_attribute("aria-invalid") == "true"
    assert page.get_by_role("combobox", name="Event type").get_attribute("aria-invalid") == "true"
    assert violations(page) == []
    assert overflow_px(page) == 0
    assert Trigger.objects.count() == 0


def test_somebody_elses_save_in_between_is_shown_and_can_be_saved_over(
    page_as: Callable[..., Page], make_trigger: Callable[..., Trigger], watch: Watch
) -> None:
    trigger = make_trigger(name="Ours", priority=50)
    page = page_as(Role.EDITOR)
    page.goto(f"/studio/triggers/{trigger.pk}/edit")
    update_trigger(trigger_id=trigger.pk, values={"priority": 90}, now=clock.now())
    page.get_by_role("textbox", name="Name", exact=True).fill("Mine")
    watch.expect("409")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.get_by_role("textbox", name="Name", exact=True).input_value() == "Mine"
    trigger.refresh_from_db()
    assert (trigger.name, trigger.priority) == ("Ours", 90)
    assert violations(page) == []
