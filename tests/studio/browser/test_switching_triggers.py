"""Pausing, resuming and deleting triggers out of the list, one and several at once; and what a viewer sees of it."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from kaireon.accounts.roles import Role
from tests.studio.browser.axe import violations
from triggers.models import Status, Trigger

Make = Callable[..., Trigger]


def statuses() -> dict[str, str]:
    """Of all triggers, by their names."""
    return dict(Trigger.objects.order_by("name").values_list("name", "status"))


def test_the_switch_pauses_and_resumes_in_place(page_as: Callable[..., Page], make_trigger: Make) -> None:
    make_trigger(name="One")
    make_trigger(name="Two")
    page = page_as(Role.EDITOR)
    page.goto("/studio/triggers")
    switch = page.get_by_role("switch", name="One")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(page.get_by_role("row", name="One").get_by_text("Paused")).to_be_visible()
    assert statuses() == {"One": Status.PAUSED, "Two": Status.ACTIVE}
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "true")
    assert statuses() == {"One": Status.ACTIVE, "Two": Status.ACTIVE}
    assert violations(page) == []


def test_several_are_paused_behind_a_question_that_says_how_many(
    page_as: Callable[..., Page], make_trigger: Make
) -> None:
    for name in ("One", "Two", "Three"):
        make_trigger(name=name)
    page = page_as(Role.EDITOR)
    page.goto("/studio/triggers")
    page.get_by_role("checkbox", name="Select One").check()
    page.get_by_role("checkbox", name="Select Two").check()
    page.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 triggers")
    expect(dialog).to_contain_text("One")
    assert violations(page) == []
    assert set(statuses().values()) == {Status.ACTIVE}
    dialog.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status").first).to_contain_text("2 triggers")
    assert statuses() == {"One": Status.PAUSED, "Two": Status.PAUSED, "Three": Status.ACTIVE}


def test_a_viewer_sees_no_buttons_and_a_forged_request_is_refused(
    context_as: Callable[..., BrowserContext], make_trigger: Make
) -> None:
    trigger = make_trigger(name="One")
    context = context_as(Role.VIEWER)
    page = context.new_page()
    page.goto("/studio/triggers")
    expect(page.get_by_role("link", name="One", exact=True)).to_be_visible()
    assert page.get_by_role("switch").count() == 0
    assert page.get_by_role("checkbox").count() == 0
    assert page.get_by_role("link", name="New Trigger").count() == 0
    page.goto(f"/studio/triggers/{trigger.pk}")
    assert page.locator("main").get_by_role("button", name="Pause").count() == 0
    assert page.locator("main").get_by_role("link", name="Edit").count() == 0
    token = page.locator("body").get_attribute("hx-headers")
    assert token is not None
    csrf = token.split('"')[3]
    forged = context.request.post(
        f"/studio/triggers/{trigger.pk}/status", form={"status": "paused"}, headers={"X-CSRFToken": csrf}
    )
    assert forged.status == 403
    without_token = context.request.post(f"/studio/triggers/{trigger.pk}/status", form={"status": "paused"})
    assert without_token.status == 403
    assert statuses() == {"One": Status.ACTIVE}
