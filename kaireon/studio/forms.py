"""Forms that write what the API writes: fields become the API's body, and its problems come back to the fields.

So Studio has no rules of its own. What a form alone can know (that an amount and a unit make milliseconds) is in its
`body()`; whether the body is right, the function says that the API calls as well.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse

from kaireon.core.errors import ApiError, Detail, MalformedJson
from kaireon.core.json_values import decode
from kaireon.studio.pages import StudioPage, problems_as_details


class JSONText(forms.CharField):
    """JSON as text: `clean` gives the value, and a syntax error says its line and column."""

    widget = forms.Textarea(attrs={"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "rows": 10})

    def __init__(self, *, empty: Any = None, **kwargs: Any) -> None:
        super().__init__(**{"required": False, **kwargs})
        self.empty = empty

    def prepare_value(self, value: Any) -> str:
        """What was typed stays as it was typed; a stored value is written out."""
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return self.empty
        try:
            return decode(text.encode())
        except UnicodeEncodeError:
            raise forms.ValidationError("This has half of a surrogate pair, which is not text.", code="json") from None
        except MalformedJson as error:
            raise forms.ValidationError(_place_of_error(text) or error.message, code="json") from None


def _place_of_error(text: str) -> str:
    """Where the text stops being JSON; empty where its form is right, and only a value in it can't be."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"Line {error.lineno}, column {error.colno}: this is not JSON ({error.msg})."
    except (ValueError, RecursionError):
        return ""
    return ""


class BodyForm(forms.Form):
    """A form for one of the API's resources.

    `paths` names the field for a path into the body, where it is not the path's own first step in snake_case:
    `{"budget.maxSpend": "max_spend"}`. The longest path that fits gets the problem; what fits none stands above the
    form.
    """

    paths: ClassVar[Mapping[str, str]] = {}

    def body(self) -> dict[str, Any]:
        """What the API would be sent: each field by its name there, if it has a value. For a form that is valid."""
        return {_json_name(name): value for name, value in self.cleaned_data.items() if value is not None}

    def show(self, details: list[Detail]) -> None:
        """Puts each problem to its field."""
        for detail in details:
            name, rest = self._field_of(detail.field)
            message = sentence(_told_at(rest, detail.message))
            self.add_error(name, forms.ValidationError(message, code=detail.field))

    def _field_of(self, path: str) -> tuple[str | None, str]:
        """The field for `path`, and the rest of the path that leads on inside of it."""
        fitting = [known for known in self.paths if _leads_to(known, path)]
        if fitting:
            longest = max(fitting, key=len)
            return self.paths[longest], path[len(longest) :].lstrip(".")
        first = path.replace("[", ".").split(".", 1)[0]
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in first)
        return (name, path[len(first) :].lstrip(".")) if name in self.fields else (None, path)


def _told_at(rest: str, message: str) -> str:
    """The message with the place inside the field before it; a message may name the last step of it already."""
    if not rest:
        return message
    _, _, last = rest.rpartition(".")
    return f"{rest}{message.removeprefix(last)}" if message.startswith(f"{last} ") else f"{rest} {message}"


def _json_name(name: str) -> str:
    """`channel_type` as the API writes it: `channelType`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _leads_to(known: str, path: str) -> bool:
    return path == known or path.startswith((f"{known}.", f"{known}["))


def sentence(text: str) -> str:
    """`text` as people read it at a field: with a capital, and a full stop."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"


class FormPage(StudioPage, ABC):
    """A page with a `BodyForm`. What was typed is never lost: a refused form comes back as it was sent, with 400."""

    form_class: ClassVar[type[BodyForm]]

    def initial(self) -> Mapping[str, Any]:
        """What the fields hold at first."""
        return {}

    @abstractmethod
    def save(self, form: BodyForm) -> HttpResponse:
        """Does it, and leads on (`done`). Raises ApiError and DRF's ValidationError with paths into the body."""

    def more(self, form: BodyForm) -> Mapping[str, Any]:
        """What else the template needs."""
        return {}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show(self.form_class(initial=dict(self.initial())))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form_class(request.POST)
        if form.is_valid():
            try:
                with problems_as_details():
                    return self.save(form)
            except ApiError as error:
                if error.status == 404:
                    raise
                form.show(error.details or [Detail("", error.message)])
        return self.show(form, status=400)

    def show(self, form: BodyForm, *, status: int = 200, more: Mapping[str, Any] | None = None) -> HttpResponse:
        """The page with `form`."""
        return self.render({"form": form, **self.more(form), **(more or {})}, status=status)
