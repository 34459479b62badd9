"""The in-app inbox, as the user's own site reads it."""

import pytest
from rest_framework.test import APIClient

from kaireon.decisioning.models import InboxMessage
from tests.decisioning.deciding import make_channel
from tests.decisioning.test_channels_sending import outgoing, sent

pytestmark = pytest.mark.django_db


def _fill(customer_id: str, *titles: str) -> None:
    make_channel("in_app", id=f"ch_{len(titles)}", config={"title": "{{event.title}}", "body": ""})
    sent(*(outgoing(channel_id=f"ch_{len(titles)}", customer_id=customer_id, event={"title": one}) for one in titles))


def test_messages_are_listed_newest_first_and_read_once(editor_api: APIClient, viewer_api: APIClient) -> None:
    _fill("cust_78", "first", "second", "third")
    _fill("cust_79", "of somebody else", "and another")
    url = "/api/v1/customers/cust_78/messages"
    listed = viewer_api.get(url).json()
    assert [message["title"] for message in listed["data"]] == ["third", "second", "first"]
    assert listed["pagination"] == {"total": 3, "limit": 50, "offset": 0, "hasMore": False}
    message = listed["data"][1]
    assert message == {
        "id": message["id"],
        "customerId": "cust_78",
        "title": "second",
        "body": "",
        "offerId": None,
        "recommendationId": None,
        "channelId": "ch_3",
        "createdAt": message["createdAt"],
        "readAt": None,
    }
    read = f"/api/v1/messages/{message['id']}/read"
    assert viewer_api.post(read).status_code == 403
    first = editor_api.post(read)
    assert first.status_code == 200
    assert first.json() == {**message, "readAt": first.json()["readAt"]}
    assert first.json()["readAt"] is not None
    assert editor_api.post(read).json() == first.json()
    assert [one["title"] for one in viewer_api.get(f"{url}?unread=true").json()["data"]] == ["third", "first"]
    assert [one["title"] for one in viewer_api.get(f"{url}?unread=false").json()["data"]] == ["second"]
    page = viewer_api.get(f"{url}?limit=1&offset=1").json()
    assert ([one["title"] for one in page["data"]], page["pagination"]["hasMore"]) == (["second"], True)
    assert InboxMessage.objects.filter(read_at__isnull=False).count() == 1


def test_customers_ids_are_their_owners_business(viewer_api: APIClient) -> None:
    _fill("region/7 x", "hello", "again")
    listed = viewer_api.get("/api/v1/customers/region%2F7%20x/messages").json()
    assert [message["title"] for message in listed["data"]] == ["again", "hello"]
    assert viewer_api.get("/api/v1/customers/nobody/messages").json()["data"] == []


def test_what_is_wrong_is_refused(editor_api: APIClient, ingest_api: APIClient, anonymous_api: APIClient) -> None:
    url = "/api/v1/customers/cust_78/messages"
    assert editor_api.get(f"{url}?unread=yes").status_code == 400
    assert editor_api.get(f"{url}?read=true").status_code == 400
    assert editor_api.post("/api/v1/messages/msg_none/read").status_code == 404
    assert editor_api.post("/api/v1/messages/msg_none/read", {"at": 1}, format="json").status_code == 400
    assert ingest_api.get(url).status_code == 403
    assert anonymous_api.get(url).status_code == 401
