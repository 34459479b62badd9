"""All tokens in one look, which stands for the state of things until it ends."""

import uuid
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kaireon.core import clock, tokens
from kaireon.events.ingestion import ingest
from kaireon.events.models import Event
from tests.triggers.fixtures import Send, process_all
from triggers.engine.catalogue import catalogue
from triggers.models import Catalogue, Trigger

pytestmark = pytest.mark.django_db
TABLE = "triggers_catalogue"


def new_token() -> uuid.UUID:
    token = uuid.uuid4()
    Catalogue.objects.update_or_create(defaults={"token": token})
    return token


def test_without_a_look_a_token_is_what_it_is_now() -> None:
    for _ in range(2):
        token = new_token()
        assert tokens.token(TABLE) == token
    assert not tokens.is_within_one_look()


def test_within_a_look_a_token_stays_until_it_is_asked_for_anew() -> None:
    first = new_token()
    with tokens.one_look():
        assert tokens.is_within_one_look()
        second = new_token()
        with CaptureQueriesContext(connection) as queries:
            assert tokens.token(TABLE) == first
        assert len(queries) == 0
        assert tokens.token_now(TABLE) == second
        assert tokens.token(TABLE) == second
    assert not tokens.is_within_one_look()
    third = new_token()
    assert tokens.token(TABLE) == third


def test_triggers_that_were_loaded_within_a_look_are_not_loaded_again(make_trigger: Callable[..., Trigger]) -> None:
    with tokens.one_look():
        trigger = make_trigger(eventType="heard")
        assert [one.id for one in catalogue.current().listeners["heard"].triggers] == [trigger.pk]
        with CaptureQueriesContext(connection) as queries:
            catalogue.current()
        assert len(queries) == 0


def test_a_batch_asks_once_for_what_is_compiled_and_for_who_listens(
    make_trigger: Callable[..., Trigger], make_customer: Callable[..., None], send: Send
) -> None:
    make_customer("cust_78")
    make_trigger()
    send()  # compiles the trigger
    ingest({"eventType": "purchase", "customerId": "cust_78"}, source="api", now=clock.now())
    with CaptureQueriesContext(connection) as queries:
        process_all()
    (asked,) = [str(query["sql"]) for query in queries if "FROM triggers_" in str(query["sql"])]
    assert "triggers_catalogue" in asked
    assert "journeys_catalogue" in asked
    assert Event.objects.latest("sequence").event_type == "customer.updated"
    assert Event.objects.latest("sequence").status == "processed"
