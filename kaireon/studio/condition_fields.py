"""The fields that a condition or a template may read, found in the documents that there are."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse

from kaireon.conditions import MAX_FIELD_LENGTH
from kaireon.conditions.instants import instant

MOST_FIELDS = 500
MOST_SAMPLES = 5
LONGEST_SAMPLE = 100
MOST_VALUES = 50_000
"""How many values are looked at in all: 200 events of 64 KiB each could hold millions."""
_MOST_STEPS = 8


@dataclass(slots=True)
class FoundField:
    """A field by its dotted path, how often it was of which type, and some of what it held."""

    name: str
    types: Counter[str] = field(default_factory=Counter)
    samples: list[Any] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def note(self, value: Any) -> None:
        """One more value of this field."""
        self.types[type_of(value)] += 1
        if len(self.samples) >= MOST_SAMPLES or value is None:
            return
        written = json.dumps(value)
        if len(written) <= LONGEST_SAMPLE and written not in self.seen:
            self.seen.add(written)
            self.samples.append(value)

    @property
    def type(self) -> str:
        """The most frequent of its types; null only where there was nothing else."""
        known = [(count, name) for name, count in self.types.items() if name != "null"]
        return max(known, key=lambda one: one[0])[1] if known else "null"

    def as_json(self) -> dict[str, Any]:
        """As the builder is told."""
        return {"name": self.name, "type": self.type, "samples": self.samples}


def type_of(value: Any) -> str:
    """`text`, `number`, `boolean`, `datetime` (a text that names an instant), `list`, `object` or `null`."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text" if instant(value) is None else "datetime"
        case list():
            return "list"
    return "object"


def fields_of(documents: Iterable[Mapping[str, Any]], *, under: str = "") -> list[FoundField]:
    """Every field of `documents`, in the order in which they are met; samples come from the first documents.

    Lists are fields, and the members of their first object (`items.0.sku`). What no path can reach (a key that is empty
    or has a dot) is left out. `under` stands before each name (`customer.`).
    """
    found: dict[str, FoundField] = {}
    left = MOST_VALUES

    def walk(value: Mapping[str, Any] | Sequence[Any], path: str, steps: int) -> None:
        nonlocal left
        pairs = value.items() if isinstance(value, Mapping) else [("0", value[0])] if value else []
        for key, member in pairs:
            name = f"{path}{key}"
            if left <= 0 or not key or "." in key or len(name) > MAX_FIELD_LENGTH:
                continue
            left -= 1
            if name not in found and len(found) >= MOST_FIELDS:
                continue
            found.setdefault(name, FoundField(name)).note(member)
            if steps < _MOST_STEPS and isinstance(member, Mapping | list):
                walk(member, f"{name}.", steps + 1)

    for document in documents:
        walk(document, under, 1)
    return list(found.values())


def answer(
    fields: Iterable[FoundField], *, names: Sequence[str] = (), secrets: Sequence[str] | None = None
) -> HttpResponse:
    """What the builder and the suggestions for Liquid ask for. Samples are personal data: nothing of it is stored.

    `names` are what Liquid can read beside the fields; `secrets` the names of secrets, None where nobody asked.
    """
    told = {
        "fields": [found.as_json() for found in fields],
        "names": list(names),
        **({} if secrets is None else {"secrets": list(secrets)}),
    }
    return HttpResponse(
        json.dumps(told, ensure_ascii=False), content_type="application/json", headers={"Cache-Control": "no-store"}
    )
