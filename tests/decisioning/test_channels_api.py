"""The routes of channels."""

from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.models import Entry
from kaireon.decisioning.models import Channel
from tests.decisioning.deciding import CONFIGS, make_channel

pytestmark = pytest.mark.django_db

CHANNELS = "/api/v1/channels"
PUSH = {
    "id": "ch_push",
    "name": "Push",
    "channelType": "webhook",
    "config": {
        "url": "https://push.example.com/send",
        "headers": {"Authorization": "Bearer {{secret.push_token}}"},
        "bodyTemplate": {"to": "{{customer.device}}", "text": "{{offer.name}}", "why": "{{event.type}}"},
    },
}


def test_a_channel_is_created_read_changed_listed_and_deleted(editor_api: APIClient, admin_api: APIClient) -> None:
    created = editor_api.post(CHANNELS, PUSH, format="json")
    assert (created.status_code, created.headers["Location"]) == (201, f"{CHANNELS}/ch_push")
    channel = created.json()
    assert channel == {
        "status": "active",
        **PUSH,
        "createdAt": channel["createdAt"],
        "updatedAt": channel["createdAt"],
    }
    url = f"{CHANNELS}/ch_push"
    paused = editor_api.patch(url, {"status": "paused"}, format="json")
    assert (paused.status_code, paused.json()["status"], paused.json()["config"]) == (200, "paused", PUSH["config"])
    other = {"url": "https://push.example.com/v2", "bodyTemplate": "{{recommendation.decisions}}"}
    changed = editor_api.put(url, {"config": other}, format="json")
    assert changed.json()["config"] == {**other, "headers": {}}
    assert editor_api.get(url).json() == changed.json()
    make_channel("in_app")
    assert [one["id"] for one in editor_api.get(CHANNELS).json()["data"]] == ["ch_in_app", "ch_push"]
    assert [one["id"] for one in editor_api.get(f"{CHANNELS}?channelType=in_app").json()["data"]] == ["ch_in_app"]
    assert [one["id"] for one in editor_api.get(f"{CHANNELS}?status=paused").json()["data"]] == ["ch_push"]
    assert editor_api.get(f"{CHANNELS}?type=in_app").status_code == 400
    assert editor_api.delete(url).status_code == 403
    assert admin_api.delete(url).status_code == 204
    assert editor_api.get(url).status_code == 404
    assert list(Entry.objects.filter(subject="ch_push").order_by("id").values_list("action", flat=True)) == [
        "channel.created",
        "channel.status_changed",
        "channel.updated",
        "channel.deleted",
    ]


@pytest.mark.parametrize("channel_type", ["email", "in_app"])
def test_the_other_types(editor_api: APIClient, channel_type: str) -> None:
    body = {"name": "News letter", "channelType": channel_type, "config": CONFIGS[channel_type]}
    channel = editor_api.post(CHANNELS, body, format="json").json()
    assert (channel["id"], channel["config"]) == ("ch_news_letter", CONFIGS[channel_type])


EMAIL = {"to": "{{customer.email}}", "subject": "Hi", "body": "x"}


@pytest.mark.parametrize(
    ("channel_type", "config", "field", "said"),
    [
        ("email", {"to": "{{customer.email}}", "body": "x"}, "config.subject", "is required"),
        ("email", {**EMAIL, "cc": "x"}, "config.cc", "is not a known field"),
        ("email", {**EMAIL, "to": "nobody"}, "config.to", "must be an e-mail address"),
        ("email", {**EMAIL, "to": "a@example.com, b@example.com"}, "config.to", "must be one e-mail address"),
        ("email", {**EMAIL, "from": "nobody"}, "config.from", "must be an e-mail address"),
        ("email", {**EMAIL, "from": "a@example.com\nBcc: b@example.com"}, "config.from", "line breaks"),
        ("email", {**EMAIL, "subject": "a\nBcc: b@example.com"}, "config.subject", "line breaks"),
        ("email", {**EMAIL, "to": "{{user.email}}"}, "config.to", ""),
        ("email", {**EMAIL, "body": "{% if %}"}, "config.body", ""),
        ("email", {**EMAIL, "body": "{{secret.token}}"}, "config.body", ""),
        ("in_app", {"body": "x"}, "config.title", "is required"),
        ("in_app", {"title": "{{trigger.name}}"}, "config.title", ""),
        ("webhook", {"url": "https://example.com"}, "config.bodyTemplate", "is required"),
        ("webhook", {"url": "ftp://example.com", "bodyTemplate": 1}, "config.url", "must begin with https"),
        ("webhook", {"url": "http://127.0.0.1/", "bodyTemplate": 1}, "config.url", ""),
        ("webhook", {"url": "https://e.com/{{customer.id}}", "bodyTemplate": 1}, "config.url", "plain address"),
        ("webhook", {"url": "https://e.com", "headers": {"Host": "x"}, "bodyTemplate": 1}, "config.headers.Host", ""),
        ("webhook", {"url": "https://e.com", "bodyTemplate": {"a": "{{x.y}}"}}, "config.bodyTemplate.a", ""),
        ("webhook", {"url": "https://e.com", "method": "PUT", "bodyTemplate": 1}, "config.method", "not a known field"),
        ("sms", {}, "channelType", "must be one of email, webhook, in_app"),
        ("email", [], "config", "must be an object"),
    ],
)
def test_a_faulty_config_is_refused_with_the_path(
    editor_api: APIClient, channel_type: str, config: Any, field: str, said: str
) -> None:
    body = {"name": "x", "channelType": channel_type, "config": config}
    refused = editor_api.post(CHANNELS, body, format="json")
    assert refused.status_code == 400
    details = refused.json()["error"]["details"]
    assert details[0]["field"] == field
    assert said in details[0]["message"]
    assert Channel.objects.count() == 0


def test_the_type_and_the_id_stay(editor_api: APIClient) -> None:
    make_channel("in_app")
    url = f"{CHANNELS}/ch_in_app"
    refused = editor_api.patch(url, {"channelType": "email", "config": CONFIGS["email"]}, format="json")
    assert refused.json()["error"]["details"][0]["field"] == "channelType"
    assert editor_api.patch(url, {"channelType": "in_app"}, format="json").status_code == 200
    assert editor_api.patch(url, {"id": "ch_other"}, format="json").status_code == 400
    taken = {"id": "ch_in_app", "name": "x", "channelType": "email", "config": CONFIGS["email"]}
    assert editor_api.post(CHANNELS, taken, format="json").status_code == 409


def test_a_channel_whose_address_is_refused_by_now_can_still_be_paused(
    editor_api: APIClient, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.0.0.0/8"]
    make_channel("webhook", config={"url": "http://10.1.2.3/", "bodyTemplate": {}})
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    url = f"{CHANNELS}/ch_webhook"
    assert editor_api.patch(url, {"status": "paused"}, format="json").status_code == 200
    same = {"config": {"url": "http://10.1.2.3/", "bodyTemplate": {}}}
    assert editor_api.patch(url, same, format="json").status_code == 400


def test_viewers_read_and_ingest_does_not(
    viewer_api: APIClient, ingest_api: APIClient, anonymous_api: APIClient
) -> None:
    make_channel("in_app")
    assert viewer_api.get(f"{CHANNELS}/ch_in_app").status_code == 200
    assert viewer_api.post(CHANNELS, PUSH, format="json").status_code == 403
    assert ingest_api.get(CHANNELS).status_code == 403
    assert anonymous_api.get(CHANNELS).status_code == 401
