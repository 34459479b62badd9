"""Triggers that are created at the same moment."""

from collections.abc import Callable

import pytest

from kaireon.core import clock
from kaireon.core.errors import Conflict
from kaireon.customers.models import Schema
from tests.customers.together import run_together
from triggers.definition import read_definition
from triggers.lifecycle import create_trigger
from triggers.models import Catalogue, Trigger

pytestmark = pytest.mark.django_db(transaction=True)
ALL_AT_ONCE = 12


def creation(schema: Schema, **more: str) -> Callable[[], str]:
    """Creates a trigger; gives its id, or says that the id was taken."""
    body = {
        "name": "Greets people",
        "eventType": "purchase",
        "actionType": "update_attribute",
        "actionConfig": {"schemaId": schema.pk, "updates": [{"field": "tier", "value": "gold"}]},
        **more,
    }

    def create() -> str:
        try:
            return create_trigger(values=read_definition(body), now=clock.now()).pk
        except Conflict:
            return "taken"

    return create


def test_the_same_name_gives_each_an_id_of_its_own(schema: Schema) -> None:
    ids = run_together([creation(schema)] * ALL_AT_ONCE)
    assert sorted(ids) == sorted(
        ["trg_greets_people", *(f"trg_greets_people_{number}" for number in range(2, ALL_AT_ONCE + 1))]
    )


def test_a_given_id_is_had_by_one(schema: Schema) -> None:
    ids = run_together([creation(schema, id="trg_mine")] * ALL_AT_ONCE)
    assert sorted(ids) == ["taken"] * (ALL_AT_ONCE - 1) + ["trg_mine"]
    assert Trigger.objects.count() == Catalogue.objects.count() == 1
