"""What scripts add to the list of triggers and to a trigger's page: ticking all, menus of rows, the chart."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from kaireon.accounts.roles import Role
from kaireon.core import clock
from tests.studio.browser.axe import violations
from triggers.engine.tally import add_to_tallies
from triggers.models import Status, Trigger

Make = Callable[..., Trigger]

COLOUR = """
    () => {
        const chart = Chart.getChart(document.querySelector("canvas"))
        const swatch = document.querySelector(".legend__swatch--done")
        return [chart.getDatasetMeta(0).data[0].options.backgroundColor, getComputedStyle(swatch).color]
    }
"""


def test_ticking_the_whole_page_offers_all_that_fit_the_filters(
    page_as: Callable[..., Page], make_trigger: Make
) -> None:
    for number in range(60):
        make_trigger(name=f"Fits {number}")
    make_trigger(name="Other")
    page = page_as(Role.EDITOR)
    page.goto("/studio/triggers?search=fits")
    bar, every = page.locator("[data-ticked]"), page.get_by_role("checkbox", name="All 60 that fit the filters")
    expect(bar).to_be_hidden()
    page.get_by_role("checkbox", name="Select Fits 1", exact=True).check()
    expect(bar).to_contain_text("1 ticked")
    expect(every).to_be_hidden()
    page.get_by_role("checkbox", name="Select all on this page").check()
    expect(bar).to_contain_text("50 ticked")
    every.check()
    assert violations(page) == []
    bar.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("dialog")).to_contain_text("Pause 60 triggers?")
    page.get_by_role("dialog").get_by_role("button", name="Pause 60").click()
    expect(page.locator("#messages")).to_contain_text("60 triggers were paused.")
    assert list(Trigger.objects.filter(status=Status.ACTIVE).values_list("name", flat=True)) == ["Other"]


def test_a_row_keeps_its_tick_and_the_focus_when_its_menu_has_changed_it(
    page_as: Callable[..., Page], make_trigger: Make
) -> None:
    # An id may hold what means something in selectors.
    trigger = make_trigger(name="One", id="trg.one:a@b")
    page = page_as(Role.EDITOR)
    page.goto("/studio/triggers")
    page.get_by_role("checkbox", name="Select One").check()
    more = page.get_by_role("button", name="More about One")
    more.click()
    page.get_by_role("button", name="Disable").last.click()
    expect(page.locator("#said")).to_have_text("One is disabled.")
    expect(more).to_be_focused()
    expect(page.get_by_role("checkbox", name="Select One")).to_be_checked()
    trigger.refresh_from_db()
    assert trigger.status == Status.DISABLED
    more.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Duplicate")).to_be_hidden()


def test_the_chart_follows_the_range_the_legend_and_the_colours(
    page_as: Callable[..., Page], make_trigger: Make
) -> None:
    trigger = make_trigger(name="One")
    add_to_tallies({(trigger.pk, "succeeded"): 3, (trigger.pk, "cooldown"): 2}, {}, state=1, lane=0, now=clock.now())
    page = page_as(Role.VIEWER, color_scheme="light")
    page.goto(f"/studio/triggers/{trigger.pk}")
    page.wait_for_function("() => Chart.getChart(document.querySelector('canvas'))")
    light, swatch = page.evaluate(COLOUR)
    assert light == swatch
    page.get_by_title("Dark").click()
    page.wait_for_function(f"light => ({COLOUR})()[0] !== light", arg=light)
    dark, swatch = page.evaluate(COLOUR)
    assert dark == swatch != light
    page.get_by_role("checkbox", name="In cooldown").uncheck()
    visible = "() => Chart.getChart(document.querySelector('canvas')).getVisibleDatasetCount()"
    page.wait_for_function(f"() => ({visible})() === 4")
    page.get_by_role("link", name="30 d").click()
    expect(page.get_by_role("heading", name="What it did in the last 30 days")).to_be_visible()
    page.wait_for_function("() => Chart.getChart(document.querySelector('canvas'))?.data.labels.length === 30")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("row")).to_have_count(31)
    assert violations(page) == []
