"""`manage.py load_demo`: the specification's worked example, to look at and to try out."""

import json
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from kaireon.accounts.keys import create_key
from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.accounts.users import create_user, new_password
from kaireon.core import clock
from kaireon.customers.field_types import Field
from kaireon.customers.models import Schema
from kaireon.customers.records import upsert_rows
from kaireon.customers.schemas import create_schema
from triggers.definition import read_definition
from triggers.lifecycle import create_trigger
from triggers.models import Trigger

LOGIN = "demo"
SCHEMA_ID = "schema_customer_profile"
FIELDS = (
    Field("email", "text"),
    Field("name", "text"),
    Field("tier", "text"),
    Field("event_count", "integer"),
    Field("last_event_date", "datetime"),
    Field("high_value_purchases", "integer"),
    Field("last_high_value_purchase", "decimal"),
)
CUSTOMERS = (
    {"customerId": "cust_78", "name": "Customer 78", "email": "cust_78@example.com", "tier": "gold"},
    {"customerId": "cust_79", "name": "Customer 79", "email": "cust_79@example.com", "tier": "silver"},
    {"customerId": "cust_80", "name": "Customer 80", "email": "cust_80@example.com", "tier": "bronze"},
)
TRIGGERS = (
    {
        "id": "trg_high_value_purchase",
        "name": "High-Value Purchase",
        "description": "After a purchase over $500, at most once a day: counts it and remembers its amount.",
        "eventType": "outcome.recorded",
        "condition": {
            "all": [
                {"field": "metadata.amount", "operator": "gt", "value": 500},
                {"field": "outcomeType", "operator": "eq", "value": "conversion"},
            ]
        },
        "actionType": "update_attribute",
        "actionConfig": {
            "schemaId": SCHEMA_ID,
            "updates": [
                {"field": "last_high_value_purchase", "value": "{{event.metadata.amount}}"},
                {"field": "high_value_purchases", "expression": "high_value_purchases + 1"},
            ],
        },
        "cooldownMs": 86_400_000,
        "priority": 75,
    },
    {
        "id": "trg_count_outcomes",
        "name": "Count outcomes",
        "description": "Keeps the number of a customer's outcomes and the moment of the last one.",
        "eventType": "outcome.recorded",
        "actionType": "update_attribute",
        "actionConfig": {
            "schemaId": SCHEMA_ID,
            "updates": [
                {"field": "last_event_date", "value": "{{event.timestamp}}"},
                {"field": "event_count", "expression": "event_count + 1"},
            ],
        },
        "priority": 30,
    },
)


class Command(BaseCommand):
    """Adds what is missing, leaves what is there, and prints a login and a key as JSON on its last line."""

    help = "Loads the demo: a customer schema, three customers, two triggers, a login and an API key."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        if not Schema.objects.filter(pk=SCHEMA_ID).exists():
            create_schema(
                schema_id=SCHEMA_ID, name="customer_profile", display_name="Customer profile", fields=FIELDS, now=now
            )
        upsert_rows(schema_id=SCHEMA_ID, rows=CUSTOMERS, now=now)
        for body in TRIGGERS:
            if not Trigger.objects.filter(pk=body["id"]).exists():
                create_trigger(values=read_definition(body), now=now)
        password = new_password()
        user = User.objects.filter(username=LOGIN).first()
        if user is None:
            create_user(login=LOGIN, role=Role.ADMIN, password=password)
        else:
            user.set_password(password)
            user.save(update_fields=["password"])
        _, key = create_key(name="demo", role=Role.ADMIN)
        self.stdout.write(json.dumps({"login": LOGIN, "password": password, "apiKey": key}))
