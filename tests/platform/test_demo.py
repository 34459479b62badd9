"""The demo's bank: it loads twice with the same result, and its traffic is taken whole."""

import json
import re
import shlex
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from kaireon.accounts.keys import create_key
from kaireon.accounts.roles import Role
from kaireon.customers.models import Record, Segment
from kaireon.decisioning.models import Channel, Offer
from kaireon.events.ingestion import PLATFORM_EVENT_TYPES
from kaireon.events.models import Event
from tests.triggers.fixtures import process_all
from triggers.demo import bank
from triggers.demo.door import Door
from triggers.demo.traffic import calls
from triggers.models import Firing, Trigger

PROJECT = Path(__file__).resolve().parents[2]


def load(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    call_command("load_demo")
    credentials: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return credentials


def test_it_loads_and_loading_it_again_adds_nothing(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    first = load(capsys)
    counts = [model.objects.count() for model in (Record, Segment, Offer, Channel, Trigger)]
    assert counts == [bank.CUSTOMERS, 2, 6, 3, 10]
    assert {trigger.event_type for trigger in Trigger.objects.all()} == set(PLATFORM_EVENT_TYPES)
    assert {channel.channel_type for channel in Channel.objects.all()} == {"email", "in_app", "webhook"}
    second = load(capsys)
    assert [model.objects.count() for model in (Record, Segment, Offer, Channel, Trigger)] == counts
    api = APIClient(headers={"Authorization": f"Bearer {first['apiKey']}"})
    assert api.get("/api/v1/triggers/trg_high_value_purchase").status_code == 200
    assert second["login"] == first["login"] == "demo"


def test_its_traffic_is_taken_and_nothing_fails(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    load(capsys)
    process_all()
    _, key = create_key(name="traffic", role=Role.ADMIN)
    door = Door(key)
    for method, path, body in islice(calls(seed=1, run="test"), 300):
        door.send(method, path, body)
    process_all()
    assert not Event.objects.exclude(status="processed").exists()
    assert set(Firing.objects.values_list("outcome", flat=True)) <= {"succeeded", "queued", "skipped"}
    assert {"update_attribute", "fire_recommend", "enroll_journey"} == set(
        Firing.objects.values_list("action_type", flat=True)
    )
    assert set(Event.objects.values_list("event_type", flat=True)) >= {
        "outcome.recorded",
        "customer.created",
        "customer.updated",
        "segment.entered",
        "segment.exited",
    }


def test_the_example_of_its_page_runs(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    api = APIClient(headers={"Authorization": f"Bearer {load(capsys)['apiKey']}"})
    process_all()
    page = (PROJECT / "docs" / "demo.md").read_text()
    (_, respond), (_, recorded), (_, inbox), (_, message) = re.findall(r"^```(sh|json)\n(.*?)^```", page, re.M | re.S)
    words = shlex.split(respond)
    answer = api.generic("POST", "/api/v1/respond", words[words.index("-d") + 1], content_type="application/json")
    assert json.loads(recorded).items() <= answer.json().items()
    process_all()
    found = api.get(shlex.split(inbox)[-1].replace("$API", "/api/v1")).json()["data"]
    assert json.loads(message).items() <= found[0].items()
