"""The fields of `update_attribute`."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django import forms

from kaireon.core.errors import Detail, MalformedJson
from kaireon.core.json_values import decode
from kaireon.customers.models import Schema
from kaireon.studio.forms import sentence
from triggers.studio.action_forms.base import MOST_TARGETS_LISTED, ActionForm, Names, Target
from triggers.studio.action_forms.rows import Row, RowsField

WAYS = (
    ("value", "is set to"),
    ("expression", "is calculated as"),
    ("json", "is set to the JSON"),
    ("remove", "is removed"),
)
_TEXTUAL = frozenset({"text", "date", "datetime"})
_EMPTY_ROW = {"field": "", "way": "value", "content": ""}


class UpdateAttributeForm(ActionForm):
    """Which schema, and what becomes of which of its fields.

    `is set to` takes what one would type there: for a number, a flag or JSON a JSON value, else text; Liquid in both.
    """

    action_type = "update_attribute"
    icon = "user-pen"
    line = "Set or count something in the customer's record."
    template_name = "studio/trigger_form/update_attribute.html"
    rendering_template = "studio/trigger_form/rendered_update_attribute.html"
    paths: ClassVar[Mapping[str, str]] = {"schemaId": "schema", "updates": "updates"}

    schema = forms.CharField(label="Schema", widget=forms.Select, error_messages={"required": "Choose a schema."})
    updates = RowsField(label="Changes", columns=("field", "way", "content"), typed=("field", "content"))

    def __init__(self, *args: Any, config: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        self._update_problems: dict[int, str] = {}
        super().__init__(*args, config=config, **kwargs)
        if config and not self.is_bound:
            types = self.field_types(config.get("schemaId", ""))
            self.initial["updates"] = [_row_of(update, types) for update in config.get("updates", [])]

    @cached_property
    def schemas(self) -> list[Schema]:
        """All schemas, the default one first."""
        return list(Schema.objects.order_by("-is_default", "name", "id")[:MOST_TARGETS_LISTED])

    @classmethod
    def fields_of(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"schema": config.get("schemaId", "")}

    def offer_choices(self, found: Mapping[str, Sequence[Target]]) -> None:
        if self.schemas:
            self.initial.setdefault("schema", self.schemas[0].pk)
        self.offer("schema", [(schema.pk, str(schema), "active") for schema in self.schemas])

    def field_types(self, schema_id: str) -> dict[str, str]:
        """The data types of a schema's fields, in their order; of an unknown schema none."""
        schema = next((schema for schema in self.schemas if schema.pk == schema_id), None)
        return {field["name"]: field["dataType"] for field in schema.fields} if schema else {}

    @property
    def fields_by_schema(self) -> dict[str, dict[str, str]]:
        """For the script that changes the lists of fields when another schema is chosen."""
        return {schema.pk: self.field_types(schema.pk) for schema in self.schemas}

    def body(self) -> dict[str, Any]:
        data = self.cleaned_data
        body: dict[str, Any] = {"schemaId": data["schema"]} if "schema" in data else {}
        if "updates" in data:
            types = self.field_types(data.get("schema", ""))
            body["updates"] = [_update_of(row, types) for _, row in data["updates"]]
        return body

    def clean(self) -> dict[str, Any]:
        """What can't be read as JSON is told here; all else is for the API's rules to say."""
        for place, row in self.cleaned_data.get("updates", ()):
            if row["way"] == "json":
                try:
                    decode(row["content"].encode())
                except MalformedJson:
                    self._update_problems[place] = "This is not JSON."
        if self._update_problems:
            self.add_error("updates", next(iter(self._update_problems.values())))
        return self.cleaned_data

    def show(self, details: list[Detail]) -> None:
        """A problem of one change goes to its row."""
        places = [place for place, _ in self.cleaned_data.get("updates", ())]
        others = []
        for detail in details:
            index, _, rest = detail.field.removeprefix("updates[").partition("]")
            if detail.field.startswith("updates[") and index.isdecimal() and int(index) < len(places):
                text = sentence(_told(rest.lstrip("."), detail.message))
                self._update_problems.setdefault(places[int(index)], text)
            else:
                others.append(detail)
        super().show(others)
        if self._update_problems and "updates" not in self.errors:
            self.add_error("updates", next(iter(self._update_problems.values())))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The changes to draw, at least one, each with the fields to choose from."""
        stored: list[Row] = list(self.current("updates") or [_EMPTY_ROW])
        if self.data.get("show") == "update":
            stored.append(_EMPTY_ROW)
        types = self.field_types(str(self.current("schema") or ""))
        return [
            {
                **row,
                "problem": self._update_problems.get(place, ""),
                "is_unknown": bool(row["field"]) and row["field"] not in types,
            }
            for place, row in enumerate(stored)
        ]

    @property
    def types(self) -> dict[str, str]:
        """The fields of the chosen schema."""
        return self.field_types(str(self.current("schema") or ""))

    @property
    def ways(self) -> Sequence[tuple[str, str]]:
        """What may become of a field."""
        return WAYS

    def row_problems(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        found = sorted(self._update_problems.items())
        return {"updates": [(f"id_update_attribute-updates-{place}", text) for place, text in found]}

    @classmethod
    def phrase(cls, config: Mapping[str, Any], names: Names) -> str:
        updates = [update for update in config.get("updates", ()) if update.get("field")]
        if not updates:
            return "change the customer's record"
        parts = [_phrase_of(update) for update in updates[:3]]
        if len(updates) > 3:
            parts.append(f"change {len(updates) - 3} more")
        return _joined(parts)


def _row_of(update: Mapping[str, Any], types: Mapping[str, str]) -> Row:
    """The row that `_update_of` reads as `update`."""
    field = str(update.get("field", ""))
    if "expression" in update:
        return {"field": field, "way": "expression", "content": str(update["expression"])}
    value = update.get("value")
    if value is None:
        return {"field": field, "way": "remove", "content": ""}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if "\r" not in text and _read(text, types.get(field, "")) == value and text.strip():
        return {"field": field, "way": "value", "content": text}
    return {"field": field, "way": "json", "content": json.dumps(value, ensure_ascii=False)}


def _update_of(row: Row, types: Mapping[str, str]) -> dict[str, Any]:
    """What the API is sent for `row`."""
    field, content = row["field"].strip(), row["content"]
    match row["way"]:
        case "expression":
            return {"field": field, "expression": content}
        case "remove":
            return {"field": field, "value": None}
        case "json":
            return {"field": field, "value": _decoded(content)}
    return {"field": field, "value": _read(content, types.get(field, ""))}


def _read(text: str, data_type: str) -> Any:
    """`text` as the value that is meant by it in a field of that type."""
    if data_type in _TEXTUAL:
        return text
    try:
        return decode(text.encode())
    except MalformedJson:
        return text


def _decoded(text: str) -> Any:
    try:
        return decode(text.encode())
    except MalformedJson:
        return None


def _told(rest: str, message: str) -> str:
    """The problem without a word that only the API's body has."""
    for name in ("field", "value", "expression"):
        if rest == name:
            return message if name == "value" else f"the {name} {message}" if not message[:1].isupper() else message
    return f"{rest} {message}" if rest else message


def _phrase_of(update: Mapping[str, Any]) -> str:
    field = update["field"]
    if expression := update.get("expression"):
        return f"set {field} to {expression}"
    value = update.get("value")
    if value is None:
        return f"remove {field}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"set {field} to {text if len(text) <= 60 else text[:59] + '…'}"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
