"""The API on a real server, with the demo's bank behind it, so that an attack gets past "there is no such thing"."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import requests
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from kaireon.accounts.keys import create_key
from kaireon.accounts.roles import Role
from kaireon.core.redis import redis_client
from tests.triggers.fixtures import process_all
from triggers.demo.door import Door
from triggers.demo.traffic import calls

# Where the ids of each path parameter, and of each field of a body, are listed, and under which name.
_LISTED = {
    "channel_id": ("channels", "id"),
    "customer_id": ("schemas/schema_customer_profile/data", "customerId"),
    "delivery_id": ("deliveries", "id"),
    "entry_id": ("audit", "id"),
    "event_id": ("events", "eventId"),
    "firing_id": ("triggers/trg_count_outcomes/firings", "id"),
    "flow_id": ("decision-flows", "id"),
    "journey_id": ("journeys", "id"),
    "key": ("outcome-types", "key"),
    "key_id": ("keys", "id"),
    "message_id": ("customers/cust_78/messages", "id"),
    "name": ("secrets", "name"),
    "offer_id": ("offers", "id"),
    "schema_id": ("schemas", "id"),
    "segment_id": ("segments", "id"),
    "trigger_id": ("triggers", "id"),
}
IN_BODIES = {
    "channelId": "channel_id",
    "customerId": "customer_id",
    "decisionFlowId": "flow_id",
    "journeyId": "journey_id",
    "offerId": "offer_id",
    "schemaId": "schema_id",
}


@dataclass(frozen=True, slots=True)
class House:
    """A running server, an admin's key to it, and what is there."""

    url: str
    key: str
    known: dict[str, list[str]] = field(default_factory=dict)

    def existing(self, parameter: str, *, to_delete: bool = False) -> str | None:
        """The id of something that exists; what is asked for deletion is never asked for again."""
        ids = self.known.get(parameter, [])
        if to_delete:
            return ids.pop() if len(ids) > 1 else None
        return ids[0] if ids else None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON; fails where the call is refused."""
        answer = requests.request(
            method,
            f"{self.url}/api/v1/{path}",
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body),
            timeout=30,
        )
        assert answer.ok, (path, answer.text)
        return answer.json()


@contextmanager
def open_house() -> Iterator[House]:
    """The bank and its first customers, on a server of its own. All tables are empty afterwards."""
    redis_client().flushdb()
    call_command("load_demo", verbosity=0)
    process_all()
    own, key = create_key(name="attacks", role=Role.ADMIN)
    door = Door(key)
    for method, path, body in islice(calls(seed=1, run="attacks"), 120):
        door.send(method, path, body)
    process_all()
    server = LiveServer("127.0.0.1")
    house = House(server.url, key)
    try:
        _furnish(house)
        house.known["key_id"].remove(own.pk)
        yield house
    finally:
        server.stop()
        call_command("flush", verbosity=0, interactive=False)
        redis_client().flushdb()


def _furnish(house: House) -> None:
    """What the demo lacks, and then a list of all there is."""
    for number in range(3):
        house.call("POST", "secrets", {"name": f"secret_{number}", "value": "for attacks alone"})
        house.call("POST", "keys", {"name": f"key {number}", "role": "viewer"})
        house.call("POST", "outcome-types", {"key": f"type_{number}", "label": "Type", "classification": "positive"})
        house.call("POST", "schemas", {"name": f"schema_{number}", "fields": [{"name": "a", "dataType": "text"}]})
    webhook = {"url": "https://hooks.example.com/", "bodyTemplate": {"amount": "{{event.amount}}"}}
    trigger = {"name": "To the outside", "eventType": "a.b", "actionType": "webhook", "actionConfig": webhook}
    house.call("POST", "triggers", trigger)
    house.call("POST", "events", [{"eventType": "a.b", "customerId": "cust_78"}, {"eventType": "a.b"}])
    process_all()
    for parameter, (path, name) in _LISTED.items():
        rows: list[Mapping[str, Any]] = house.call("GET", path)["data"]
        house.known[parameter] = [str(row[name]) for row in rows]
