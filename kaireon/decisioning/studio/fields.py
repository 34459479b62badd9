"""Form fields that the pages of offers and decision flows share."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms

from kaireon.core.clock import iso
from kaireon.decisioning.amounts import as_number


class TagsField(forms.CharField):
    """Texts with commas between them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "help_text": "With commas between them.", **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [tag.strip() for tag in (super().to_python(value) or "").split(",") if tag.strip()]


class UtcField(forms.DateTimeField):
    """A moment, shown and typed in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"})
        super().__init__(**{"required": False, "widget": widget, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, datetime):
            return value
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds" if value.microsecond else "seconds")


def moment_of(value: datetime | None) -> str | None:
    """What the API takes for a moment."""
    return None if value is None else iso(value)


def number_of(value: Decimal | None) -> int | float | None:
    """What the API takes for an amount."""
    return None if value is None else as_number(value)
