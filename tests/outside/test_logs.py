"""Following one event by its id: in lines of one length by themselves, line by line where it is asked for."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from kaireon.delivery.sender import send_due
from tests.delivery.receiver import Receiver
from tests.triggers.fixtures import process_all
from triggers.models import Trigger


@pytest.fixture
def traced(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """As with KAIREON_TRACE_EVENTS=1."""
    with caplog.at_level(logging.DEBUG, logger="kaireon.trace"):
        yield


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[dict[str, Any]]:
    return [record.__dict__ for record in caplog.records if record.name == logger]


def run(api: APIClient, capture: DjangoCaptureOnCommitCallbacks, count: int, caplog: pytest.LogCaptureFixture) -> None:
    body = [{"eventId": f"e{number}", "eventType": "purchase", "customerId": "ada"} for number in range(count)]
    with caplog.at_level(logging.DEBUG, logger="kaireon.batches"), capture(execute=True):
        assert api.post("/api/v1/events", body, format="json").status_code == 202
    with caplog.at_level(logging.DEBUG, logger="kaireon.batches"):
        for step in (process_all, lambda: send_due(run_seconds=10)):
            with capture(execute=True):
                step()


@pytest.fixture
def hook(make_trigger: Callable[..., Trigger], receiver: Receiver) -> None:
    make_trigger(id="trg_hook", actionType="webhook", actionConfig={"url": receiver.url})


def test_lines_of_batches_do_not_grow_with_the_batch(
    hook: None,
    ingest_api: APIClient,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run(ingest_api, django_capture_on_commit_callbacks, 50, caplog)
    (batch,) = lines(caplog, "kaireon.batches")[:1]
    assert (batch["message"], batch["events"], batch["fired"]) == ("batch", 50, 50)
    assert batch["event_ids"] == [f"e{number}" for number in range(20)]
    attempts = lines(caplog, "kaireon.batches")[1:]
    assert sum(line["attempts"] for line in attempts) == sum(line["delivered"] for line in attempts) == 50
    assert all(len(line["event_ids"]) <= 20 for line in attempts)
    assert lines(caplog, "kaireon.trace") == []


def test_an_event_has_a_line_at_each_stage_where_that_is_asked_for(
    traced: None,
    hook: None,
    receiver: Receiver,
    ingest_api: APIClient,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver.answer(503)
    run(ingest_api, django_capture_on_commit_callbacks, 30, caplog)
    found = [line for line in lines(caplog, "kaireon.trace") if line["event_id"] == "e29"]
    accepted, fired, processed, attempted = sorted(found, key=lambda line: line["created"])
    assert [line["message"] for line in (accepted, fired, processed, attempted)] == [
        "accepted",
        "fired",
        "processed",
        "attempted",
    ]
    assert accepted["event_type"] == "purchase"
    assert (fired["trigger_id"], fired["outcome"]) == ("trg_hook", "queued")
    assert processed["decisions"][0]["decision"] == "fired"
    assert processed["decisions"][0]["firingId"] == fired["firing_id"] == attempted["firing_id"]
    assert attempted["attempt"] == 1
    outcomes = [line["outcome"] for line in lines(caplog, "kaireon.trace") if line["message"] == "attempted"]
    assert sorted(outcomes) == ["delivered"] * 29 + ["retry"]


@pytest.mark.slow
@pytest.mark.parametrize(("value", "expected"), [("1", "True"), ("0", "False"), ("", "False")])
def test_the_setting_turns_it_on(value: str, expected: str) -> None:
    code = "import django; django.setup(); from kaireon.core import trace; print(trace.is_on())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KAIREON_TRACE_EVENTS": value, "KAIREON_LOG_LEVEL": "INFO"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert result.stdout.strip() == expected


def test_the_line_of_a_request_that_stores_nothing_names_no_events(
    viewer_api: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="kaireon.requests"):
        viewer_api.get("/api/v1/triggers")
    (line,) = lines(caplog, "kaireon.requests")
    assert "event_ids" not in line
