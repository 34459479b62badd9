"""A form as a browser would send it: the successful controls of a page's form, line breaks and all."""

from html.parser import HTMLParser
from typing import Any

Fields = dict[str, list[str]]


def fields_of(html: str, form_id: str) -> Fields:
    """What submitting the form by its default button sends, without the button."""
    reader = _Reader(form_id)
    reader.feed(html)
    assert reader.is_found, f"there is no form {form_id} in the page"
    fields: Fields = {}
    for name, value in reader.controls:
        fields.setdefault(name, []).append(value)
    return fields


def ids_of(html: str) -> list[str]:
    """All ids in the page, as often as they are there."""
    reader = _Reader("")
    reader.feed(html)
    return reader.ids


class _Reader(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.is_found = False
        self.is_inside = False
        self.templates = 0
        self.controls: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.textarea: tuple[str, str] | None = None
        self.select: tuple[str, list[tuple[str, bool]]] | None = None
        self.option: tuple[str | None, bool, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        if tag == "template":
            self.templates += 1
        if self.templates:
            return
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "form":
            self.is_inside = given.get("id") == self.form_id
            self.is_found = self.is_found or self.is_inside
        if not self.is_inside or "disabled" in given:
            return
        name = given.get("name")
        if tag == "input" and name and given.get("type") not in {"submit", "button"}:
            is_ticked = given.get("type") in {"checkbox", "radio"}
            if is_ticked and "checked" not in given:
                return
            value = given.get("value", "on" if is_ticked else "")
            self.controls.append((name, value.replace("\n", "").replace("\r", "")))
        elif tag == "textarea" and name:
            self.textarea = (name, "")
        elif tag == "select" and name:
            self.select = (name, [])
        elif tag == "option":
            self.option = (given.get("value"), "selected" in given, "")

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.textarea = (self.textarea[0], self.textarea[1] + data)
        elif self.option:
            self.option = (self.option[0], self.option[1], self.option[2] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self.templates -= 1
        elif tag == "form":
            self.is_inside = False
        elif tag == "textarea" and self.textarea:
            name, text = self.textarea
            text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
            self.controls.append((name, text.replace("\n", "\r\n")))
            self.textarea = None
        elif tag == "option" and self.option and self.select:
            value, is_selected, text = self.option
            self.select[1].append((text.strip() if value is None else value, is_selected))
            self.option = None
        elif tag == "select" and self.select:
            name, options = self.select
            chosen = [value for value, is_selected in options if is_selected] or [value for value, _ in options[:1]]
            self.controls += [(name, value) for value in chosen[-1:]]
            self.select = None
