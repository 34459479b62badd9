"""The fields of `webhook`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.urls import reverse_lazy

from kaireon.core.errors import Detail
from kaireon.studio.forms import JSONText, sentence
from triggers.actions.webhook import WebhookConfig
from triggers.studio.action_forms.base import ActionForm, Names
from triggers.studio.action_forms.rows import Row, RowsField

_DEFAULT_BODY = WebhookConfig().fields["bodyTemplate"].default
_EMPTY_ROW = {"name": "", "value": ""}


class WebhookForm(ActionForm):
    """Where to, with which headers, and what is in the body."""

    action_type = "webhook"
    icon = "webhook"
    line = "Send an HTTP request with the event's data to another system."
    template_name = "studio/trigger_form/webhook.html"
    rendering_template = "studio/trigger_form/rendered_webhook.html"
    paths: ClassVar[Mapping[str, str]] = {"url": "url", "method": "method", "bodyTemplate": "body_template"}

    url = forms.CharField(
        label="Address",
        error_messages={"required": "Must not be empty."},
        widget=forms.TextInput(
            attrs={"inputmode": "url", "spellcheck": "false", "placeholder": "https://api.yourcompany.com/events"}
        ),
    )
    method = forms.ChoiceField(
        label="Method", choices=[(method, method) for method in ("POST", "PUT", "PATCH")], initial="POST"
    )
    headers = RowsField(label="Headers", columns=("name", "value"), typed=("name", "value"))
    body_template = JSONText(
        label="Body",
        help_text="JSON; texts may hold Liquid. Empty: firing, trigger, event, type, customer and time.",
        initial=_DEFAULT_BODY,
        widget=forms.Textarea(
            attrs={
                "rows": 10,
                "spellcheck": "false",
                "autocapitalize": "off",
                "data-liquid": reverse_lazy("studio-trigger-fields"),
                "data-liquid-event-types-from": "id_event_type",
                "data-liquid-secrets": True,
            }
        ),
    )

    @classmethod
    def fields_of(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "url": config.get("url", ""),
            "method": config.get("method", "POST"),
            "headers": [{"name": name, "value": str(value)} for name, value in config.get("headers", {}).items()],
            # Written out here: a text would pass for what somebody has typed.
            "body_template": json.dumps(config.get("bodyTemplate", _DEFAULT_BODY), indent=2, ensure_ascii=False),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._header_problems: dict[int, str] = {}
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Two rows of one name would be one header."""
        seen: set[str] = set()
        for place, row in self.cleaned_data.get("headers", ()):
            name = row["name"].strip()
            if not name:
                self._header_problems[place] = "Name the header."
            elif name in seen:
                self._header_problems[place] = f"{name} is there twice."
            seen.add(name)
        if self._header_problems:
            self.add_error("headers", next(iter(self._header_problems.values())))
        return self.cleaned_data

    def body(self) -> dict[str, Any]:
        data = self.cleaned_data
        body: dict[str, Any] = {key: data[key] for key in ("url", "method") if key in data}
        if "headers" in data:
            body["headers"] = {row["name"].strip(): row["value"] for _, row in data["headers"]}
        if data.get("body_template") is not None:
            body["bodyTemplate"] = data["body_template"]
        return body

    def show(self, details: list[Detail]) -> None:
        """A problem of a header goes to its row."""
        places = {row["name"].strip(): place for place, row in self.cleaned_data.get("headers", ())}
        others = []
        for detail in details:
            name = detail.field.removeprefix("headers.")
            if detail.field.startswith("headers.") and name in places:
                self._header_problems.setdefault(places[name], sentence(detail.message))
            else:
                others.append(detail)
        super().show(others)
        if self._header_problems and "headers" not in self.errors:
            self.add_error("headers", next(iter(self._header_problems.values())))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The headers to draw, at least one row."""
        stored: list[Row] = list(self.current("headers") or [_EMPTY_ROW])
        if self.data.get("show") == "header":
            stored.append(_EMPTY_ROW)
        return [{**row, "problem": self._header_problems.get(place, "")} for place, row in enumerate(stored)]

    def row_problems(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        found = sorted(self._header_problems.items())
        return {"headers": [(f"id_webhook-headers-{place}", text) for place, text in found]}

    @classmethod
    def phrase(cls, config: Mapping[str, Any], names: Names) -> str:
        method, url = config.get("method", "POST"), config.get("url")
        return f"send a {method} request to {_host(url) if url else 'an address'}"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url
