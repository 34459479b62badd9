"""The test panel: what a trigger that need not be saved would do with an event, by the live path's own steps."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from kaireon import conditions
from kaireon.core import clock
from kaireon.customers.models import Record
from kaireon.delivery.models import Delivery
from kaireon.events.models import Event
from kaireon.journeys.models import Journey, JourneyStatus
from kaireon.secrets.vault import create_secret
from tests.factories import EventFactory, FiringFactory
from tests.studio.html_form import Fields, fields_of
from tests.studio.trigger_pages import FORM, NEW, SPEC_CONDITION, SPEC_ENROLMENT, filled, make_targets, opened
from triggers.models import Firing, Trigger
from triggers.studio.test_panel import TruthGroup, TruthLeaf, truth_tree

pytestmark = pytest.mark.django_db
TEST = f"{NEW}/test"
PURCHASE = {
    "customerId": "cust_78",
    "timestamp": "2026-03-10T14:30:00Z",
    "properties": {"outcomeType": "conversion", "metadata": {"amount": 750}},
}


@pytest.fixture
def form(as_editor: Client, make_customer: Callable[..., None]) -> Fields:
    """A form that counts purchases over 500, not saved."""
    make_customer("cust_78", tier="gold", event_count=4)
    return filled(
        opened(as_editor, NEW),
        event_type="outcome.recorded",
        condition=json.dumps(SPEC_CONDITION),
        action_type="update_attribute",
        update_attribute__updates__field="event_count",
        update_attribute__updates__way="expression",
        update_attribute__updates__content="event_count + 1",
        event=json.dumps(PURCHASE),
    )


def result_of(client: Client, fields: Fields, *, trigger_id: str = "") -> str:
    """The result as text."""
    url = f"{TEST}?trigger={trigger_id}" if trigger_id else TEST
    response = client.post(url, fields, headers={"HX-Request": "true"})
    assert response.status_code == 200
    html = response.content.decode()
    assert "<html" not in html
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def with_event(fields: Fields, **changes: Any) -> Fields:
    return filled(fields, event=json.dumps({**PURCHASE, **changes}))


def test_a_trigger_without_a_name_can_be_tried_out(as_editor: Client, form: Fields) -> None:
    text = result_of(as_editor, form)
    assert "It would fire" in text
    assert "Met: metadata.amount is over 500 Found 750" in text
    assert "Met: outcomeType is &quot;conversion&quot; Found &quot;conversion&quot;" in text
    assert "It is not saved yet" not in text
    assert "None: it may fire each time." in text
    assert "event_count from 4 to 5" in text


def test_nothing_is_written(as_editor: Client, form: Fields) -> None:
    before = (Event.objects.count(), Record.objects.get().attributes)
    result_of(as_editor, form)
    assert (Event.objects.count(), Record.objects.get().attributes) == before
    assert not Trigger.objects.exists()
    assert not Firing.objects.exists()
    assert not Delivery.objects.exists()


def test_each_leaf_says_what_it_found(as_editor: Client, form: Fields) -> None:
    text = result_of(as_editor, with_event(form, properties={"metadata": {"amount": 20}}))
    assert "It would not fire: the condition is not met metadata.amount: 20 is not greater than 500" in text
    assert "Not met: All of these" in text
    assert "Not met: metadata.amount is over 500 Found 20" in text
    assert "Not met: outcomeType is &quot;conversion&quot; Found nothing" in text


def test_the_cooldown_of_the_events_customer_is_shown(
    as_editor: Client, form: Fields, make_trigger: Callable[..., Trigger]
) -> None:
    trigger = make_trigger(eventType="outcome.recorded", cooldownMs=86_400_000)
    FiringFactory.create(
        trigger_id=trigger.pk, customer_id="cust_78", fired_at=clock.now() - timedelta(hours=1, minutes=10)
    )
    fields = filled(form, cooldown_amount="24", cooldown_unit="hours")
    text = result_of(as_editor, fields, trigger_id=trigger.pk)
    assert "It would not fire: cooldown" in text
    assert "cust_78 may be reached again in 23 h" in text
    text = result_of(as_editor, with_event(fields, customerId="cust_79"), trigger_id=trigger.pk)
    assert "It has not fired for cust_79 within its cooldown." in text
    text = result_of(as_editor, filled(fields, cooldown_amount="1"), trigger_id=trigger.pk)
    assert "It would fire" in text
    text = result_of(as_editor, fields)
    assert "It is not saved yet, so it has not fired for anybody." in text


def test_a_real_event_that_has_fired_is_tried_as_a_new_one(
    as_editor: Client, make_customer: Callable[..., None], make_trigger: Callable[..., Trigger], send: Any
) -> None:
    make_customer("cust_78")
    trigger = make_trigger(cooldownMs=86_400_000)
    event = send(event_type="purchase", customer_id="cust_78")
    assert event.decisions[0]["decision"] == "fired"
    fields = opened(as_editor, f"/studio/triggers/{trigger.pk}/edit")
    assert json.loads(fields["event"][0])["customerId"] == "cust_78"
    assert "It would not fire: cooldown" in result_of(as_editor, fields, trigger_id=trigger.pk)


def test_an_event_without_a_customer_is_told_apart(as_editor: Client, form: Fields) -> None:
    text = result_of(as_editor, with_event(form, customerId=None))
    assert "It would not fire: no customer" in text
    assert "It needs a customer, and the event has none." in text


def test_another_type_is_not_looked_at(as_editor: Client, form: Fields) -> None:
    text = result_of(as_editor, with_event(form, eventType="page.viewed"))
    assert "It would not look at this event" in text
    assert "the trigger listens to outcome.recorded, the event is page.viewed" in text


def test_an_action_that_would_fail_says_why(as_editor: Client, form: Fields) -> None:
    make_targets()
    Journey.objects.update(status=JourneyStatus.PAUSED)
    fields = filled(form, action_type="enroll_journey", enroll_journey__journey=SPEC_ENROLMENT["journeyId"])
    text = result_of(as_editor, fields)
    assert "It would fire, and the action would fail" in text
    assert "paused" in text


def test_secrets_are_masked(as_editor: Client, form: Fields) -> None:
    create_secret(name="token", value="s3cr3t-value")
    fields = filled(
        form,
        action_type="webhook",
        webhook__url="https://x.example/",
        webhook__headers__name=["Authorization"],
        webhook__headers__value=["Bearer {{secret.token}}"],
        webhook__body_template='{"t": "{{secret.token}}", "amount": "{{event.metadata.amount}}"}',
    )
    text = result_of(as_editor, fields)
    assert "Authorization: Bearer {{secret.token}}" in text
    assert "&quot;amount&quot;: 750" in text
    assert "s3cr3t-value" not in text


def test_a_trigger_that_is_off_says_what_it_would_do_once_it_is_on(as_editor: Client, form: Fields) -> None:
    text = result_of(as_editor, filled(form, is_active=None))
    assert "It would fire" in text
    assert "it fires once that is on" in text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"condition": "{"}, "Condition : Line 1, column 2: this is not JSON"),
        ({"action_type": ""}, "Action : Choose what the trigger does."),
        ({"event_type": ""}, "Event type : Must not be empty."),
        ({"event": ""}, "Event: Write an event, or choose one."),
        ({"event": "{"}, "Event: Line 1, column 2: this is not JSON"),
        ({"event": "[]"}, "An event must be an object"),
        ({"event": '{"customerId": 7, "prices": 1}'}, "customerId must be 1 to 255 characters"),
        ({"update_attribute__updates__field": "event_cuont"}, "did you mean event_count?"),
    ],
)
def test_what_is_in_the_way_of_a_test_is_said(
    as_editor: Client, form: Fields, typed: dict[str, str], said: str
) -> None:
    text = result_of(as_editor, filled(form, **typed))
    assert "It can&#x27;t be tried out yet" in text or "It can't be tried out yet" in text
    assert said in text


def test_without_scripts_the_whole_page_comes_with_the_result_and_all_that_was_typed(
    as_editor: Client, form: Fields
) -> None:
    fields = filled(form, name="Half done", priority="900")
    response = as_editor.post(TEST, fields)
    html = response.content.decode()
    assert response.status_code == 200
    assert "It would fire" in html
    assert "field__problem" not in html
    again = fields_of(html, FORM)
    again["csrfmiddlewaretoken"] = fields["csrfmiddlewaretoken"]
    assert again == {**fields, "events_of": ["outcome.recorded"]}


def test_the_tree_has_the_conditions_shape() -> None:
    condition = conditions.parse(
        {
            "all": [{"field": "a", "operator": "eq", "value": 1}],
            "any": [
                {"field": "b", "operator": "eq", "value": 1},
                {"all": [{"field": "c", "operator": "exists"}]},
            ],
        }
    )
    tree = truth_tree(condition, conditions.explain(condition, {"a": 1, "b": 2}))
    assert isinstance(tree, TruthGroup)
    assert (tree.title, tree.rail, tree.passed) == ("All of these", 1, False)
    every, some = tree.members
    assert isinstance(every, TruthGroup)
    assert isinstance(some, TruthGroup)
    assert (every.title, every.rail, every.passed) == ("All of these", 2, True)
    assert (some.title, some.rail, some.passed) == ("Any of these", 2, False)
    leaf, inner = some.members
    assert isinstance(leaf, TruthLeaf)
    assert isinstance(inner, TruthGroup)
    assert (leaf.words, leaf.value, leaf.found, leaf.passed) == ("is", "1", "2", False)
    assert (inner.title, inner.rail, inner.passed) == ("All of these", 3, False)


def test_a_condition_that_is_always_true_has_no_tree() -> None:
    condition = conditions.parse({})
    assert truth_tree(condition, conditions.explain(condition, {})) is None


def test_a_lone_leaf_is_the_tree() -> None:
    condition = conditions.parse({"field": "a", "operator": "gt", "value": 1})
    tree = truth_tree(condition, conditions.explain(condition, {"a": 2}))
    assert isinstance(tree, TruthLeaf)
    assert tree.passed


# --- events to try ----------------------------------------------------------------------------------------------------


def found(client: Client, fields: Fields) -> tuple[Any, str]:
    """The event that is found for the form's condition, and what is said."""
    response = client.post(f"{NEW}/event", fields, headers={"HX-Request": "true"})
    assert response.status_code == 200
    html = response.content.decode()
    text = html.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]
    note = " ".join(re.sub(r"<[^>]+>", " ", html.partition('id="event-problems"')[2].partition(">")[2]).split())
    return json.loads(unescape(text)), note


def test_the_newest_event_that_meets_the_condition_is_found(
    as_editor: Client, form: Fields, make_customer: Callable[..., None]
) -> None:
    make_customer("cust_silver", tier="silver")
    for customer_id, amount in (("cust_78", 900), ("cust_78", 700), ("cust_silver", 800), ("cust_78", 20)):
        EventFactory.create(
            event_type="outcome.recorded",
            customer_id=customer_id,
            properties={"outcomeType": "conversion", "metadata": {"amount": amount}},
        )
    event, note = found(as_editor, form)
    assert (event["customerId"], event["properties"]["metadata"]["amount"], note) == ("cust_silver", 800, "")
    gold = {"all": [*SPEC_CONDITION["all"], {"field": "customer.tier", "operator": "eq", "value": "gold"}]}
    event, _ = found(as_editor, filled(form, condition=json.dumps(gold)))
    assert (event["customerId"], event["properties"]["metadata"]["amount"]) == ("cust_78", 700)
    html = as_editor.post(NEW, {**form, "show": "matching"}).content.decode()
    assert json.loads(fields_of(html, FORM)["event"][0])["customerId"] == "cust_silver"


@pytest.mark.parametrize(
    ("condition", "note"),
    [
        (json.dumps(SPEC_CONDITION), "None of the newest 200 events of this type meets the condition."),
        ("{", "The condition has problems: correct it first."),
        ('{"all": []}', "The condition has problems: correct it first."),
        ("[]", "The condition has problems: correct it first."),
    ],
)
def test_where_no_event_is_found_what_was_typed_stays(
    as_editor: Client, form: Fields, condition: str, note: str
) -> None:
    EventFactory.create(event_type="outcome.recorded", properties={"metadata": {"amount": 20}})
    assert found(as_editor, filled(form, condition=condition)) == (PURCHASE, note)


@pytest.mark.parametrize("event", ["null", "5", "[]", '"text"', "true"])
def test_json_that_is_no_event_is_told_at_its_field(as_editor: Client, form: Fields, event: str) -> None:
    assert "must be an object" in result_of(as_editor, filled(form, event=event))
