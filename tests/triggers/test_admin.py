"""Triggers in Django admin: the same checks and the same audit entries as by the API."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.test import Client

from audit.models import Entry
from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.customers.models import Schema
from tests.triggers.fixtures import Send
from triggers.models import Trigger

URL = "/admin/triggers/trigger/"
MakeTrigger = Callable[..., Trigger]


@pytest.fixture
def admin_page(db: None) -> Client:
    """A browser in which an admin is signed in."""
    user = User.objects.create(username="ada", role=Role.ADMIN)
    client = Client()
    client.force_login(user)
    return client


def form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Welcome",
        "description": "",
        "event_type": "purchase",
        "condition": json.dumps({"field": "amount", "operator": "gt", "value": 5}),
        "action_type": "update_attribute",
        "action_config": json.dumps(
            {"schemaId": "schema_customer_profile", "updates": [{"field": "tier", "value": "new"}]}
        ),
        "cooldown_ms": "60000",
        "priority": "50",
        "status": "active",
        **changes,
    }


def test_a_trigger_is_added_changed_and_deleted_with_its_audit_entries(admin_page: Client, schema: Schema) -> None:
    assert admin_page.post(f"{URL}add/", form()).status_code == 302
    trigger = Trigger.objects.get()
    assert (trigger.pk, trigger.condition, trigger.cooldown_ms) == (
        "trg_welcome",
        {"field": "amount", "operator": "gt", "value": 5},
        60_000,
    )
    item = f"{URL}trg_welcome/"
    assert admin_page.get(f"{item}change/").status_code == 200
    assert admin_page.post(f"{item}change/", form(priority="90", condition="")).status_code == 302
    changed = Trigger.objects.get()
    assert (changed.priority, changed.condition, changed.version) == (90, {}, 2)
    assert admin_page.post(f"{item}delete/", {"post": "yes"}).status_code == 302
    assert Trigger.objects.count() == 0
    entries = Entry.objects.filter(trigger_id="trg_welcome").order_by("id").values_list("action", "actor")
    assert list(entries) == [
        ("trigger.created", "user:ada"),
        ("trigger.updated", "user:ada"),
        ("trigger.deleted", "user:ada"),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_type": "Not one"}, "event_type"),
        ({"condition": '{"all": []}'}, "condition"),
        ({"condition": "{"}, "condition"),
        ({"action_config": "{}"}, "action_config"),
        ({"priority": "101"}, "priority"),
        ({"name": " "}, "name"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    admin_page: Client, schema: Schema, changes: dict[str, str], field: str
) -> None:
    answer = admin_page.post(f"{URL}add/", form(**changes))
    assert answer.status_code == 200
    shown = answer.context["adminform"].form
    assert list(shown.errors) == [field]
    for name, typed in form(**changes).items():
        kept = shown[name].value()
        assert kept == typed or json.loads(kept) == json.loads(typed)
    assert Trigger.objects.count() == 0


def test_a_status_moves_as_the_specification_allows(admin_page: Client, make_trigger: MakeTrigger) -> None:
    trigger = make_trigger(status="disabled")
    answer = admin_page.post(f"{URL}{trigger.pk}/change/", form(status="paused"))
    assert "can only become active" in str(answer.context["adminform"].form.errors["status"])
    assert Trigger.objects.get().status == "disabled"


def test_triggers_are_switched_in_bulk(admin_page: Client, make_trigger: MakeTrigger) -> None:
    chosen = [make_trigger().pk, make_trigger().pk]
    other = make_trigger().pk
    admin_page.post(URL, {"action": "pause", "_selected_action": chosen})
    assert {trigger.pk: trigger.status for trigger in Trigger.objects.all()} == {
        chosen[0]: "paused",
        chosen[1]: "paused",
        other: "active",
    }


@pytest.mark.parametrize("path", ["events/event/", "triggers/firing/", "delivery/delivery/", "audit/entry/"])
def test_what_happened_can_be_looked_at_and_not_changed(
    admin_page: Client, make_trigger: MakeTrigger, make_customer: Callable[..., None], send: Send, path: str
) -> None:
    make_customer("cust_78")
    make_trigger()
    send()
    assert admin_page.get(f"/admin/{path}").status_code == 200
    assert admin_page.get(f"/admin/{path}?q=cust_78").status_code == 200
    assert admin_page.get(f"/admin/{path}add/").status_code == 403


def test_details_show_the_ledger_and_what_was_done(
    admin_page: Client, make_trigger: MakeTrigger, make_customer: Callable[..., None], send: Send
) -> None:
    make_customer("cust_78")
    make_trigger()
    event = send()
    page = admin_page.get(f"/admin/events/event/{event.pk}/change/")
    assert page.status_code == 200
    firing_id = event.decisions[0]["firingId"]
    assert firing_id in page.content.decode()
    assert "event_count" in admin_page.get(f"/admin/triggers/firing/{quote(firing_id)}/change/").content.decode()
