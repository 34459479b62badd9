"""What docs/streams.md shows is what happens, and it names what there is."""

import json
import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import load_command_class

from kaireon.core.clock import iso
from kaireon.events.models import Event
from kaireon.events.streams import redis_stream as redis_module
from kaireon.events.streams.kafka import SOURCE as KAFKA
from kaireon.events.streams.mapping import FIELDS, UNITS
from kaireon.events.streams.storing import Stored
from tests.streams.conftest import add, consume_all, redis_stream

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "streams.md").read_text(encoding="utf-8")
EXAMPLES: list[Any] = [json.loads(code) for code in re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)]


def test_the_example_of_the_page(redis_connection: redis.Redis) -> None:
    message, mapping, expected = EXAMPLES
    add(message)
    assert consume_all(redis_stream(), mapping=mapping) == Stored(events=1)
    event = Event.objects.get()
    assert expected == {
        "eventId": event.event_id,
        "eventType": event.event_type,
        "customerId": event.customer_id,
        "timestamp": iso(event.occurred_at),
        "properties": event.properties,
    }


def options(kind: str) -> set[str]:
    """The options that the command has for this kind of stream."""
    parser: ArgumentParser = load_command_class("kaireon.events", "consume").create_parser("manage.py", "consume")
    kinds = next(action.choices for action in parser._actions if action.dest == "kind" and action.choices)
    assert isinstance(kinds, dict)
    of_django = {"-h", "--help"}
    return {name for action in kinds[kind]._actions for name in action.option_strings} - of_django


@pytest.mark.parametrize("kind", [KAFKA, redis_module.SOURCE])
def test_the_page_names_all_options(kind: str) -> None:
    found = options(kind)
    assert "--group" in found
    assert [name for name in found if f"`{name}`" not in PAGE] == []


def test_the_page_names_fields_units_and_sources() -> None:
    assert [name for name in (*FIELDS, *UNITS, KAFKA, redis_module.SOURCE) if f"`{name}`" not in PAGE] == []
