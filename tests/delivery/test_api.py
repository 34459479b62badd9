"""Deliveries by API."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from kaireon.core.templating import SecretMarkers
from kaireon.delivery.models import Delivery, Status
from kaireon.delivery.sender import send_due
from kaireon.secrets import vault
from tests.delivery.conftest import Enqueue, Send, enqueue_all
from tests.delivery.receiver import Answer, Receiver

LIST = "/api/v1/deliveries"


def test_one_shows_its_request_masked_and_its_attempts(
    receiver: Receiver, send_one: Send, viewer_api: APIClient
) -> None:
    vault.set_secret(name="token", value="s3cret")
    markers = SecretMarkers.new()
    receiver.answer(Answer(status=404, body=b"nobody here"))
    delivery = send_one(
        url=f"{receiver.url}?key={markers.mark('token')}",
        headers={"Authorization": f"Bearer {markers.mark('token')}"},
        body={"z": 1, "token": markers.mark("token")},
        secret_nonce=markers.nonce,
    )
    answer = viewer_api.get(f"{LIST}/{delivery.pk}")
    assert answer.status_code == 200
    body = answer.json()
    [attempt] = body.pop("attempts")
    assert body.pop("createdAt").endswith("Z")
    assert body == {
        "id": delivery.pk,
        "status": "dead",
        "reason": "The receiver answered 404, which is final.",
        "triggerId": "trg_high_value_purchase",
        "firingId": "fir_1",
        "eventId": "evt_1",
        "customerId": "cust_78",
        "kind": "http",
        "method": "POST",
        "url": f"{receiver.url}?key={{{{secret.token}}}}",
        "headers": {"Authorization": "Bearer {{secret.token}}"},
        "body": {"z": 1, "token": "{{secret.token}}"},
        "attemptCount": 1,
        "nextAttemptAt": None,
        "lastStatus": 404,
        "lastError": "The receiver answered 404, which is final.",
        "deliveredAt": None,
    }
    assert list(body["body"]) == ["z", "token"]
    assert attempt.pop("startedAt").endswith("Z")
    assert attempt.pop("durationMs") > 0
    assert attempt == {
        "number": 1,
        "responseStatus": 404,
        "responseExcerpt": "nobody here",
        "error": "The receiver answered 404, which is final.",
        "manual": False,
    }


def test_the_list_is_newest_first_and_leaves_the_attempts_out(
    receiver: Receiver, viewer_api: APIClient, db: None
) -> None:
    deliveries = enqueue_all([{"firing_id": f"fir_{number}"} for number in range(5)], url=receiver.url)
    body = viewer_api.get(LIST, {"limit": 2, "offset": 1}).json()
    assert [row["id"] for row in body["data"]] == [deliveries[3].pk, deliveries[2].pk]
    assert body["pagination"] == {"total": 5, "limit": 2, "offset": 1, "hasMore": True}
    assert "attempts" not in body["data"][0]


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        ("status", "dead", [0]),
        ("status", "pending", [1, 2]),
        ("triggerId", "trg_b", [1]),
        ("firingId", "fir_2", [2]),
        ("eventId", "evt_1", [0, 1]),
        ("customerId", "cust_9", [0]),
        ("customerId", "nobody", []),
        ("since", "2026-03-10T12:00:00Z", [1, 2]),
        ("until", "2026-03-10T12:00:00Z", [0]),
        ("until", "2026-03-10T14:00:00+02:00", [0]),
    ],
)
def test_the_list_can_be_filtered(
    receiver: Receiver, viewer_api: APIClient, parameter: str, value: str, expected: list[int]
) -> None:
    deliveries = enqueue_all(
        [{"customer_id": "cust_9"}, {"source_id": "trg_b"}, {"firing_id": "fir_2", "event_id": "evt_2"}],
        url=receiver.url,
    )
    for hour, delivery in enumerate(deliveries, start=11):
        Delivery.objects.filter(pk=delivery.pk).update(created_at=f"2026-03-10T{hour}:00:00Z")
    Delivery.objects.filter(pk=deliveries[0].pk).update(status=Status.DEAD)
    found = viewer_api.get(LIST, {parameter: value}).json()["data"]
    assert [row["id"] for row in found] == [deliveries[index].pk for index in reversed(expected)]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("status", "sent"), ("since", "yesterday"), ("until", "2026-13-01"), ("limit", "abc"), ("triggerId", "a\x00b")],
)
def test_a_filter_that_can_not_be_read_is_refused(viewer_api: APIClient, parameter: str, value: str) -> None:
    answer = viewer_api.get(LIST, {parameter: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["field"] == parameter


@pytest.mark.parametrize("delivery_id", ["dlv_nothing", "%00", "..%2F", "x" * 300])
def test_an_unknown_id_is_not_found(viewer_api: APIClient, editor_api: APIClient, delivery_id: str) -> None:
    assert viewer_api.get(f"{LIST}/{delivery_id}").status_code == 404
    assert editor_api.post(f"{LIST}/{delivery_id}/redeliver").status_code == 404


def test_a_dead_one_is_sent_again(receiver: Receiver, send_one: Send, editor_api: APIClient) -> None:
    receiver.answer(410)
    delivery = send_one()
    answer = editor_api.post(f"{LIST}/{delivery.pk}/redeliver")
    assert answer.status_code == 200
    assert answer.json()["status"] == "pending"
    assert answer.json()["nextAttemptAt"] is not None
    assert len(answer.json()["attempts"]) == 1
    send_due(run_seconds=10)
    attempts = editor_api.get(f"{LIST}/{delivery.pk}").json()["attempts"]
    assert [attempt["manual"] for attempt in attempts] == [False, True]


def test_a_pending_one_is_a_conflict(enqueue_one: Enqueue, editor_api: APIClient) -> None:
    delivery = enqueue_one()
    answer = editor_api.post(f"{LIST}/{delivery.pk}/redeliver", {}, format="json")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"


def test_reading_takes_a_viewer_and_sending_again_an_editor(
    enqueue_one: Enqueue, api_client: Callable[[str], APIClient], anonymous_api: APIClient
) -> None:
    path = f"{LIST}/{enqueue_one().pk}"
    for role, get_status, post_status in (
        ("viewer", 200, 403),
        ("editor", 200, 409),
        ("admin", 200, 409),
        ("ingest", 403, 403),
    ):
        client = api_client(role)
        assert client.get(LIST).status_code == get_status
        assert client.get(path).status_code == get_status
        assert client.post(f"{path}/redeliver").status_code == post_status
    assert anonymous_api.get(path).status_code == 401


def test_nothing_else_can_be_done_to_them(enqueue_one: Enqueue, admin_api: APIClient) -> None:
    path = f"{LIST}/{enqueue_one().pk}"
    assert admin_api.delete(path).status_code == 405
    assert admin_api.put(path, {}, format="json").status_code == 405
    assert admin_api.post(LIST, {}, format="json").status_code == 405
