"""Lists of any length in a form: each column an input of the same name once a row, so that they need no scripts."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from django import forms
from django.http import QueryDict

Row = dict[str, str]
MOST_ROWS = 200


class RowsWidget(forms.Widget):
    """Reads `<name>-<column>`, once for each row. Templates draw it, since every list looks different."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__()
        self.columns = tuple(columns)

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[Row]:
        lists = [_texts(data, f"{name}-{column}") for column in self.columns]
        return [
            {column: cell.replace("\r\n", "\n") for column, cell in zip(self.columns, cells, strict=True)}
            for cells in zip_longest(*lists, fillvalue="")
        ]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return False


class RowsField(forms.Field):
    """Rows of texts. `clean` gives those in which something was typed, each with its place as `(place, row)`."""

    def __init__(self, *, columns: Sequence[str], typed: Sequence[str], **kwargs: Any) -> None:
        """A row counts if one of its columns `typed` holds something."""
        self.typed = tuple(typed)
        super().__init__(required=False, widget=RowsWidget(columns), **kwargs)

    def clean(self, value: list[Row]) -> list[tuple[int, Row]]:
        if len(value) > MOST_ROWS:
            raise forms.ValidationError(f"At most {MOST_ROWS} rows.")
        return [(place, row) for place, row in enumerate(value) if any(row[column].strip() for column in self.typed)]


def _texts(data: Mapping[str, Any], name: str) -> list[str]:
    return data.getlist(name)[: MOST_ROWS + 1] if isinstance(data, QueryDict) else []
