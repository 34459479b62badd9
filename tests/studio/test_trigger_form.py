"""The trigger form: it stores what the API stores for the same trigger, and says what is wrong at its field."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from audit.models import Entry
from kaireon.core import clock
from kaireon.customers.models import Schema
from kaireon.decisioning.models import DecisionFlow
from kaireon.journeys.models import Journey, JourneyStatus
from tests.factories import EventFactory
from tests.studio.html_form import Fields, fields_of, ids_of
from tests.studio.trigger_pages import (
    FORM,
    NEW,
    SPEC_CONDITION,
    SPEC_ENROLMENT,
    SPEC_RECOMMEND,
    SPEC_UPDATES,
    SPEC_WEBHOOK,
    facts,
    filled,
    make_targets,
    opened,
)
from triggers.actions.registry import actions
from triggers.definition import read_definition
from triggers.lifecycle import create_trigger, delete_trigger, update_trigger
from triggers.models import Status, Trigger
from triggers.studio.action_forms.registry import action_forms
from triggers.studio.event_types import PLATFORM
from triggers.studio.recipes import RECIPES

pytestmark = pytest.mark.django_db

COMMON = {
    "name": "High-Value Purchase Cross-Sell",
    "description": "Fire real-time recommendation after a purchase over $500",
    "event_type": "outcome.recorded",
    "condition": json.dumps(SPEC_CONDITION),
    "cooldown_amount": "24",
    "cooldown_unit": "hours",
    "priority": "75",
}
COMMON_BODY = {
    "name": COMMON["name"],
    "description": COMMON["description"],
    "eventType": "outcome.recorded",
    "condition": SPEC_CONDITION,
    "cooldownMs": 86_400_000,
    "priority": 75,
}
TYPED: dict[str, dict[str, Any]] = {
    "enroll_journey": {"enroll_journey__journey": "jrn_loan_nurture"},
    "fire_recommend": {
        "fire_recommend__flow": "df_cross_sell",
        "fire_recommend__channel": "ch_push",
        "fire_recommend__limit": "1",
        "fire_recommend__deliver": "on",
    },
    "webhook": {
        "webhook__url": "https://api.yourcompany.com/events/handle",
        "webhook__headers__name": ["Authorization", ""],
        "webhook__headers__value": ["Bearer {{secret.webhook_token}}", ""],
        "webhook__body_template": json.dumps(SPEC_WEBHOOK["bodyTemplate"]),
    },
    "update_attribute": {
        "update_attribute__schema": "schema_customer_profile",
        "update_attribute__updates__field": ["last_event_date", "", "event_count"],
        "update_attribute__updates__way": ["value", "value", "expression"],
        "update_attribute__updates__content": ["{{event.timestamp}}", "", "event_count + 1"],
    },
}
CONFIGS: dict[str, dict[str, Any]] = {
    "enroll_journey": SPEC_ENROLMENT,
    "fire_recommend": SPEC_RECOMMEND,
    "webhook": SPEC_WEBHOOK,
    "update_attribute": SPEC_UPDATES,
}


@pytest.fixture(autouse=True)
def _targets(schema: Schema) -> None:
    make_targets()


def problems_in(html: str) -> str:
    """The summary above a refused form."""
    return html.partition('id="problems"')[2].partition("</ul>")[0]


def test_every_type_of_action_has_its_form() -> None:
    assert set(action_forms()) == set(actions())


@pytest.mark.parametrize("action_type", sorted(CONFIGS))
def test_the_form_stores_what_the_api_stores(as_editor: Client, action_type: str) -> None:
    fields = filled(opened(as_editor, NEW), **COMMON, action_type=action_type, **TYPED[action_type])
    response = as_editor.post(NEW, fields)
    assert response.status_code == 302
    by_form = Trigger.objects.get()
    body = {**COMMON_BODY, "actionType": action_type, "actionConfig": CONFIGS[action_type]}
    by_api = create_trigger(values=read_definition({**body}), now=clock.now())
    assert response.headers["Location"] == f"/studio/triggers/{by_form.pk}"
    assert facts(by_form) == facts(by_api)
    assert by_form.pk == "trg_high_value_purchase_cross_sell"
    assert Entry.objects.get(action="trigger.created", subject=by_form.pk).actor == "user:editor-of-tests"


def test_a_trigger_is_active_once_it_is_saved_unless_it_is_switched_off(as_editor: Client) -> None:
    fields = filled(opened(as_editor, NEW), **COMMON, action_type="webhook", **TYPED["webhook"])
    assert fields["is_active"] == ["on"]
    as_editor.post(NEW, filled(fields, name="on"))
    as_editor.post(NEW, filled(fields, name="off", is_active=None))
    assert Trigger.objects.get(name="on").status == Status.ACTIVE
    assert Trigger.objects.get(name="off").status == Status.PAUSED


def test_fields_of_types_that_were_not_chosen_neither_count_nor_get_lost(as_editor: Client) -> None:
    typed = {**TYPED["webhook"], **TYPED["update_attribute"], "webhook__url": "no address"}
    fields = filled(opened(as_editor, NEW), **COMMON, **typed, action_type="enroll_journey")
    response = as_editor.post(NEW, fields)
    assert response.status_code == 400
    html = response.content.decode()
    assert "Choose a journey." in problems_in(html)
    assert "no address" not in problems_in(html)
    assert html.count('class="field__problem') == 1
    again = fields_of(html, FORM)
    for name in ("webhook-url", "update_attribute-updates-content", "webhook-headers-value"):
        assert again[name] == fields[name]
    as_editor.post(NEW, filled(again, enroll_journey__journey="jrn_loan_nurture"))
    assert Trigger.objects.get().action_config == SPEC_ENROLMENT


def test_what_is_left_empty_is_left_out(as_editor: Client) -> None:
    fields = filled(
        opened(as_editor, NEW),
        name="Least",
        event_type="page.viewed",
        action_type="fire_recommend",
        fire_recommend__flow="df_cross_sell",
        fire_recommend__deliver=None,
    )
    assert as_editor.post(NEW, fields).status_code == 302
    trigger = Trigger.objects.get()
    assert facts(trigger) == {
        "name": "Least",
        "description": "",
        "event_type": "page.viewed",
        "condition": {},
        "action_type": "fire_recommend",
        "action_config": {"decisionFlowId": "df_cross_sell", "deliverImmediately": False},
        "priority": 50,
        "cooldown_ms": 0,
        "status": "active",
    }


@pytest.mark.parametrize(
    ("typed", "anchor", "message"),
    [
        ({"name": ""}, "id_name", "Must not be empty."),
        ({"name": "x" * 256}, "id_name", "Must have at most 255 characters."),
        ({"event_type": "Not A Type"}, "id_event_type", "Must be lower-case words joined by dots"),
        ({"condition": '{"all": ['}, "id_condition", "Line 1, column 10: this is not JSON"),
        ({"condition": "[]"}, "id_condition", "Must be an object."),
        (
            {"condition": '{"all": [{"field": "a", "operator": "over", "value": 1}]}'},
            "id_condition",
            "All[0].operator",
        ),
        ({"action_type": ""}, "id_action_type_0", "Choose what the trigger does."),
        ({"priority": "101"}, "id_priority", "Must be at most 100."),
        ({"priority": "high"}, "id_priority", "Enter a whole number."),
        ({"cooldown_amount": "a day"}, "id_cooldown_amount", "Must be a number such as 24 or 1.5."),
        ({"cooldown_amount": "4000", "cooldown_unit": "days"}, "id_cooldown_amount", "Must be at most 3,650 days."),
        ({"webhook__url": ""}, "id_webhook-url", "Must not be empty."),
        ({"webhook__url": "ftp://x.example"}, "id_webhook-url", "http"),
        ({"webhook__url": "https://x.example/{{event.id}}"}, "id_webhook-url", "Must be the plain address"),
        ({"webhook__body_template": "{"}, "id_webhook-body_template", "this is not JSON"),
        (
            {"webhook__body_template": '{"a": {"b": "{{event.x"}}'},
            "id_webhook-body_template",
            "A.b",
        ),
        (
            {"webhook__headers__name": ["X-A", "Host"], "webhook__headers__value": ["1", "2"]},
            "id_webhook-headers-1",
            "Can&#x27;t be set: it belongs to the connection.",
        ),
        (
            {"webhook__headers__name": ["", "X-A", "X-A"], "webhook__headers__value": ["", "1", "2"]},
            "id_webhook-headers-2",
            "X-A is there twice.",
        ),
        (
            {"webhook__headers__name": [""], "webhook__headers__value": ["1"]},
            "id_webhook-headers-0",
            "Name the header.",
        ),
    ],
)
def test_a_problem_stands_at_its_field_and_nothing_is_stored(
    as_editor: Client, typed: dict[str, Any], anchor: str, message: str
) -> None:
    fields = filled(opened(as_editor, NEW), **COMMON, action_type="webhook", **TYPED["webhook"])
    fields = filled(fields, **typed)
    response = as_editor.post(NEW, fields)
    assert response.status_code == 400
    html = response.content.decode()
    assert f'href="#{anchor}"' in problems_in(html)
    assert message in problems_in(html)
    assert anchor in ids_of(html)
    again = fields_of(html, FORM)
    for name in (name.replace("__", "-") for name in typed):
        assert again.get(name, [""])[: len(fields[name])] == fields[name]
    assert not Trigger.objects.exists()
    assert not Entry.objects.filter(action="trigger.created").exists()


@pytest.mark.parametrize(
    ("rows", "anchor", "message"),
    [
        ([("event_cuont", "value", "1")], "id_update_attribute-updates-0", "did you mean event_count?"),
        (
            [("tier", "value", "gold"), ("", "value", ""), ("event_count", "value", "many")],
            "id_update_attribute-updates-2",
            "Must be a whole number",
        ),
        ([("event_count", "expression", "1 +")], "id_update_attribute-updates-0", ""),
        ([("event_count", "json", "{")], "id_update_attribute-updates-0", "This is not JSON."),
        ([("tier", "value", "{{secret.x}}")], "id_update_attribute-updates-0", "Secrets are for webhooks alone."),
        ([("", "value", "")], "id_update_attribute-updates", "Must have 1 to 50 members, not 0."),
    ],
)
def test_a_problem_of_a_change_stands_at_its_row(
    as_editor: Client, rows: list[tuple[str, str, str]], anchor: str, message: str
) -> None:
    columns: Fields = {
        f"update_attribute-updates-{column}": list(cells)
        for column, cells in zip(("field", "way", "content"), zip(*rows, strict=True), strict=True)
    }
    fields = filled(
        opened(as_editor, NEW),
        **COMMON,
        action_type="update_attribute",
        update_attribute__schema="schema_customer_profile",
    )
    response = as_editor.post(NEW, {**fields, **columns})
    assert response.status_code == 400
    html = response.content.decode()
    assert f'href="#{anchor}' in problems_in(html)
    assert message in problems_in(html)
    again = fields_of(html, FORM)
    assert again["update_attribute-updates-content"] == columns["update_attribute-updates-content"]
    assert again["update_attribute-updates-field"] == columns["update_attribute-updates-field"]
    assert not Trigger.objects.exists()


def test_all_problems_are_told_at_once(as_editor: Client) -> None:
    fields = filled(
        opened(as_editor, NEW), name="", event_type="", condition="{", priority="900", action_type="enroll_journey"
    )
    html = as_editor.post(NEW, fields).content.decode()
    for anchor in ("id_name", "id_event_type", "id_condition", "id_priority", "id_enroll_journey-journey"):
        assert problems_in(html).count(f'href="#{anchor}"') == 1, anchor
    assert "5 fields want attention" in html


def test_a_target_that_is_gone_is_kept_marked_and_refused(
    as_editor: Client, make_trigger: Callable[..., Trigger]
) -> None:
    trigger = make_trigger(actionType="enroll_journey", actionConfig=SPEC_ENROLMENT)
    Journey.objects.all().delete()
    url = f"/studio/triggers/{trigger.pk}/edit"
    fields = opened(as_editor, url)
    assert fields["enroll_journey-journey"] == ["jrn_loan_nurture"]
    response = as_editor.post(url, fields)
    assert response.status_code == 400
    assert "There is no journey &#x27;jrn_loan_nurture&#x27;" in response.content.decode()
    assert "jrn_loan_nurture (not found)" in response.content.decode()


def test_a_journey_that_takes_nobody_in_is_shown_with_its_status(as_editor: Client) -> None:
    Journey.objects.update(status=JourneyStatus.PAUSED)
    assert "Loan nurture (paused)" in as_editor.get(NEW).content.decode()


# --- changing ---------------------------------------------------------------------------------------------------------


def test_somebody_elses_save_is_shown_and_can_be_overwritten(
    as_editor: Client, make_trigger: Callable[..., Trigger]
) -> None:
    trigger = make_trigger(name="Ours", priority=50)
    url = f"/studio/triggers/{trigger.pk}/edit"
    fields = filled(opened(as_editor, url), name="Mine", priority="10")
    update_trigger(trigger_id=trigger.pk, values=read_definition({"priority": 90}, existing=trigger), now=clock.now())
    response = as_editor.post(url, fields)
    html = response.content.decode()
    assert response.status_code == 409
    trigger.refresh_from_db()
    assert (trigger.name, trigger.priority, trigger.version) == ("Ours", 90, 2)
    assert "Somebody else saved this trigger meanwhile" in html
    assert "The system" in html
    assert '<span class="visually-hidden">Before: </span>50' in html
    assert '<span class="visually-hidden">After: </span>90' in html
    again = fields_of(html, FORM)
    assert again["name"] == ["Mine"]
    assert again["version"] == ["1"]
    assert as_editor.post(url, again).status_code == 409
    assert as_editor.post(url, {**again, "over": "2"}).status_code == 302
    trigger.refresh_from_db()
    assert (trigger.name, trigger.priority, trigger.version) == ("Mine", 10, 3)


def test_a_third_save_is_noticed_while_the_second_is_looked_at(
    as_editor: Client, make_trigger: Callable[..., Trigger]
) -> None:
    trigger = make_trigger(name="Ours")
    url = f"/studio/triggers/{trigger.pk}/edit"
    fields = filled(opened(as_editor, url), name="Mine")
    for name in ("Second", "Third"):
        update_trigger(trigger_id=trigger.pk, values={"name": name}, now=clock.now())
    assert as_editor.post(url, {**fields, "over": "2"}).status_code == 409
    trigger.refresh_from_db()
    assert trigger.name == "Third"


def test_a_trigger_that_was_deleted_meanwhile_can_be_saved_as_a_new_one(
    as_editor: Client, make_trigger: Callable[..., Trigger]
) -> None:
    trigger = make_trigger(name="Ours")
    url = f"/studio/triggers/{trigger.pk}/edit"
    fields = filled(opened(as_editor, url), name="Mine")
    delete_trigger(trigger_id=trigger.pk)
    response = as_editor.post(url, fields)
    html = response.content.decode()
    assert response.status_code == 404
    assert 'formaction="/studio/triggers/new"' in html
    assert fields_of(html, FORM)["name"] == ["Mine"]
    assert as_editor.post(NEW, fields_of(html, FORM)).status_code == 302
    assert Trigger.objects.get().name == "Mine"


@pytest.mark.parametrize(
    ("before", "is_on", "after"),
    [
        ("active", False, "paused"),
        ("paused", True, "active"),
        ("paused", False, "paused"),
        ("disabled", False, "disabled"),
        ("disabled", True, "active"),
    ],
)
def test_the_switch_pauses_and_resumes(
    as_editor: Client, make_trigger: Callable[..., Trigger], before: str, is_on: bool, after: str
) -> None:
    trigger = make_trigger(status=before)
    url = f"/studio/triggers/{trigger.pk}/edit"
    as_editor.post(url, filled(opened(as_editor, url), is_active="on" if is_on else None))
    trigger.refresh_from_db()
    assert trigger.status == after


# --- beginnings -------------------------------------------------------------------------------------------------------


def test_the_first_recipe_is_the_specifications_trigger_word_for_word(as_editor: Client) -> None:
    assert next(iter(RECIPES)) == "high-value-purchase"
    assert as_editor.post(NEW, opened(as_editor, f"{NEW}?recipe=high-value-purchase")).status_code == 302
    body = {**COMMON_BODY, "actionType": "fire_recommend", "actionConfig": SPEC_RECOMMEND}
    by_api = create_trigger(values=read_definition({**body}), now=clock.now())
    assert facts(Trigger.objects.exclude(pk=by_api.pk).get()) == facts(by_api)


def test_a_recipe_leaves_targets_that_are_not_there_to_be_chosen(as_editor: Client) -> None:
    for name in RECIPES:
        fields = opened(as_editor, f"{NEW}?recipe={name}")
        assert fields["action_type"] == [RECIPES[name].body["actionType"]]
    assert opened(as_editor, f"{NEW}?recipe=high-value-purchase")["fire_recommend-flow"] == ["df_cross_sell"]
    DecisionFlow.objects.all().delete()
    assert opened(as_editor, f"{NEW}?recipe=high-value-purchase")["fire_recommend-flow"] == [""]


def test_a_copy_has_everything_but_the_id_and_is_switched_off(
    as_editor: Client, make_trigger: Callable[..., Trigger]
) -> None:
    original = make_trigger(actionType="webhook", actionConfig=SPEC_WEBHOOK, cooldownMs=1500, priority=3)
    as_editor.post(NEW, opened(as_editor, f"{NEW}?from={original.pk}"))
    copy = Trigger.objects.exclude(pk=original.pk).get()
    assert facts(copy) == {**facts(original), "name": f"{original.name} (copy)", "status": "paused"}


def test_a_copy_of_nothing_is_404(as_editor: Client) -> None:
    assert as_editor.get(f"{NEW}?from=trg_nothing").status_code == 404


def test_an_unknown_recipe_is_an_empty_form(as_editor: Client) -> None:
    assert opened(as_editor, f"{NEW}?recipe=nothing")["name"] == [""]


# --- without scripts --------------------------------------------------------------------------------------------------


def test_without_scripts_a_button_shows_the_fields_of_the_chosen_action(as_editor: Client) -> None:
    fields = filled(opened(as_editor, NEW), name="", action_type="webhook")
    response = as_editor.post(NEW, {**fields, "show": "action"})
    html = response.content.decode()
    assert response.status_code == 200
    assert 'data-action="webhook" role="group" aria-label="Call a webhook">' in html
    assert 'id="problems"' not in html
    assert "field__problem" not in html
    assert not Trigger.objects.exists()


def test_without_scripts_a_button_adds_a_row(as_editor: Client) -> None:
    fields = filled(opened(as_editor, NEW), action_type="update_attribute", update_attribute__updates__field="tier")
    html = as_editor.post(NEW, {**fields, "show": "update"}).content.decode()
    assert fields_of(html, FORM)["update_attribute-updates-field"] == ["tier", ""]


def test_without_scripts_a_button_takes_another_event(as_editor: Client) -> None:
    EventFactory.create(event_type="page.viewed", customer_id="cust_older", event_id="evt_older")
    EventFactory.create(event_type="page.viewed", customer_id="cust_newer", event_id="evt_newer")
    fields = filled(opened(as_editor, NEW), event_type="page.viewed")
    html = as_editor.post(NEW, {**fields, "event_choice": "evt_older", "show": "event"}).content.decode()
    assert json.loads(fields_of(html, FORM)["event"][0])["customerId"] == "cust_older"


# --- who, and how dear ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [NEW, "/studio/triggers/{id}/edit"])
def test_a_viewer_gets_403(as_viewer: Client, make_trigger: Callable[..., Trigger], path: str) -> None:
    trigger = make_trigger()
    url = path.format(id=trigger.pk)
    assert as_viewer.get(url).status_code == 403
    assert as_viewer.post(url, {"name": "Forged"}).status_code == 403
    assert [row.name for row in Trigger.objects.all()] == [trigger.name]


@pytest.mark.parametrize("path", ["draft", "test"])
def test_a_viewer_tries_nothing_out(as_viewer: Client, path: str) -> None:
    assert as_viewer.post(f"{NEW}/{path}", {}).status_code == 403


def test_an_unknown_trigger_is_404(as_editor: Client) -> None:
    assert as_editor.get("/studio/triggers/trg_nothing/edit").status_code == 404


@pytest.mark.parametrize("rows", [3, 60])
def test_the_pages_take_under_15_queries_whatever_there_is(
    as_editor: Client,
    make_trigger: Callable[..., Trigger],
    django_assert_max_num_queries: DjangoAssertNumQueries,
    rows: int,
) -> None:
    now = clock.now()
    for number in range(rows):
        Journey.objects.create(id=f"jrn_{number}", name=f"Journey {number}", created_at=now, updated_at=now)
        EventFactory.create(event_type=f"own.type_{number % 7}")
    trigger = make_trigger(
        actionType="fire_recommend", actionConfig=SPEC_RECOMMEND, condition=SPEC_CONDITION, eventType="own.type_1"
    )
    edit = f"/studio/triggers/{trigger.pk}/edit"
    fields = opened(as_editor, edit)
    with django_assert_max_num_queries(14):
        as_editor.get(NEW)
    with django_assert_max_num_queries(14):
        as_editor.get(edit)
    with django_assert_max_num_queries(14):
        as_editor.post(f"{NEW}/draft?trigger={trigger.pk}", {**fields, "events_of": ""})
    with django_assert_max_num_queries(14):
        as_editor.post(f"{NEW}/draft?trigger={trigger.pk}", {**fields, "priority": "500"})
    with django_assert_max_num_queries(14):
        as_editor.post(f"{NEW}/test?trigger={trigger.pk}", fields, headers={"HX-Request": "true"})
    with django_assert_max_num_queries(14):
        as_editor.post(f"{NEW}/test?trigger={trigger.pk}", fields)


def test_the_platforms_types_are_told_with_what_they_carry(as_editor: Client) -> None:
    html = as_editor.get(NEW).content.decode()
    for event_type, kind in PLATFORM.items():
        assert f'<option value="{event_type}">{escape(kind.what)}</option>' in html


def test_own_types_that_came_in_are_offered(as_editor: Client) -> None:
    EventFactory.create(event_type="loan.application_started")
    assert '<option value="loan.application_started">' in as_editor.get(NEW).content.decode()


def test_ids_are_there_once(as_editor: Client) -> None:
    ids = ids_of(as_editor.get(f"{NEW}?recipe=budget-exhausted").content.decode())
    assert sorted(ids) == sorted(set(ids))
