"""What the condition builder and Liquid are told of the fields that there are."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from kaireon.accounts.roles import Role
from kaireon.conditions import MAX_FIELD_LENGTH
from kaireon.core import clock
from kaireon.customers.field_types import Field
from kaireon.customers.models import Record
from kaireon.customers.schemas import create_schema
from kaireon.secrets.vault import create_secret
from kaireon.studio.condition_fields import MOST_FIELDS, fields_of
from tests.factories import EventFactory

NOW = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
TRIGGER_FIELDS = "/studio/triggers/fields"
CUSTOMER_FIELDS = "/studio/customer-fields"


def told(*documents: Mapping[str, Any]) -> dict[str, tuple[str, list[Any]]]:
    """Type and samples of each field by its name."""
    return {found.name: (found.type, found.samples) for found in fields_of(documents)}


def asked(client: Client, url: str, **query: str) -> dict[str, tuple[str, list[Any]]]:
    """The same, as the address answers it."""
    answer = client.get(url, query)
    assert answer.status_code == 200
    return {one["name"]: (one["type"], one["samples"]) for one in json.loads(answer.content)["fields"]}


def schema_with(*names_and_types: tuple[str, str], name: str = "Profile") -> str:
    fields = [Field(name, data_type) for name, data_type in names_and_types]
    return create_schema(name=name, fields=fields, now=clock.now()).pk


def store(schema_id: str, customer_id: str, attributes: dict[str, Any]) -> None:
    Record.objects.create(
        schema_id=schema_id, customer_id=customer_id, attributes=attributes, created_at=NOW, updated_at=NOW
    )


class TestFieldsOfDocuments:
    def test_a_field_is_named_by_its_path_and_has_its_type_and_samples_the_first_documents_first(self) -> None:
        documents: list[dict[str, Any]] = [
            {"metadata": {"amount": 750, "isNew": True}, "at": "2026-03-10T14:30:00Z", "tier": "gold"},
            {"metadata": {"amount": 120, "isNew": True}, "at": None, "tier": "gold"},
        ]
        assert told(*documents) == {
            "metadata": ("object", [{"amount": 750, "isNew": True}, {"amount": 120, "isNew": True}]),
            "metadata.amount": ("number", [750, 120]),
            "metadata.isNew": ("boolean", [True]),
            "at": ("datetime", ["2026-03-10T14:30:00Z"]),
            "tier": ("text", ["gold"]),
        }

    def test_samples_are_five_different_ones_of_which_none_is_long(self) -> None:
        documents: list[dict[str, Any]] = [{"a": value} for value in ["x" * 200, 1, 1, True, "1", 1.5, 2, 3]]
        assert told(*documents) == {"a": ("number", [1, True, "1", 1.5, 2])}

    def test_the_type_is_the_most_frequent_and_null_only_where_there_is_nothing_else(self) -> None:
        assert told({"a": 1, "b": None}, {"a": "x", "b": None}, {"a": "y", "b": None}, {"a": None, "b": None}) == {
            "a": ("text", [1, "x", "y"]),
            "b": ("null", []),
        }

    def test_a_list_is_a_field_and_so_is_what_is_in_its_first_member(self) -> None:
        assert told({"items": [{"sku": "a"}, {"sku": "b"}], "tags": ["new"], "none": []}) == {
            "items": ("list", [[{"sku": "a"}, {"sku": "b"}]]),
            "items.0": ("object", [{"sku": "a"}]),
            "items.0.sku": ("text", ["a"]),
            "tags": ("list", [["new"]]),
            "tags.0": ("text", ["new"]),
            "none": ("list", [[]]),
        }

    def test_what_no_condition_can_reach_is_left_out(self) -> None:
        assert told({"": 1, "a.b": 1, "x" * (MAX_FIELD_LENGTH + 1): 1, "y": {"": 1}}) == {"y": ("object", [{"": 1}])}

    def test_large_documents_are_looked_at_up_to_a_bound(self) -> None:
        assert len(fields_of([{f"key_{number}": number for number in range(3 * MOST_FIELDS)}])) == MOST_FIELDS

    def test_deep_documents_are_looked_at_to_their_eighth_level(self) -> None:
        deep: dict[str, Any] = {}
        for _ in range(30):
            deep = {"a": deep}
        assert max(name.count(".") for name in told(deep)) == 7


@pytest.mark.django_db
class TestFieldsOfTriggers:
    def test_the_four_that_every_event_has_come_first(self, as_viewer: Client) -> None:
        EventFactory.create(event_type="purchase", event_id="evt_1", customer_id="cust_78", occurred_at=NOW)
        fields = asked(as_viewer, TRIGGER_FIELDS, event_type="purchase")
        assert list(fields.items()) == [
            ("eventType", ("text", ["purchase"])),
            ("eventId", ("text", ["evt_1"])),
            ("customerId", ("text", ["cust_78"])),
            ("timestamp", ("datetime", ["2026-03-10T14:30:00Z"])),
        ]

    def test_then_what_recent_events_of_the_type_hold_the_newest_first(self, as_viewer: Client) -> None:
        for amount in (1, 2, 3, 4, 5, 6, 7):
            EventFactory.create(event_type="purchase", properties={"metadata": {"amount": amount}})
        EventFactory.create(event_type="other", properties={"unrelated": 1})
        fields = asked(as_viewer, TRIGGER_FIELDS, event_type="purchase")
        assert fields["metadata.amount"] == ("number", [7, 6, 5, 4, 3])
        assert "unrelated" not in fields

    def test_no_property_hides_one_of_the_four_or_the_customers_record(self, as_viewer: Client) -> None:
        properties = {"eventType": "fake", "customer": {"tier": "fake"}}
        EventFactory.create(event_type="purchase", properties=properties)
        fields = asked(as_viewer, TRIGGER_FIELDS, event_type="purchase")
        assert fields["eventType"] == ("text", ["purchase"])
        assert not [name for name in fields if name.startswith("customer.") or name == "customer"]

    def test_a_type_of_the_platforms_is_known_before_its_first_event(self, as_viewer: Client) -> None:
        assert asked(as_viewer, TRIGGER_FIELDS, event_type="outcome.recorded")["metadata.amount"] == ("number", [750])

    @pytest.mark.parametrize("event_type", ["", "Not a type", "\0", "never.sent"])
    def test_of_a_type_that_nobody_sent_there_are_the_four(self, as_viewer: Client, event_type: str) -> None:
        names = list(asked(as_viewer, TRIGGER_FIELDS, event_type=event_type))
        assert names == ["eventType", "eventId", "customerId", "timestamp"]

    def test_attributes_of_the_default_schema_follow_with_samples(self, as_viewer: Client) -> None:
        schema_id = schema_with(("tier", "text"), ("visits", "integer"), ("joined", "datetime"), ("extra", "json"))
        store(schema_id, "cust_2", {"tier": "silver", "extra": {"pets": 2}})
        store(schema_id, "cust_1", {"tier": "gold", "visits": 3})
        fields = asked(as_viewer, TRIGGER_FIELDS, event_type="purchase")
        assert {name: found for name, found in fields.items() if name.startswith("customer.")} == {
            "customer.tier": ("text", ["gold", "silver"]),
            "customer.visits": ("number", [3]),
            "customer.joined": ("datetime", []),
            "customer.extra": ("object", [{"pets": 2}]),
            "customer.extra.pets": ("number", [2]),
        }

    def test_what_the_schema_says_of_a_field_counts_for_more_than_what_it_looks_like(self, as_viewer: Client) -> None:
        schema_id = schema_with(("note", "text"))
        for customer_id in ("cust_1", "cust_2"):
            store(schema_id, customer_id, {"note": "2026-03-10T14:30:00Z"})
        fields = asked(as_viewer, TRIGGER_FIELDS)
        assert fields["customer.note"] == ("text", ["2026-03-10T14:30:00Z"])

    def test_a_number_keeps_all_of_its_digits(self, as_viewer: Client) -> None:
        EventFactory.create(event_type="purchase", properties={"big": 2**63 + 1})
        answer = as_viewer.get(TRIGGER_FIELDS, {"event_type": "purchase"})
        assert b"[9223372036854775809]" in answer.content

    def test_names_of_secrets_are_told_to_who_asks_and_may_write(self, as_editor: Client) -> None:
        create_secret(name="push_token", value="s3cret")
        answer = as_editor.get(TRIGGER_FIELDS, {"secrets": "1"})
        assert answer.json()["secrets"] == ["push_token"]
        assert b"s3cret" not in answer.content
        assert "secrets" not in as_editor.get(TRIGGER_FIELDS).json()

    def test_a_viewer_is_not_told_the_names_of_secrets(self, as_viewer: Client) -> None:
        create_secret(name="push_token", value="s3cret")
        assert "secrets" not in as_viewer.get(TRIGGER_FIELDS, {"secrets": "1"}).json()

    def test_liquid_is_told_what_else_it_can_read(self, as_viewer: Client) -> None:
        assert as_viewer.get(TRIGGER_FIELDS).json()["names"] == ["trigger.id", "trigger.name", "firing.id"]

    def test_samples_are_not_kept_by_anybody_on_the_way(self, as_viewer: Client) -> None:
        assert as_viewer.get(TRIGGER_FIELDS)["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("events", [3, 60])
    def test_it_asks_a_bounded_number_of_times(
        self, as_viewer: Client, events: int, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        EventFactory.create_batch(events, event_type="purchase", properties={"amount": 1})
        schema_with(("tier", "text"))
        with django_assert_max_num_queries(6):
            as_viewer.get(TRIGGER_FIELDS, {"event_type": "purchase"})


@pytest.mark.django_db
class TestFieldsOfCustomers:
    def test_without_a_schema_named_it_is_the_default_one(self, as_viewer: Client) -> None:
        schema_with(("tier", "text"))
        schema_with(("colour", "text"), name="Other")
        assert asked(as_viewer, CUSTOMER_FIELDS) == {"customer.tier": ("text", [])}

    def test_another_schema_can_be_asked_for(self, as_viewer: Client) -> None:
        schema_with(("tier", "text"))
        other = schema_with(("colour", "text"), name="Other")
        assert asked(as_viewer, CUSTOMER_FIELDS, schema=other) == {"customer.colour": ("text", [])}

    @pytest.mark.parametrize("schema", ["schema_none", "\0", "a/b"])
    def test_of_a_schema_that_is_not_there_nothing_is_known(self, as_viewer: Client, schema: str) -> None:
        assert as_viewer.get(CUSTOMER_FIELDS, {"schema": schema}).status_code == 404

    def test_without_any_schema_there_are_no_fields(self, as_viewer: Client) -> None:
        assert asked(as_viewer, CUSTOMER_FIELDS) == {}


@pytest.mark.django_db
@pytest.mark.parametrize("url", [TRIGGER_FIELDS, CUSTOMER_FIELDS])
class TestWhoMayAsk:
    def test_whoever_may_not_read_events_may_not_see_samples_of_them(self, signed_in: Any, url: str) -> None:
        assert signed_in(Role.INGEST).get(url).status_code == 403

    def test_nobody_asks_without_signing_in(self, client: Client, url: str) -> None:
        answer = client.get(url)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login")
