"""What the server renders of conditions: the tree to be read, and the form field that the builder is built upon."""

import json
import re
from html import unescape
from typing import Any

from django import forms
from django.template.loader import render_to_string

from kaireon.core.errors import Detail
from kaireon.studio.forms import BodyForm, JSONText

LEAF = {"field": "metadata.amount", "operator": "gt", "value": 500}
OTHER = {"field": "tier", "operator": "in", "value": ["gold", "platinum"]}


class Form(BodyForm):
    """A form with a condition."""

    condition = JSONText(empty={})
    name = forms.CharField(required=False)


def shown(condition: Any, **context: Any) -> str:
    """The text that can be read, in one line."""
    page = render_to_string("studio/components/condition.html", {"condition": condition, **context})
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def field_with(text: str, *details: Detail) -> str:
    """The component, for a form that was sent with `text` and refused for `details`."""
    form = Form({"condition": text})
    assert form.is_valid()
    form.show(list(details))
    return render_to_string(
        "studio/components/condition_builder.html", {"field": form["condition"], "fields_url": "/f"}
    )


def problems_in(page: str) -> list[dict[str, str]]:
    """What the component tells its script."""
    found = re.search(r'problems="([^"]*)"', page)
    assert found is not None
    problems: list[dict[str, str]] = json.loads(unescape(found[1]))
    return problems


def test_a_condition_is_a_tree_in_words() -> None:
    condition = {"all": [LEAF, {"any": [OTHER, {"field": "email", "operator": "exists", "value": False}]}]}
    assert shown(condition) == (
        'All of these metadata.amount is over 500 Any of these tier is one of "gold", "platinum" email is not there'
    )


def test_a_leaf_alone_and_a_group_with_both_lists_are_shown_as_well() -> None:
    assert shown(LEAF) == "metadata.amount is over 500"
    both = {"all": [LEAF], "any": [OTHER]}
    assert shown(both) == (
        'All of these metadata.amount is over 500 and Any of these tier is one of "gold", "platinum"'
    )


def test_what_is_always_true_is_said_in_the_words_of_the_page() -> None:
    assert shown({}) == "No conditions: this is always true."
    assert shown({}, empty="Everybody") == "Everybody"


def test_what_is_no_condition_is_shown_as_it_is() -> None:
    assert shown({"nonsense": 1}).startswith("This is no valid condition.")
    assert '"nonsense": 1' in shown({"nonsense": 1})


def test_nothing_of_a_condition_becomes_markup() -> None:
    page = render_to_string(
        "studio/components/condition.html", {"condition": {**LEAF, "field": "<b>", "value": "</p><script>"}}
    )
    assert "<b>" not in page
    assert "<script>" not in page


def test_the_builder_is_told_each_problem_with_its_path_within_the_condition() -> None:
    page = field_with(
        json.dumps({"all": [LEAF]}),
        Detail("condition.all[0].field", "must begin with customer."),
        Detail("condition", "is too large."),
        Detail("name", "is taken."),
    )
    assert problems_in(page) == [
        {
            "path": "all[0].field",
            "message": "Must begin with customer.",
            "text": "All[0].field must begin with customer.",
        },
        {"path": "", "message": "Is too large.", "text": "Is too large."},
    ]


def test_what_was_typed_stays_as_it_was_typed() -> None:
    text = '{"field": "a",  "operator": "eq", "value": 1.50}'
    assert f">\n{text}</textarea>" in unescape(field_with(text))


def test_an_empty_textarea_is_the_condition_that_is_always_true() -> None:
    form = Form({"condition": " "})
    assert form.is_valid()
    assert form.cleaned_data["condition"] == {}
