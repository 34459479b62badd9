"""The condition builder on its page: by mouse, by keyboard, and against whatever JSON there is."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from playwright.sync_api import BrowserContext, Page, expect

from kaireon.core import clock
from kaireon.customers.field_types import Field
from kaireon.customers.schemas import create_schema
from tests.conditions.strategies import conditions as any_condition
from tests.factories import EventFactory
from tests.studio.browser.axe import overflow_px, violations
from tests.studio.browser.builder import Builder, exact_condition
from tests.studio.browser.conftest import NARROW, WIDE, Watch

LEAF = {"field": "metadata.amount", "operator": "gt", "value": 500}
OTHER = {"field": "outcomeType", "operator": "eq", "value": "conversion"}
THIRD = {"field": "rank", "operator": "exists"}
SPECIFIED = {"all": [LEAF, OTHER]}
"""The condition of the specification."""

Open = Callable[..., Builder]


@pytest.fixture
def opened(page_as: Callable[..., Page]) -> Open:
    """The builder of a new trigger for outcome.recorded, of which there are some events; `condition` is in it."""

    def build(condition: Any = None, **options: Any) -> Builder:
        for amount in (750, 120):
            EventFactory.create(
                event_type="outcome.recorded",
                properties={"outcomeType": "conversion", "metadata": {"amount": amount, "isNew": True}},
            )
        page = page_as("editor", **options)
        page.goto("/studio/triggers/new")
        page.locator("#id_event_type").fill("outcome.recorded")
        page.locator("#id_event_type").press("Tab")
        builder = Builder(page)
        if condition is not None:
            builder.write(json.dumps(condition))
        return builder

    return build


class TestBuilding:
    def test_the_specifications_condition_by_mouse(self, opened: Open) -> None:
        builder = opened()
        builder.add("condition")
        builder.parts("field").click()
        builder.root.get_by_role("option", name="metadata.amount").click()
        builder.parts("operator").select_option(label="is over (gt)")
        builder.parts("value").click()
        builder.root.get_by_role("option", name="750").click()
        builder.parts("value").fill("500")
        builder.add("condition")
        builder.parts("field").last.click()
        builder.root.get_by_role("option", name="outcomeType").click()
        builder.parts("value").last.click()
        builder.root.get_by_role("option", name="conversion").click()
        assert builder.text == json.dumps(SPECIFIED, indent=2)
        assert builder.problems() == []

    def test_the_specifications_condition_by_keyboard_alone(self, opened: Open) -> None:
        builder = opened()
        keyboard = builder.page.keyboard
        builder.tab("Builder").focus()
        keyboard.press("Tab")
        keyboard.press("Enter")
        assert builder.focused() == "field"
        keyboard.type("amount")
        expect(builder.root.get_by_role("option", name="metadata.amount")).to_be_visible()
        keyboard.press("ArrowDown")
        keyboard.press("Enter")
        keyboard.press("Tab")
        keyboard.type("is over")
        keyboard.press("Tab")
        keyboard.type("500")
        keyboard.press("Escape")
        for _ in range(4):
            keyboard.press("Tab")
        assert builder.focused() == "add-all"
        keyboard.press("Enter")
        keyboard.type("outcomeType")
        keyboard.press("Tab")
        keyboard.press("Tab")
        keyboard.type("conversion")
        assert builder.value == SPECIFIED
        assert builder.focused_row() == 'Condition 2 of 2 of all of these: outcomeType is "conversion"'

    def test_a_group_begins_with_the_other_word_and_one_condition(self, opened: Open) -> None:
        builder = opened({"all": [LEAF]})
        builder.add("group")
        builder.page.keyboard.type("rank")
        builder.parts("operator").last.select_option("exists")
        assert builder.value == {"all": [LEAF, {"any": [THIRD]}]}

    def test_a_second_condition_beside_a_single_one_puts_both_into_a_group(self, opened: Open) -> None:
        builder = opened(LEAF)
        builder.add("condition")
        builder.page.keyboard.type("rank")
        builder.parts("operator").last.select_option("exists")
        assert builder.value == {"all": [LEAF, THIRD]}

    def test_a_new_condition_is_not_complained_of_before_it_is_left(self, opened: Open) -> None:
        builder = opened()
        builder.add("condition")
        assert builder.problems() == []
        builder.page.locator("#id_name").focus()
        assert builder.problems() == [
            "The field is missing: the dotted path to read, such as metadata.amount.",
            "The value is missing; eq needs any JSON value.",
        ]

    def test_all_becomes_any_and_a_group_can_have_both(self, opened: Open) -> None:
        builder = opened(SPECIFIED)
        builder.parts("key").select_option("any")
        assert builder.value == {"any": [LEAF, OTHER]}
        builder.choose(0, "And all of these")
        builder.page.keyboard.type("rank")
        builder.parts("operator").last.select_option("exists")
        assert builder.value == {"any": [LEAF, OTHER], "all": [THIRD]}

    def test_every_change_is_told_to_the_form(self, opened: Open) -> None:
        builder = opened(SPECIFIED)
        builder.page.evaluate(
            "() => { window.told = []; for (const name of ['input', 'change'])"
            " document.addEventListener(name, ({ target }) => told.push(`${name} ${target.id}`)) }"
        )
        builder.parts("value").first.press("End")
        builder.page.keyboard.type("0")
        assert builder.page.evaluate("told") == ["input id_condition", "change id_condition"]


class TestValues:
    def test_a_text_in_the_place_of_a_number_is_pointed_out_and_changed_by_one_press(self, opened: Open) -> None:
        builder = opened({**LEAF, "operator": "eq", "value": "500"})
        hint = builder.root.get_by_text('This is the text "500".')
        expect(hint).to_contain_text("metadata.amount is a number in recent events")
        builder.root.get_by_role("button", name="Use the number 500").click()
        assert builder.value["value"] == 500
        expect(hint).to_be_hidden()

    def test_what_is_typed_for_a_number_field_is_a_number_and_for_a_text_field_text(self, opened: Open) -> None:
        builder = opened({"all": [{**LEAF, "operator": "eq"}, {**OTHER, "value": "x"}]})
        builder.parts("value").nth(0).fill("120")
        builder.parts("value").nth(1).fill("120")
        assert [leaf["value"] for leaf in builder.value["all"]] == [120, "120"]

    def test_for_a_field_that_nobody_knows_a_number_counts_as_one_until_it_is_text(self, opened: Open) -> None:
        builder = opened()
        builder.add("condition")
        builder.parts("field").fill("unheard.of")
        builder.parts("value").press_sequentially("12")
        assert (builder.value["all"][0]["value"], builder.parts("kind").input_value()) == (12, "number")
        builder.parts("value").press_sequentially(" Main Street")
        assert (builder.value["all"][0]["value"], builder.parts("kind").input_value()) == ("12 Main Street", "text")

    def test_what_is_no_number_stays_as_it_was_typed_and_is_not_saved_as_something_else(self, opened: Open) -> None:
        builder = opened(LEAF)
        builder.parts("value").fill("1,000")
        assert builder.value == {"field": "metadata.amount", "operator": "gt"}
        assert builder.problems() == ['"1,000" is not a number. Write it like 500 or 0.8.']
        assert builder.parts("value").input_value() == "1,000"
        builder.parts("value").fill("1000")
        assert (builder.value["value"], builder.problems()) == (1000, [])

    def test_a_list_is_chips_each_of_them_text_or_number(self, opened: Open) -> None:
        builder = opened({"field": "tier", "operator": "eq", "value": "gold"})
        builder.parts("operator").select_option("in")
        assert builder.value["value"] == ["gold"]
        for typed in ("platinum", "500"):
            builder.parts("value").fill(typed)
            builder.parts("value").press("Enter")
        assert builder.value["value"] == ["gold", "platinum", "500"]
        builder.root.get_by_role("button", name='"500" is text. Make it a number.').click()
        assert builder.value["value"] == ["gold", "platinum", 500]
        builder.root.get_by_role("button", name='Remove "gold"').click()
        assert builder.value["value"] == ["platinum", 500]
        assert builder.focused() == "chip-0-remove"

    def test_a_value_of_a_list_counts_also_without_enter(self, opened: Open) -> None:
        builder = opened({"field": "tier", "operator": "in", "value": []})
        builder.parts("value").fill("gold")
        builder.parts("value").press("Tab")
        assert builder.value["value"] == ["gold"]
        assert builder.focused() == "kind"

    def test_there_and_not_there_have_no_value_to_give(self, opened: Open) -> None:
        builder = opened(LEAF)
        builder.parts("operator").select_option(label="is not there (exists: false)")
        assert builder.value == {"field": "metadata.amount", "operator": "exists", "value": False}
        expect(builder.parts("value")).to_have_count(0)
        builder.parts("operator").select_option(label="is there (exists)")
        assert builder.value == {"field": "metadata.amount", "operator": "exists"}
        builder.parts("operator").select_option("gte")
        assert builder.value == {**LEAF, "operator": "gte"}

    def test_operators_are_those_that_fit_the_type_and_the_one_that_is_there(self, opened: Open) -> None:
        builder = opened({"field": "metadata.isNew", "operator": "gt", "value": 1})
        expect(builder.parts("operator").locator("option")).to_have_text(
            ["is (eq)", "is not (neq)", "is over (gt)", "is there (exists)", "is not there (exists: false)"]
        )

    def test_a_moment_can_be_picked(self, opened: Open) -> None:
        builder = opened({"field": "timestamp", "operator": "gte", "value": "2026-03-10T14:30:00Z"})
        expect(builder.parts("picker")).to_have_value("2026-03-10T14:30")
        builder.parts("picker").fill("2027-01-02T03:04")
        assert builder.value["value"] == "2027-01-02T03:04:00Z"


class TestOrder:
    NESTED = {"all": [LEAF, {"any": [OTHER]}, THIRD]}

    def test_arrow_keys_on_the_grip_move_a_node_and_say_so(self, opened: Open) -> None:
        builder = opened(SPECIFIED)
        builder.parts("grip").first.focus()
        builder.page.keyboard.press("ArrowDown")
        assert builder.value == {"all": [OTHER, LEAF]}
        assert builder.said() == "Moved: Condition 2 of 2 of all of these."
        assert builder.focused() == "grip"
        builder.page.keyboard.press("ArrowDown")
        assert builder.said() == "It is the last already."
        builder.page.keyboard.press("ArrowUp")
        assert builder.value == SPECIFIED

    def test_a_node_moves_into_the_group_beside_it_and_out_again(self, opened: Open) -> None:
        builder = opened(self.NESTED)
        builder.parts("grip").first.focus()
        builder.page.keyboard.press("ArrowRight")
        assert builder.value == {"all": [{"any": [LEAF, OTHER]}, THIRD]}
        assert builder.said() == "Moved: Condition 1 of 2 in group 1, any of these."
        builder.page.keyboard.press("ArrowLeft")
        assert builder.value == {"all": [{"any": [OTHER]}, LEAF, THIRD]}

    def test_a_group_that_is_left_empty_goes(self, opened: Open) -> None:
        builder = opened(self.NESTED)
        builder.choose(3, "Out of the group")
        assert builder.value == {"all": [LEAF, OTHER, THIRD]}

    def test_a_node_can_be_dragged_into_another_group(self, opened: Open) -> None:
        builder = opened(self.NESTED)
        target = builder.root.locator(".condition-group__member .condition-group__member").first
        builder.parts("grip").last.drag_to(target, target_position={"x": 40, "y": 2})
        assert builder.value == {"all": [LEAF, {"any": [THIRD, OTHER]}]}

    def test_a_node_is_wrapped_unwrapped_and_doubled(self, opened: Open) -> None:
        builder = opened({"all": [LEAF]})
        builder.choose(1, "Wrap in a group")
        assert builder.value == {"all": [{"any": [LEAF]}]}
        builder.choose(2, "Duplicate")
        assert builder.value == {"all": [{"any": [LEAF, LEAF]}]}
        builder.choose(1, "Unwrap the group")
        assert builder.value == {"all": [LEAF, LEAF]}

    def test_after_a_removal_the_focus_is_at_the_next_one_and_at_last_where_one_can_go_on(self, opened: Open) -> None:
        builder = opened({"all": [LEAF, OTHER, THIRD]})
        # The first one removes the whole group.
        builder.parts("remove").nth(1).click()
        assert builder.value == {"all": [OTHER, THIRD]}
        assert builder.said() == "metadata.amount is over 500 removed."
        assert builder.focused_row() == 'Condition 1 of 2 of all of these: outcomeType is "conversion"'
        builder.page.keyboard.press("Enter")
        assert builder.focused_row() == "Condition 1 of 1 of all of these: rank is there"
        builder.page.keyboard.press("Enter")
        assert builder.value == {}
        assert builder.focused() == "add-root"

    def test_what_was_done_can_be_undone_and_done_again(self, opened: Open) -> None:
        builder = opened(SPECIFIED)
        builder.parts("remove").last.click()
        builder.parts("value").fill("750")
        builder.page.keyboard.press("Control+z")
        assert builder.value == {"all": [LEAF]}
        builder.page.keyboard.press("Control+z")
        assert builder.value == SPECIFIED
        builder.root.get_by_role("button", name="Redo").click()
        assert builder.value == {"all": [LEAF]}


class TestJson:
    def test_tabs_are_walked_by_arrow_keys(self, opened: Open) -> None:
        builder = opened(SPECIFIED)
        builder.tab("Builder").focus()
        builder.page.keyboard.press("ArrowRight")
        expect(builder.tab("JSON")).to_be_focused()
        expect(builder.textarea).to_be_visible()
        expect(builder.parts("field")).to_have_count(2)
        expect(builder.parts("field").first).to_be_hidden()
        builder.page.keyboard.press("Home")
        expect(builder.parts("field").first).to_be_visible()

    def test_what_is_typed_is_in_the_builder_at_once(self, opened: Open) -> None:
        builder = opened()
        builder.write(json.dumps(SPECIFIED))
        expect(builder.parts("field").nth(1)).to_have_value("outcomeType")
        assert builder.text == json.dumps(SPECIFIED), "what was typed stays as it was typed"

    def test_a_syntax_error_is_named_and_marked_at_its_line(self, opened: Open) -> None:
        builder = opened()
        builder.tab("JSON").click()
        builder.textarea.fill('{\n  "all": [\n    {"field": "a" "operator": "exists"}\n  ]\n}')
        assert builder.problems() == ['Line 3 A comma is missing before ".']
        expect(builder.root.locator(".json-editor__line--wrong")).to_have_text("3")
        builder.root.get_by_role("button", name="Go to line 3").click()
        assert builder.textarea.evaluate("area => area.selectionStart") == builder.text.index('"operator"')

    def test_an_error_of_structure_is_named_at_the_line_of_what_it_is_about(self, opened: Open) -> None:
        builder = opened()
        builder.tab("JSON").click()
        builder.textarea.fill('{\n  "all": [\n    {\n      "field": "a",\n      "operator": "equals"\n    }\n  ]\n}')
        assert builder.problems() == [
            'Line 5 "equals" is not an operator; the operators are eq, neq, gt, gte, lt, lte, in, exists.'
        ]
        builder.tab("Builder").click()
        assert builder.problems() == [
            '"equals" is not an operator; the operators are eq, neq, gt, gte, lt, lte, in, exists.'
        ]

    @pytest.mark.parametrize("broken", ["{", '{"all": [{"field": 1, "operator": "eq", "value": 1}]}', '{"and": []}'])
    def test_while_the_json_can_not_be_shown_the_builder_rests_and_nothing_typed_is_lost(
        self, opened: Open, broken: str
    ) -> None:
        builder = opened(SPECIFIED)
        builder.write(broken)
        expect(builder.root.locator(".builder__notice")).to_contain_text("Line 1 of the JSON:")
        expect(builder.parts("field").first).to_have_value("metadata.amount")
        assert builder.root.locator(".builder__tree").evaluate("tree => tree.inert")
        assert builder.text == broken
        builder.root.get_by_role("button", name="Go back to the condition below").click()
        assert builder.value == SPECIFIED
        builder.parts("value").first.fill("501")
        assert builder.value["all"][0]["value"] == 501

    def test_the_digits_of_other_values_stay_when_one_is_changed(self, opened: Open) -> None:
        builder = opened()
        builder.write(
            '{"all": [{"field": "a", "operator": "eq", "value": 9007199254740993},'
            ' {"field": "b", "operator": "in", "value": [1.0, 1, 12345678901234567890.10]},'
            ' {"field": "c", "operator": "eq", "value": "x"}]}'
        )
        builder.parts("value").last.fill("y")
        assert "9007199254740993" in builder.text
        assert exact_condition(builder.text)["all"][1]["value"] == [
            ("number", "1.0"),
            ("number", "1"),
            ("number", "12345678901234567890.10"),
        ]
        assert builder.value["all"][2]["value"] == "y"

    def test_any_valid_condition_survives_the_page(self, opened: Open) -> None:
        """Each control is given what it has already, and a condition is added and taken back: then all is as it was."""
        builder = opened()
        script = """root => {
          for (const control of root.querySelectorAll(".builder__tree :is(input, select, textarea)")) {
            if (!control.isConnected || control.type === "datetime-local") continue
            for (const name of ["input", "change"]) control.dispatchEvent(new Event(name, { bubbles: true }))
          }
          const touched = root.querySelector("textarea[name]").value
          const add = [...root.querySelectorAll('[data-part^="add-"]')].at(-1)
          add.click()
          const added = root.querySelector("textarea[name]").value
          root.querySelector('[aria-label="Undo"]').click()
          return [touched, added, root.querySelector("textarea[name]").value]
        }"""

        @settings(
            max_examples=40,
            deadline=None,
            # Each example takes a while in the page; the first one that fails says enough.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )
        @given(any_condition)
        def survives(condition: dict[str, Any]) -> None:
            text = json.dumps(condition)
            builder.write(text)
            touched, added, undone = builder.root.evaluate(script)
            assert exact_condition(touched) == exact_condition(text)
            assert exact_condition(added) != exact_condition(text)
            assert exact_condition(undone) == exact_condition(text)
            assert builder.problems() == []

        survives()


class TestServer:
    @pytest.fixture
    def segment(self, page_as: Callable[..., Page], watch: Watch) -> Builder:
        """The form of a new segment, which has a rule that the browser does not know."""
        watch.expect("400 (Bad Request)")
        create_schema(name="Profile", fields=[Field("tier", "text")], now=clock.now())
        page = page_as("editor")
        page.goto("/studio/segments/new")
        page.locator("#id_name").fill("Well off")
        return Builder(page, "criteria")

    def test_its_problem_is_shown_at_the_leaf_and_at_the_line_until_the_leaf_is_changed(self, segment: Builder) -> None:
        wrong = {"all": [{"field": "customer.tier", "operator": "eq", "value": "gold"}, LEAF]}
        problem = "Must begin with customer.: a segment reads nothing but the customer's record."
        segment.write(json.dumps(wrong, indent=2))
        segment.page.get_by_role("button", name="Save segment").click()
        expect(segment.page.locator("#problems")).to_be_visible()
        assert segment.problems() == [problem]
        expect(segment.parts("field").nth(1)).to_have_attribute("aria-invalid", "true")
        expect(segment.parts("field").nth(0)).not_to_have_attribute("aria-invalid", "true")
        segment.tab("JSON").click()
        assert segment.problems() == [f"Line 9 {problem}"]
        segment.tab("Builder").click()
        segment.parts("grip").nth(1).press("ArrowUp")
        assert segment.problems() == [problem]
        segment.tab("JSON").click()
        assert segment.problems() == [f"Line 4 {problem}"]
        segment.tab("Builder").click()
        segment.parts("field").nth(0).fill("customer.tier")
        assert segment.problems() == []

    def test_without_scripts_the_textarea_is_the_form(
        self, context_as: Callable[..., BrowserContext], watch: Watch
    ) -> None:
        watch.expect("400 (Bad Request)")
        create_schema(name="Profile", fields=[Field("tier", "text")], now=clock.now())
        page = context_as("editor", java_script_enabled=False).new_page()
        page.goto("/studio/segments/new")
        page.locator("#id_name").fill("Well off")
        page.locator("#id_criteria").fill(json.dumps(LEAF))
        page.get_by_role("button", name="Save segment").click()
        expect(page.locator("#id_criteria_error")).to_contain_text("must begin with customer.", ignore_case=True)
        page.locator("#id_criteria").fill('{"field": "customer.tier", "operator": "eq", "value": "gold"}')
        page.get_by_role("button", name="Save segment").click()
        page.wait_for_url("**/studio/segments/seg_well_off")
        expect(page.locator(".condition-tree")).to_have_text('customer.tier is "gold"')


class TestLooks:
    DEEP = {
        "all": [
            LEAF,
            {"field": "tier", "operator": "in", "value": ["gold", 500, "500", None]},
            {
                "any": [
                    {"field": "timestamp", "operator": "gte", "value": "2026-03-10T14:30:00Z"},
                    {"all": [{"any": [{"field": "a", "operator": "eq", "value": {"b": [1]}}]}], "any": [OTHER, THIRD]},
                    {"field": "metadata.amount", "operator": "eq", "value": "500"},
                    {"field": "metadata.isNew", "operator": "eq", "value": True},
                    {"field": "wrong..path", "operator": "neq", "value": None},
                ]
            },
        ]
    }

    @pytest.mark.parametrize(
        "look",
        [
            {"color_scheme": "light", "viewport": WIDE},
            {"color_scheme": "dark", "viewport": WIDE},
            {"color_scheme": "light", "viewport": NARROW},
        ],
    )
    def test_everybody_can_use_it_wherever(self, page_as: Callable[..., Page], look: dict[str, Any]) -> None:
        create_schema(name="Profile", fields=[Field("tier", "text")], now=clock.now())
        page = page_as("editor", **look)
        page.goto("/studio/segments/new")
        builder = Builder(page, "criteria")
        builder.write(json.dumps(self.DEEP))
        found = violations(page)
        assert overflow_px(page) == 0
        builder.parts("field").first.fill("cust")
        expect(builder.root.get_by_role("option", name="customer.tier")).to_be_visible()
        found += violations(page)
        assert overflow_px(page) == 0
        builder.write("{")
        builder.tab("JSON").click()
        found += violations(page)
        assert found == []

    def test_two_hundred_conditions_are_the_most_and_can_still_be_changed(self, opened: Open) -> None:
        builder = opened({"all": [LEAF] * 200})
        expect(builder.root.get_by_role("button", name="Add condition")).to_be_disabled()
        builder.parts("value").last.fill("1")
        assert builder.value["all"][199]["value"] == 1
        builder.parts("remove").last.click()
        expect(builder.root.get_by_role("button", name="Add condition")).to_be_enabled()
