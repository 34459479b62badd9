"""GET /audit/export."""

import csv
import io
import json
import re
from collections.abc import Iterable
from typing import Any, cast

import pytest
from django.http import StreamingHttpResponse
from rest_framework.test import APIClient

from audit import export
from audit.api.serializers import EntrySerializer
from audit.log import NewEntry, record
from audit.models import Entry
from audit.representation import KEYS, as_json
from tests.audit.entries import NOON, add, ids

pytestmark = pytest.mark.django_db
URL = "/api/v1/audit/export"


def download(client: APIClient, **parameters: str) -> tuple[StreamingHttpResponse, str]:
    """The answer and the text of the file."""
    response = cast(StreamingHttpResponse, client.get(URL, parameters))
    assert response.status_code == 200
    return response, b"".join(cast(Iterable[bytes], response.streaming_content)).decode()


def test_csv_has_a_header_and_a_line_for_each_entry(admin_api: APIClient) -> None:
    one = add(trigger_id="trg_a", customer_id='cust, "7"', facts={"text": "line\nbreak, ü"}, outcome="queued")
    two = add(trigger_id="trg_a", action="loop.stopped")
    add(trigger_id="trg_other")
    response, text = download(admin_api, format="csv", triggerId="trg_a")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert re.fullmatch(r'attachment; filename="audit-\d{8}T\d{6}Z\.csv"', response["Content-Disposition"])
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert tuple(header) == KEYS
    moment = "2026-03-10T12:00:00Z"
    assert rows == [
        [str(two.pk), moment, "loop.stopped", "system", "", "trg_a", "", "", "", "", "", "{}", ""],
        [
            str(one.pk), moment, "trigger.fired", "system", "", "trg_a", 'cust, "7"', "", "", "", "queued",
            '{"text":"line\\nbreak, ü"}', "",
        ],
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_disarmed(admin_api: APIClient, text: str) -> None:
    add(trigger_id="trg_a", customer_id=text)
    _, file = download(admin_api, triggerId="trg_a")
    [row] = csv.DictReader(io.StringIO(file, newline=""))
    assert row["customerId"] == f"'{text}"


def test_json_lines_hold_what_the_list_shows(admin_api: APIClient) -> None:
    add(trigger_id="trg_a", customer_id="=1+1", facts={"before": None, "after": 1.5})
    add(trigger_id="trg_a")
    response, text = download(admin_api, format="jsonl", triggerId="trg_a")
    assert response["Content-Type"] == "application/x-ndjson"
    listed = admin_api.get("/api/v1/audit", {"triggerId": "trg_a"}).json()["data"]
    assert [json.loads(line) for line in text.splitlines()] == listed
    assert listed[1]["customerId"] == "=1+1"


def test_what_is_more_than_a_batch_comes_whole_and_in_order(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH_SIZE", 4)
    for count in (8, 1, 4):
        record(*[NewEntry(action=f"made.{count}", at=NOON) for _ in range(count)])
        _, text = download(admin_api, format="jsonl", action=f"made.{count}")
        entries = Entry.objects.filter(action=f"made.{count}").order_by("-id")
        assert [json.loads(line) for line in text.splitlines()] == [as_json(entry) for entry in entries]
        assert len(entries) == count


def test_entries_that_come_while_it_is_read_are_left_for_the_next(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH_SIZE", 2)
    entries = [add(trigger_id="trg_a") for _ in range(5)]
    response: Any = admin_api.get(URL, {"format": "jsonl", "triggerId": "trg_a"})
    chunks = iter(response.streaming_content)
    first = next(chunks)
    add(trigger_id="trg_a")
    lines = (first + b"".join(chunks)).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ids(*reversed(entries))


def test_an_empty_export_is_a_header_or_nothing(admin_api: APIClient) -> None:
    assert download(admin_api, format="csv", triggerId="none")[1] == ",".join(KEYS) + "\r\n"
    assert download(admin_api, format="jsonl", triggerId="none")[1] == ""


def test_csv_is_what_comes_without_a_format_whatever_is_accepted(admin_api: APIClient) -> None:
    response = admin_api.get(URL, headers={"Accept": "text/csv"})
    assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("format=xml", "format", "must be one of csv, jsonl."),
        ("format=", "format", "is empty; give it a value, or leave it out."),
        ("limit=5", "limit", "is not a known parameter"),
        ("trigger=trg_a", "trigger", "is not a known parameter; did you mean triggerId?"),
        ("until=soon", "until", "must be a date"),
    ],
)
def test_a_query_that_asks_for_something_else_is_refused(
    admin_api: APIClient, query: str, field: str, message: str
) -> None:
    response = admin_api.get(f"{URL}?{query}")
    assert response.status_code == 400
    [detail] = response.json()["error"]["details"]
    assert detail["field"] == field
    assert detail["message"].startswith(message)


def test_the_keys_of_every_door_are_the_same() -> None:
    assert tuple(as_json(add())) == KEYS == tuple(EntrySerializer().fields)
