"""GET /audit and /audit/{id}."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from audit.models import Entry
from tests.audit.entries import NOON, add, ids

pytestmark = pytest.mark.django_db
URL = "/api/v1/audit"


def found(client: APIClient, **parameters: str) -> list[str]:
    """The ids that the list shows for `parameters`."""
    response = client.get(URL, parameters)
    assert response.status_code == 200, response.content
    return [entry["id"] for entry in response.json()["data"]]


def refusal(client: APIClient, query: str) -> tuple[str, str]:
    """The field and the message of the one problem that `query` has."""
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 400, response.content
    error = response.json()["error"]
    assert error["code"] == "validation_failed"
    [detail] = error["details"]
    return detail["field"], detail["message"]


def test_an_entry_shows_all_that_was_recorded(admin_api: APIClient) -> None:
    entry = add(
        subject="fir_1",
        trigger_id="trg_high_value_purchase",
        customer_id="cust_78",
        event_type="conversion",
        event_id="evt_1",
        action_taken="webhook",
        outcome="queued",
        facts={"version": 3},
    )
    shown = {
        "id": str(entry.pk),
        "at": "2026-03-10T12:00:00Z",
        "action": "trigger.fired",
        "actor": "system",
        "subject": "fir_1",
        "triggerId": "trg_high_value_purchase",
        "customerId": "cust_78",
        "eventType": "conversion",
        "eventId": "evt_1",
        "actionTaken": "webhook",
        "outcome": "queued",
        "facts": {"version": 3},
        "requestId": None,
    }
    assert admin_api.get(f"{URL}/{entry.pk}").json() == shown
    assert admin_api.get(URL, {"triggerId": "trg_high_value_purchase"}).json() == {
        "data": [shown],
        "pagination": {"total": 1, "limit": 50, "offset": 0, "hasMore": False},
    }


def test_what_an_entry_has_nothing_to_say_about_is_null(admin_api: APIClient) -> None:
    entry = add(action="secret.set", facts={})
    shown = admin_api.get(f"{URL}/{entry.pk}").json()
    empty = {key for key, value in shown.items() if value is None}
    assert empty == {
        "subject", "triggerId", "customerId", "eventType", "eventId", "actionTaken", "outcome", "requestId",
    }  # fmt: skip
    assert shown["facts"] == {}


def test_the_newest_comes_first_page_by_page(admin_api: APIClient) -> None:
    entries = [add(trigger_id="trg_a") for _ in range(5)]
    response = admin_api.get(URL, {"triggerId": "trg_a", "limit": "2", "offset": "1"}).json()
    assert [entry["id"] for entry in response["data"]] == ids(entries[3], entries[2])
    assert response["pagination"] == {"total": 5, "limit": 2, "offset": 1, "hasMore": True}


def test_each_filter_finds_exactly_its_entries(admin_api: APIClient) -> None:
    one = add(trigger_id="trg_a", customer_id="cust_1", event_type="conversion")
    two = add(trigger_id="trg_ab", customer_id="cust_12", event_type="conversion.paid")
    three = add(action="loop.stopped", trigger_id="trg_a", customer_id="CUST_1", event_type="conversion")
    assert found(admin_api, triggerId="trg_a") == ids(three, one)
    assert found(admin_api, customerId="cust_1") == ids(one)
    assert found(admin_api, eventType="conversion") == ids(three, one)
    assert found(admin_api, action="loop.stopped") == ids(three)
    assert found(admin_api, actor="system", triggerId="trg_ab") == ids(two)
    assert found(admin_api, triggerId="trg_a", customerId="cust_1") == ids(one)
    assert found(admin_api, triggerId="trg_a ") == []
    assert found(admin_api, actor="nobody") == []


def test_since_is_included_and_until_is_not(admin_api: APIClient) -> None:
    early, noon, late = (add(trigger_id="trg_a", at=NOON + timedelta(seconds=s)) for s in (-1, 0, 1))
    assert found(admin_api, triggerId="trg_a", since="2026-03-10T12:00:00Z") == ids(late, noon)
    assert found(admin_api, triggerId="trg_a", until="2026-03-10T12:00:00Z") == ids(early)
    assert found(admin_api, triggerId="trg_a", since="2026-03-10T12:00:00Z", until="2026-03-10T12:00:00.5Z") == ids(
        noon
    )
    assert found(admin_api, triggerId="trg_a", since="2026-03-10T14:00:00+02:00") == ids(late, noon)
    assert found(admin_api, triggerId="trg_a", since="2026-03-10T12:00Z", until="2026-03-10T07:00:01-05:00") == ids(
        noon
    )


def test_a_date_begins_at_midnight_utc(admin_api: APIClient) -> None:
    before, at_midnight = (
        add(trigger_id="trg_a", at=NOON.replace(hour=0) - timedelta(microseconds=us)) for us in (1, 0)
    )
    assert found(admin_api, triggerId="trg_a", since="2026-03-10") == ids(at_midnight)
    assert found(admin_api, triggerId="trg_a", until="2026-03-10") == ids(before)


def test_a_plus_that_was_not_escaped_is_still_an_offset(admin_api: APIClient) -> None:
    entry = add(trigger_id="trg_a")
    response = admin_api.get(f"{URL}?triggerId=trg_a&since=2026-03-10T14:00:00+02:00")
    assert [shown["id"] for shown in response.json()["data"]] == ids(entry)


@pytest.mark.parametrize(
    "moment",
    [
        "yesterday",
        "2026-03-10T12:00:00",
        "2026-03-10 12:00:00Z",
        "2026-02-30",
        "2026-03-10T25:00:00Z",
        "20260310",
        "2026-W11-2",
        "0001-01-01T00:00:00%2B10:00",
        "9999-12-31T23:59:59-10:00",
        "2026-03-10T12:00:00%2B25:00",
        "2026-03-10%00",
        "1773144000",
        "%D9%A2026-03-10",
    ],
)
def test_a_moment_that_is_none_is_refused(admin_api: APIClient, moment: str) -> None:
    assert refusal(admin_api, f"since={moment}") == (
        "since",
        "must be a date (2026-03-10) or a date-time with an offset (2026-03-10T14:30:00Z).",
    )


def test_a_misspelt_parameter_is_refused_with_a_hint(admin_api: APIClient) -> None:
    assert refusal(admin_api, "triggerID=trg_a") == (
        "triggerID",
        "is not a known parameter; did you mean triggerId?",
    )
    assert refusal(admin_api, "zzz=1") == (
        "zzz",
        "is not a known parameter; known are action, triggerId, customerId, eventType, actor, since, until, limit,"
        " offset.",
    )
    assert refusal(admin_api, "format=csv")[0] == "format"


def test_an_empty_or_repeated_parameter_is_refused(admin_api: APIClient) -> None:
    assert refusal(admin_api, "triggerId=") == ("triggerId", "is empty; give it a value, or leave it out.")
    assert refusal(admin_api, "action=a&action=b") == (
        "action",
        "stands there more than once; give it one value.",
    )


def test_all_problems_are_told_at_once(admin_api: APIClient) -> None:
    response = admin_api.get(f"{URL}?sinse=2026-03-10&until=never&actor=")
    assert [detail["field"] for detail in response.json()["error"]["details"]] == ["sinse", "actor", "until"]


@pytest.mark.parametrize("parameter", ["action", "triggerId", "customerId", "eventType", "actor"])
def test_nul_characters_are_refused(admin_api: APIClient, parameter: str) -> None:
    assert refusal(admin_api, f"{parameter}=a%00b") == (parameter, "Null characters are not allowed.")


@pytest.mark.parametrize(
    ("parameter", "value"), [("limit", "abc"), ("limit", "-1"), ("offset", "%00"), ("limit", "1.5")]
)
def test_paging_takes_whole_numbers_alone(admin_api: APIClient, parameter: str, value: str) -> None:
    assert refusal(admin_api, f"{parameter}={value}") == (parameter, "must be a whole number from 0 up.")


@pytest.mark.parametrize(
    "entry_id", ["0", "-1", "abc", "1_0", "٣", "999999999999999999", "99999999999999999999999", "1%00"]
)
def test_an_unknown_id_is_not_found(admin_api: APIClient, entry_id: str) -> None:
    response = admin_api.get(f"{URL}/{entry_id}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(admin_api: APIClient, method: str) -> None:
    entry = add()
    for path in (URL, f"{URL}/{entry.pk}", f"{URL}/export"):
        response = getattr(admin_api, method)(path, {"action": "forged"}, format="json")
        assert response.status_code == 405
        assert response.json()["error"]["code"] == "method_not_allowed"
    assert Entry.objects.filter(pk=entry.pk, action="trigger.fired").exists()


def test_a_page_takes_two_queries_however_long_it_is(
    admin_api: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(30):
        add()
    admin_api.get(URL)
    # The key, the count, the page.
    with django_assert_num_queries(3):
        admin_api.get(URL)
