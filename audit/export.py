"""The audit log as a file: CSV for spreadsheets, JSON Lines for programs.

Entries are read in batches by their ids, newest first. Nothing is ever changed or inserted below the first id read, so
the file is one consistent picture, yet no transaction stays open while a slow reader takes it.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from audit.models import Entry
from audit.representation import KEYS, as_json
from kaireon.core.json_values import encode

BATCH_SIZE = 1000
# A spreadsheet takes a cell that begins with one of these for a formula, which could call out or run a program.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def stream(entries: QuerySet[Entry], format_name: str, *, now: datetime) -> StreamingHttpResponse:
    """`entries` as a download in the format of that name, one of FORMATS."""
    file_format = FORMATS[format_name]
    response = StreamingHttpResponse(file_format.render(entries), content_type=file_format.content_type)
    response["Content-Disposition"] = f'attachment; filename="audit-{now:%Y%m%dT%H%M%SZ}.{format_name}"'
    response["Cache-Control"] = "no-store"
    return response


def csv_chunks(entries: QuerySet[Entry]) -> Iterator[bytes]:
    """A header of KEYS, then a line for each entry; `facts` as JSON, null as an empty cell."""
    yield _csv_lines([KEYS])
    for batch in _batches(entries):
        yield _csv_lines(_cells(as_json(entry)) for entry in batch)


def jsonl_chunks(entries: QuerySet[Entry]) -> Iterator[bytes]:
    """One JSON object a line."""
    for batch in _batches(entries):
        yield b"".join(encode(as_json(entry)) + b"\n" for entry in batch)


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a download is written."""

    content_type: str
    render: Callable[[QuerySet[Entry]], Iterator[bytes]]


FORMATS: Mapping[str, FileFormat] = {
    "csv": FileFormat("text/csv; charset=utf-8", csv_chunks),
    "jsonl": FileFormat("application/x-ndjson", jsonl_chunks),
}


def _batches(entries: QuerySet[Entry]) -> Iterator[list[Entry]]:
    ordered = entries.order_by("-id")
    batch = list(ordered[:BATCH_SIZE])
    while batch:
        yield batch
        if len(batch) < BATCH_SIZE:
            return
        batch = list(ordered.filter(id__lt=batch[-1].pk)[:BATCH_SIZE])


def _csv_lines(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(entry: Mapping[str, Any]) -> list[str]:
    return [_cell(encode(value).decode() if key == "facts" else value or "") for key, value in entry.items()]


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
