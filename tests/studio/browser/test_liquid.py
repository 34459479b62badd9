"""Suggestions for Liquid in the fields of a trigger's action."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from kaireon.core import clock
from kaireon.customers.field_types import Field
from kaireon.customers.schemas import create_schema
from kaireon.secrets.vault import create_secret
from tests.factories import EventFactory
from tests.studio.browser.axe import violations
from tests.studio.browser.builder import MODULES

SUGGESTED = "/static/kaireon/studio/liquid_names.js"


@pytest.fixture
def body(page_as: Callable[..., Page]) -> Locator:
    """The body of a webhook that a new trigger for purchases sends."""
    create_schema(name="Profile", fields=[Field("first_name", "text")], now=clock.now())
    EventFactory.create(event_type="purchase", properties={"metadata": {"amount": 750}, "items": [{"sku": "a-1"}]})
    create_secret(name="push_token", value="s3cret")
    page = page_as("editor")
    page.goto("/studio/triggers/new")
    page.locator("#id_event_type").fill("purchase")
    page.locator("#id_event_type").press("Tab")
    page.get_by_role("radio", name="webhook").check()
    body = page.locator("textarea[data-liquid]:visible").first
    body.fill("")
    return body


def offered(field: Locator) -> list[str]:
    """The names in the list, which must be there."""
    expect(field.page.get_by_role("listbox")).to_be_visible()
    return field.page.locator(".suggestions--floating .suggestions__label").all_inner_texts()


def test_two_braces_show_what_can_be_read(body: Locator) -> None:
    body.press_sequentially('{"amount": "{{')
    names = offered(body)
    assert {"event.type", "event.customerId", "event.metadata.amount", "event.items[0].sku"} <= set(names)
    assert {"customer.first_name", "trigger.id", "trigger.name", "firing.id"} <= set(names)
    assert "event.eventType" not in names
    assert violations(body.page) == []


@pytest.mark.parametrize("key", ["Enter", "Tab"])
def test_arrow_keys_and_enter_or_tab_put_the_name_in_and_close_the_braces(body: Locator, key: str) -> None:
    body.press_sequentially("{{ event.amo")
    assert offered(body) == ["event.metadata.amount"]
    body.press("ArrowDown")
    body.press(key)
    expect(body).to_have_value("{{ event.metadata.amount}}")
    expect(body).to_be_focused()
    expect(body.page.get_by_role("listbox")).to_have_count(0)


def test_a_click_does_the_same_and_leaves_the_braces_that_are_there(body: Locator) -> None:
    body.fill("Hello {{}}, bye")
    body.evaluate("area => area.setSelectionRange(8, 8)")
    body.press_sequentially("first")
    body.page.get_by_role("option", name="customer.first_name").click()
    expect(body).to_have_value("Hello {{customer.first_name}}, bye")


def test_escape_closes_the_list_for_this_name(body: Locator) -> None:
    body.press_sequentially("{{ev")
    offered(body)
    body.press("Escape")
    expect(body.page.get_by_role("listbox")).to_have_count(0)
    body.press_sequentially("ent.t")
    expect(body.page.get_by_role("listbox")).to_have_count(0)
    body.press_sequentially("}} {{ty")
    assert "event.type" in offered(body)


def test_whoever_goes_on_typing_is_not_held_up(body: Locator) -> None:
    body.press_sequentially("{{event")
    offered(body)
    body.press("Enter")
    body.press_sequentially("x")
    expect(body).to_have_value("{{event\nx")


def test_names_are_written_as_liquid_reads_them(page_as: Callable[..., Page]) -> None:
    page = page_as("viewer")
    page.goto("/studio/segments")
    fields = ["eventType", "a.b", "items.0.sku", "a.first name", "customer.tier", 'a."x"', "a.1b"]
    names = page.evaluate(f"async fields => fields.map((await import('{SUGGESTED}')).nameOf)", fields)
    assert names == [
        "event.type",
        "event.a.b",
        "event.items[0].sku",
        'event.a["first name"]',
        "customer.tier",
        None,
        'event.a["1b"]',
    ]


def test_what_was_typed_finds_names_by_their_steps(page_as: Callable[..., Page]) -> None:
    page = page_as("viewer")
    page.goto("/studio/segments")
    names = ["event.name", "event.metadata.amount", "amount", "event.camount"]
    found = page.evaluate(
        f"async ([names, typed]) => (await import('{MODULES}/fields.js')).matching(names, typed, name => name)",
        [names, "amount"],
    )
    assert found == ["event.metadata.amount", "amount", "event.camount"]
    found = page.evaluate(
        f"async ([names, typed]) => (await import('{MODULES}/fields.js')).matching(names, typed, name => name)",
        [names, "event.am"],
    )
    assert found == ["event.metadata.amount"]
