"""What the tests of templates share: an event with a value of every kind, and short ways to parse and render."""

from typing import Any

import pytest

from kaireon.core.templating import RenderError, Template, TemplateError, parse

ROOTS = frozenset({"event", "trigger", "customer", "firing"})
ROOTS_OF_WEBHOOKS = ROOTS | {"secret"}
CONTEXT: dict[str, Any] = {
    "event": {
        "type": "outcome.recorded",
        "amount": 12.5,
        "whole": 7,
        "price": 3.0,
        "vip": True,
        "cancelled": False,
        "nothing": None,
        "name": "Eve",
        "timestamp": "2026-03-05T09:07:01+02:00",
        "items": [{"sku": "a-1", "count": 2}, {"sku": "b-2", "count": 1}],
        "tags": ["x", "y"],
        "address": {"city": "Riga", "size": "large"},
        "looks_like_a_template": "{{ event.type }}{% if true %}x{% endif %}",
    },
    "trigger": {"id": "trg_1", "name": "First"},
    "customer": {"tier": "gold"},
    "firing": {"id": "fir_1"},
}


def rendered(value: object, context: dict[str, Any] = CONTEXT) -> Any:
    return parse(value, roots=ROOTS).render(context)


def problems(value: object, roots: frozenset[str] = ROOTS) -> list[tuple[str, str]]:
    with pytest.raises(TemplateError) as refused:
        parse(value, roots=roots)
    return refused.value.problems


def failure(value: object, context: dict[str, Any] = CONTEXT) -> str:
    template = parse(value, roots=ROOTS)
    with pytest.raises(RenderError) as failed:
        template.render(context)
    return str(failed.value)


def parsed(value: object) -> Template | None:
    """Nothing for what is refused; anything but a refusal is raised."""
    try:
        return parse(value, roots=ROOTS_OF_WEBHOOKS)
    except TemplateError:
        return None


def exactly(value: object, expected: object) -> bool:
    """Equal in type, too: 1, 1.0 and true are three values."""
    return repr(value) == repr(expected)
