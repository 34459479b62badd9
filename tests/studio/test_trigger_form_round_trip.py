"""A trigger that is opened and saved again stays as it is, whoever has made it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import Entry
from kaireon.core import clock
from kaireon.customers.models import Schema
from kaireon.customers.schemas import create_schema
from tests.studio.trigger_pages import (
    SPEC_ENROLMENT,
    SPEC_RECOMMEND,
    SPEC_UPDATES,
    SPEC_WEBHOOK,
    facts,
    make_targets,
    opened,
)
from tests.triggers.fixtures import FIELDS
from triggers.definition import MAX_COOLDOWN_MS
from triggers.models import Trigger
from triggers.studio import cooldowns
from triggers.studio.action_forms.update_attribute import UpdateAttributeForm


def updates(*many: dict[str, Any]) -> dict[str, Any]:
    return {"schemaId": "schema_customer_profile", "updates": list(many)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        {"actionType": "enroll_journey", "actionConfig": SPEC_ENROLMENT},
        {"actionType": "enroll_journey", "actionConfig": {"journeyId": "jrn_loan_nurture", "deduplication": "restart"}},
        {"actionType": "fire_recommend", "actionConfig": SPEC_RECOMMEND},
        {"actionType": "fire_recommend", "actionConfig": {"decisionFlowId": "df_cross_sell", "channelId": "ch_push"}},
        {
            "actionType": "fire_recommend",
            "actionConfig": {"decisionFlowId": "df_cross_sell", "channelId": "ch_push", "deliverImmediately": False},
        },
        {
            "actionType": "fire_recommend",
            "actionConfig": {"decisionFlowId": "df_cross_sell", "deliverImmediately": False, "maxOffers": 50},
        },
        {"actionType": "webhook", "actionConfig": SPEC_WEBHOOK},
        {"actionType": "webhook", "actionConfig": {"url": "https://x.example/?a=1&b=%20"}},
        {
            "actionType": "webhook",
            "actionConfig": {
                "url": "https://x.example",
                "method": "PATCH",
                "headers": {"X-Empty": "", "X-Quote": "\"<&'>\"", "x-blank": " a  b "},
                "bodyTemplate": ["a\r\nb", 1.0, 1e22, 2**63, None, True, {"": "</textarea><script>", "ü": "\u2028"}],
            },
        },
        {"actionType": "webhook", "actionConfig": {"url": "https://x.example", "bodyTemplate": "{{event.type}}"}},
        {"actionType": "webhook", "actionConfig": {"url": "https://x.example", "bodyTemplate": ""}},
        {"actionType": "update_attribute", "actionConfig": SPEC_UPDATES},
        {
            "actionType": "update_attribute",
            "actionConfig": updates(
                {"field": "tier", "value": "75"},
                {"field": "tier", "value": "null"},
                {"field": "tier", "value": "two\nlines"},
                {"field": "tier", "value": "\n first line is empty"},
                {"field": "tier", "value": "two\r\nlines"},
                {"field": "tier", "value": ""},
                {"field": "tier", "value": "  "},
                {"field": "tier", "value": None},
                {"field": "event_count", "value": 7},
                {"field": "event_count", "value": "{{event.count | plus: 1}}"},
                {"field": "balance", "value": 1.5},
                {"field": "balance", "value": 2**62},
                {"field": "notes", "value": {"a": [1, "1", None, True, "{{event.type}}"]}},
                {"field": "notes", "value": "text"},
                {"field": "notes", "value": "1"},
                {"field": "notes", "value": ""},
                {"field": "notes", "value": '"quoted"'},
                {"field": "notes", "value": [1]},
                {"field": "last_event_date", "value": "2026-03-10"},
                {"field": "seen_at", "value": "{{event.timestamp}}"},
                {"field": "event_count", "expression": " event_count + 1 if tier == 'gold' else 0"},
            ),
        },
        {"condition": {"any": [{"field": "a", "operator": "exists", "value": False}], "all": [{"any": [
            {"field": "a.0.b", "operator": "in", "value": [1, "1", None, 1.5, {"x": "</textarea>"}]},
        ]}]}},
        {"condition": {"field": "customer.tier", "operator": "eq", "value": "a\r\nb"}},
        {"description": "two\nlines\r\nand three", "priority": 0, "status": "paused", "cooldownMs": 1},
        {"name": "\"Quotes\" & <tags>", "priority": 100, "status": "disabled", "cooldownMs": MAX_COOLDOWN_MS},
    ],
)  # fmt: skip
def test_opening_and_saving_changes_nothing(
    as_editor: Client, make_trigger: Callable[..., Trigger], body: dict[str, Any]
) -> None:
    make_targets()
    trigger = Trigger.objects.get(pk=make_trigger(**body).pk)
    before = (facts(trigger), trigger.version, trigger.updated_at)
    url = f"/studio/triggers/{trigger.pk}/edit"
    response = as_editor.post(url, opened(as_editor, url))
    assert response.status_code == 302, response.content.decode().partition('id="problems"')[2][:600]
    trigger = Trigger.objects.get()
    assert (facts(trigger), trigger.version, trigger.updated_at) == before
    assert json.dumps(facts(trigger), sort_keys=True) == json.dumps(before[0], sort_keys=True)
    assert [entry.action for entry in Entry.objects.filter(trigger_id=trigger.pk)] == ["trigger.created"]


@pytest.mark.django_db
def test_typing_changes_only_what_was_typed(as_editor: Client, make_trigger: Callable[..., Trigger]) -> None:
    trigger = make_trigger(actionType="update_attribute", actionConfig=SPEC_UPDATES)
    url = f"/studio/triggers/{trigger.pk}/edit"
    as_editor.post(url, {**opened(as_editor, url), "priority": "51"})
    changed = Trigger.objects.get()
    assert facts(changed) == {**facts(trigger), "priority": 51}
    assert changed.version == 2
    assert Entry.objects.get(action="trigger.updated").facts["changes"] == {"priority": {"before": 50, "after": 51}}


@pytest.mark.parametrize(
    ("cooldown_ms", "amount", "unit"),
    [
        (0, "", "none"),
        (1, "0.001", "seconds"),
        (1500, "1.5", "seconds"),
        (60_000, "1", "minutes"),
        (90_000, "90", "seconds"),
        (3_600_000, "1", "hours"),
        (86_400_000, "24", "hours"),
        (172_800_000, "48", "hours"),
        (259_200_000, "3", "days"),
        (MAX_COOLDOWN_MS, "3650", "days"),
        (MAX_COOLDOWN_MS - 1, "315359999.999", "seconds"),
    ],
)
def test_cooldowns_are_said_in_the_unit_that_suits_them(cooldown_ms: int, amount: str, unit: str) -> None:
    assert cooldowns.to_fields(cooldown_ms) == (amount, unit)


@given(st.integers(0, MAX_COOLDOWN_MS))
def test_every_cooldown_comes_back_exactly(cooldown_ms: int) -> None:
    assert cooldowns.to_ms(*cooldowns.to_fields(cooldown_ms)) == cooldown_ms


@pytest.mark.parametrize(
    ("amount", "unit", "message"),
    [
        ("", "hours", "Say how many, or choose no limit."),
        ("24", "none", "Choose a unit, or leave the amount empty for no limit."),
        ("-1", "hours", "Must be a number such as 24 or 1.5."),
        ("1e3", "hours", "Must be a number such as 24 or 1.5."),
        ("NaN", "hours", "Must be a number such as 24 or 1.5."),
        ("1,5", "hours", "Must be a number such as 24 or 1.5."),
        ("9" * 400, "hours", "Must be a number such as 24 or 1.5."),
        ("0.0001", "seconds", "Must be whole milliseconds."),
        ("87601", "hours", "Must be at most 87,600 hours."),
    ],
)
def test_what_is_no_cooldown_is_refused(amount: str, unit: str, message: str) -> None:
    with pytest.raises(cooldowns.NotACooldown, match=f"^{message}$"):
        cooldowns.to_ms(amount, unit)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


class AnyValue(TestCase):
    """The rows of update_attribute keep any JSON value that there can be, whatever its field's type."""

    schema: Schema

    def setUp(self) -> None:
        self.schema = create_schema(schema_id="s", name="s", fields=FIELDS, now=clock.now())

    @settings(max_examples=200)
    @given(field=st.sampled_from(["notes", "event_count", "balance", "no_such_field"]), value=JSON)
    def test_keeps_its_json_type(self, field: str, value: Any) -> None:
        config = {"schemaId": "s", "updates": [{"field": field, "value": value}]}
        rows = UpdateAttributeForm(config=config).initial["updates"]
        sent = _as_sent(rows)
        form = UpdateAttributeForm(sent)
        assert form.is_valid(), form.errors
        assert json.dumps(form.body(), sort_keys=True) == json.dumps(config, sort_keys=True)


def _as_sent(rows: list[dict[str, str]]) -> QueryDict:
    sent = QueryDict(mutable=True)
    sent["update_attribute-schema"] = "s"
    for column in ("field", "way", "content"):
        sent.setlist(
            f"update_attribute-updates-{column}",
            [row[column].replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n") for row in rows],
        )
    return sent
