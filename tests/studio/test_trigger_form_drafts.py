"""What the form shows while it is filled in: the sentence, the problems, and the action with a real event."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.core import clock
from kaireon.customers.models import Schema
from kaireon.customers.schemas import create_schema
from kaireon.events.ingestion import PLATFORM_EVENT_TYPES, read_event
from kaireon.events.models import Event
from kaireon.secrets.vault import create_secret
from tests.factories import EventFactory
from tests.studio.html_form import Fields
from tests.studio.trigger_pages import (
    NEW,
    SPEC_CONDITION,
    SPEC_ENROLMENT,
    SPEC_RECOMMEND,
    SPEC_UPDATES,
    SPEC_WEBHOOK,
    filled,
    make_targets,
    opened,
)
from tests.triggers.fixtures import FIELDS
from triggers.models import Firing, Trigger
from triggers.studio.action_forms.registry import action_forms
from triggers.studio.event_types import PLATFORM, example_of
from triggers.studio.sentence import sentence_of

DRAFT = f"{NEW}/draft"
pytestmark = pytest.mark.django_db


def answered(client: Client, fields: Fields, url: str = DRAFT) -> str:
    response = client.post(url, fields, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return response.content.decode()


def part(html: str, element_id: str) -> str:
    """The text inside of an element, without its tags."""
    inside = re.search(rf'<(\w+)[^>]*\bid="{element_id}"[^>]*>(.*?)</\1>', html, re.DOTALL)
    assert inside, f"there is no {element_id} in the answer"
    return " ".join(re.sub(r"<[^>]+>", " ", inside[2]).split())


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {
                "eventType": "outcome.recorded",
                "condition": SPEC_CONDITION,
                "actionType": "fire_recommend",
                "actionConfig": SPEC_RECOMMEND,
                "cooldownMs": 86_400_000,
                "priority": 75,
            },
            'When outcome.recorded arrives and metadata.amount is over 500 and outcomeType is "conversion": run'
            " Cross-sell and deliver the best offer by In-app message, at most once per 24 hours per customer."
            " High priority (75).",
        ),
        (
            {
                "actionType": "fire_recommend",
                "actionConfig": {**SPEC_RECOMMEND, "limit": 3, "deliverImmediately": False},
            },
            "When purchase arrives: run Cross-sell and store the best 3 offers, without a message. Medium priority"
            " (50).",
        ),
        (
            {"actionType": "enroll_journey", "actionConfig": SPEC_ENROLMENT, "priority": 90},
            "When purchase arrives: enrol the customer in Loan nurture, unless they are in it already."
            " Critical priority (90).",
        ),
        (
            {"actionType": "webhook", "actionConfig": SPEC_WEBHOOK, "cooldownMs": 3_600_000, "priority": 0},
            "When purchase arrives: send a POST request to api.yourcompany.com, at most once per hour per customer."
            " Priority 0, after all others.",
        ),
        (
            {"actionType": "update_attribute", "actionConfig": SPEC_UPDATES, "priority": 1},
            "When purchase arrives: set last_event_date to {{event.timestamp}} and set event_count to event_count + 1."
            " Low priority (1).",
        ),
    ],
)
def test_the_sentence_says_what_the_trigger_does(
    make_trigger: Callable[..., Trigger], body: dict[str, Any], sentence: str
) -> None:
    make_targets()
    assert sentence_of(make_trigger(**body)) == sentence


def test_the_sentence_of_an_empty_form_is_one_already(as_editor: Client) -> None:
    html = answered(as_editor, opened(as_editor, NEW))
    assert part(html, "sentence") == "When an event arrives: do something. Medium priority (50)."


def test_the_sentence_speaks_of_what_is_typed_whatever_else_is_wrong(as_editor: Client, schema: Schema) -> None:
    make_targets()
    fields = filled(
        opened(as_editor, NEW),
        event_type="page.viewed",
        condition="{",
        priority="80",
        action_type="enroll_journey",
        enroll_journey__journey="jrn_loan_nurture",
    )
    assert part(answered(as_editor, fields), "sentence") == (
        "When page.viewed arrives: enrol the customer in Loan nurture, unless they are in it already."
        " High priority (80)."
    )


def test_problems_come_with_the_ids_of_their_inputs(as_editor: Client) -> None:
    fields = filled(
        opened(as_editor, NEW),
        name="Named",
        event_type="Not a type",
        action_type="webhook",
        webhook__url="ftp://x.example",
        webhook__headers__name=["Host"],
        webhook__headers__value=["x"],
    )
    html = answered(as_editor, fields)
    found = dict(re.findall(r'<li data-for="([^"]+)">([^<]*)</li>', html))
    assert set(found) == {"id_event_type", "id_webhook-url", "id_webhook-headers-0"}
    assert found["id_webhook-headers-0"] == "Can&#x27;t be set: it belongs to the connection."


def test_the_action_is_rendered_with_the_newest_event_of_the_type(
    as_editor: Client, make_customer: Callable[..., None]
) -> None:
    make_customer("cust_new", tier="gold")
    EventFactory.create(event_type="page.viewed", customer_id="cust_old", properties={"page": "/old"})
    EventFactory.create(event_type="page.viewed", customer_id="cust_new", properties={"page": "/new"})
    create_secret(name="token", value="s3cr3t-value")
    fields = filled(
        opened(as_editor, NEW),
        event_type="page.viewed",
        action_type="webhook",
        webhook__url="https://x.example/",
        webhook__headers__name=["Authorization"],
        webhook__headers__value=["Bearer {{secret.token}}"],
        webhook__body_template='{"page": "{{event.page}}", "tier": "{{customer.tier}}", "id": "{{event.eventId}}"}',
    )
    html = answered(as_editor, fields)
    assert "https://x.example/" in part(html, "rendering")
    assert "Authorization: Bearer {{secret.token}}" in html
    assert "s3cr3t-value" not in html
    assert "&quot;page&quot;: &quot;/new&quot;" in html
    assert "&quot;tier&quot;: &quot;gold&quot;" in html
    assert "&quot;id&quot;: &quot;evt_test&quot;" in html
    assert not Firing.objects.exists()


def test_a_changed_type_brings_its_events_unless_one_was_typed(as_editor: Client) -> None:
    EventFactory.create(event_type="page.viewed", customer_id="cust_viewer", event_id="evt_view")
    fields = filled(opened(as_editor, NEW), event_type="page.viewed")
    html = answered(as_editor, fields)
    assert '<option value="evt_view"' in html
    assert "cust_viewer" in part(html, "id_event")
    html = answered(as_editor, {**fields, "event_is_typed": ["1"]})
    assert '<option value="evt_view"' in html
    assert 'id="id_event"' not in html
    html = answered(as_editor, {**fields, "events_of": ["page.viewed"]})
    assert 'id="event-choice"' not in html


def test_an_event_of_the_log_can_be_taken(as_editor: Client) -> None:
    EventFactory.create(event_id="evt_1", event_type="page.viewed", customer_id=None, properties={"a": "</textarea>"})
    html = as_editor.get(f"{NEW}/event?event_choice=evt_1").content.decode()
    assert "&lt;/textarea&gt;" in html
    assert "customerId" not in html
    assert "cust_78" in as_editor.get(f"{NEW}/event?event_choice=&event_type=page.viewed").content.decode()
    assert as_editor.get(f"{NEW}/event?event_choice=evt_2").status_code == 404


@pytest.mark.parametrize("event_type", PLATFORM_EVENT_TYPES)
def test_the_example_of_each_type_is_an_event_that_carries_what_is_said(event_type: str) -> None:
    assert set(PLATFORM) == set(PLATFORM_EVENT_TYPES)
    example = read_event(example_of(event_type), path="", source="test")
    assert (example.customer_id is None) is (event_type in {"offer.expired", "budget.exhausted"})
    assert {path for path, _ in PLATFORM[event_type].carries} <= set(example.properties)


def test_drafts_write_nothing(as_editor: Client, make_trigger: Callable[..., Trigger]) -> None:
    trigger = make_trigger()
    EventFactory.create()
    fields = filled(opened(as_editor, f"/studio/triggers/{trigger.pk}/edit"), name="Other")
    answered(as_editor, fields, f"{DRAFT}?trigger={trigger.pk}")
    assert [(row.name, row.version) for row in Trigger.objects.all()] == [(trigger.name, 1)]
    assert Event.objects.count() == 1
    assert not Firing.objects.exists()


def test_a_draft_of_a_trigger_that_is_gone_is_404(as_editor: Client) -> None:
    assert as_editor.post(f"{DRAFT}?trigger=trg_nothing", {}).status_code == 404


TYPED = st.text() | st.sampled_from(
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        "1e400",
        '"\\ud800"',
        "NaN",
        "-1",
        "99999999999999999999999",
        "{{event.x}}",
        "{{secret.x}}",
        "{{",
        "x\x00y",
        "[" * 2000,
        '{"all": [{"field": "a", "operator": "gt", "value": 1}]}',
        '{"eventType": 5, "eventId": null, "properties": []}',
        '{"customerId": "cust_78", "properties": {"metadata": {"amount": 750}}}',
        "schema_customer_profile",
        "jrn_loan_nurture",
        "df_cross_sell",
        "ch_push",
        "event_count",
        "hours",
        "value",
        "json",
        "expression",
        "remove",
        "on",
    ]
)
NAMES = st.sampled_from(
    [
        "name",
        "description",
        "event_type",
        "condition",
        "cooldown_amount",
        "cooldown_unit",
        "priority",
        "is_active",
        "version",
        "over",
        "event",
        "events_of",
        "event_choice",
        "event_is_typed",
        "enroll_journey-journey",
        "enroll_journey-deduplication",
        "fire_recommend-flow",
        "fire_recommend-limit",
        "fire_recommend-deliver",
        "fire_recommend-channel",
        "webhook-url",
        "webhook-method",
        "webhook-headers-name",
        "webhook-headers-value",
        "webhook-body_template",
        "update_attribute-schema",
        "update_attribute-updates-field",
        "update_attribute-updates-way",
        "update_attribute-updates-content",
    ]
)


class AnyForm(TestCase):
    """Whatever is sent, the answer is a page with problems, never an error of ours."""

    def setUp(self) -> None:
        create_schema(schema_id="schema_customer_profile", name="s", fields=FIELDS, now=clock.now())
        make_targets()
        self.client = Client()
        self.client.force_login(User.objects.create_user(username="ada", role=Role.EDITOR))

    @pytest.mark.slow
    @settings(max_examples=60, deadline=None)
    @given(
        action_type=st.sampled_from([*action_forms(), "", "nothing"]),
        fields=st.dictionaries(NAMES, st.lists(TYPED, max_size=3), max_size=20),
    )
    def test_is_answered(self, action_type: str, fields: Fields) -> None:
        sent = QueryDict(mutable=True)
        sent["action_type"] = action_type
        for name, values in fields.items():
            sent.setlist(name, [value.encode("utf-8", "replace").decode() for value in values])
        body = sent.urlencode()
        for path, statuses in ((DRAFT, {200}), (f"{NEW}/test", {200}), (f"{NEW}/event", {200}), (NEW, {302, 400})):
            response = self.client.post(path, body, content_type="application/x-www-form-urlencoded")
            assert response.status_code in statuses, (path, response.status_code)
