"""What all pages share: the sidebar, the colours, the dialog."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from kaireon.core import clock
from kaireon.decisioning.channels import CHANNELS
from tests.studio.browser.axe import overflow_px, violations
from tests.studio.browser.conftest import NARROW


def _channel() -> None:
    config = {"title": "Hello", "body": ""}
    CHANNELS.create(values={"name": "Inbox", "channel_type": "in_app", "config": config}, now=clock.now())


def test_the_choice_of_colours_is_kept_and_painted_from_the_start(page_as: Callable[..., Page]) -> None:
    page = page_as("viewer", color_scheme="light")
    page.goto("/studio/channels")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Dark").check(force=True)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_on_a_small_screen_the_sidebar_is_a_menu_that_escape_closes(page_as: Callable[..., Page]) -> None:
    page = page_as("viewer", viewport=NARROW)
    page.goto("/studio/channels")
    link = page.get_by_role("link", name="Triggers")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(link).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    assert overflow_px(page) == 0


def test_a_question_opens_as_a_dialog_and_is_carried_out_by_keyboard_alone(page_as: Callable[..., Page]) -> None:
    _channel()
    page = page_as("admin")
    page.goto("/studio/channels/ch_inbox")
    page.get_by_role("link", name="Delete").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete Inbox?")
    expect(dialog).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Delete").press("Enter")
    dialog.get_by_role("button", name="Delete channel").press("Enter")
    expect(page.get_by_role("status")).to_have_text("The channel was deleted.")


def test_filters_apply_while_typing_and_stand_in_the_address(page_as: Callable[..., Page]) -> None:
    _channel()
    page = page_as("viewer")
    page.goto("/studio/channels")
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.get_by_text("Nothing fits these filters")).to_be_visible()
    assert "search=nothing" in page.url
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.get_by_role("link", name="Inbox")).to_be_visible()
