"""Driving the condition builder of a form, as people and as scripts do."""

import json
from typing import Any

from playwright.sync_api import Locator, Page

MODULES = "/static/kaireon/studio/condition_builder"


class Builder:
    """The one builder of a page. `name` is the form field that it belongs to."""

    def __init__(self, page: Page, name: str = "condition") -> None:
        self.page = page
        self.root = page.locator("condition-builder")
        self.textarea = page.locator(f"#id_{name}")

    @property
    def text(self) -> str:
        """What would be submitted."""
        return self.textarea.input_value()

    @property
    def value(self) -> Any:
        """The same as JSON."""
        return json.loads(self.text)

    def write(self, text: str) -> None:
        """Types the JSON, whichever tab is open."""
        self.textarea.evaluate(
            "(area, text) => { area.value = text; area.dispatchEvent(new Event('input', { bubbles: true })) }", text
        )

    def tab(self, name: str) -> Locator:
        """A tab: Builder, JSON."""
        return self.root.get_by_role("tab", name=name, exact=True)

    def parts(self, name: str) -> Locator:
        """All controls of a kind, in their order: field, operator, value, kind, grip, remove, menu, key."""
        return self.root.locator(f'[data-part="{name}"]')

    def add(self, what: str, *, at: int = -1) -> None:
        """Presses one of the buttons Condition and Group, the outermost one if not told which."""
        buttons = self.root.get_by_role("button", name=f"Add {what}")
        (buttons.last if at == -1 else buttons.nth(at)).click()

    def choose(self, row: int, item: str) -> None:
        """An item of the menu of a row; groups have menus, too."""
        menu = self.root.locator("details.menu").nth(row)
        menu.locator("summary").click()
        menu.get_by_role("button", name=item).click()

    def problems(self) -> list[str]:
        """What is said to be wrong, in what can be seen."""
        return [line.inner_text() for line in self.root.locator(".field__problem:visible").all()]

    def said(self) -> str:
        """What a screen reader was told last."""
        return self.root.get_by_role("status").inner_text()

    def focused(self) -> str:
        """The part that has the focus."""
        return str(self.page.evaluate("document.activeElement.dataset.part ?? ''"))

    def focused_row(self) -> str:
        """How the row is named in which the focus is."""
        return str(self.page.evaluate("document.activeElement.closest('[role=group]').getAttribute('aria-label')"))


def exact(text: str) -> Any:
    """JSON with everything that a program may not lose: digits as they are written, order and repetition of keys."""
    return json.loads(
        text,
        parse_int=lambda digits: ("number", digits),
        parse_float=lambda digits: ("number", digits),
        object_pairs_hook=lambda pairs: ("object", pairs),
    )


def exact_condition(text: str) -> Any:
    """The same for a condition: in its groups and leaves alone, the order of keys means nothing."""
    return _node(exact(text))


def _node(read: Any) -> dict[str, Any]:
    parts = dict(read[1])
    return {key: [_node(one) for one in part] if key in ("all", "any") else part for key, part in parts.items()}
