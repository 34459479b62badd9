"""Deliveries in Django admin."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.core.templating import SecretMarkers
from kaireon.delivery.models import Delivery, Status
from tests.delivery.conftest import Send
from tests.delivery.receiver import Answer, Receiver

LIST = "/admin/delivery/delivery/"


@pytest.fixture
def signed_in(client: Client, db: None) -> Client:
    """A browser in which Ada, an admin, has signed in."""
    client.force_login(User.objects.create_user("ada", role=Role.ADMIN))
    return client


def test_the_list_and_one_delivery_are_shown_masked(receiver: Receiver, send_one: Send, signed_in: Client) -> None:
    markers = SecretMarkers.new()
    receiver.answer(Answer(status=404, body=b"<script>alert(1)</script>"))
    delivery = send_one(headers={"X-Key": "<b>"}, body={"a": markers.mark("gone")}, secret_nonce=markers.nonce)
    assert delivery.pk in signed_in.get(LIST).content.decode()
    assert signed_in.get(LIST, {"q": delivery.pk}).status_code == 200
    page = signed_in.get(f"{LIST}{delivery.pk}/change/").content.decode()
    assert "{{secret.gone}}" in page
    assert markers.nonce not in page
    assert "<b>" not in page
    assert "<script>alert(1)" not in page
    assert "There is no secret named gone." in page


def test_nothing_can_be_changed_there(send_one: Send, signed_in: Client) -> None:
    delivery = send_one()
    assert signed_in.get(f"{LIST}add/").status_code == 403
    assert signed_in.post(f"{LIST}{delivery.pk}/change/", {"status": "dead"}).status_code == 403
    assert signed_in.post(f"{LIST}{delivery.pk}/delete/", {"post": "yes"}).status_code == 403


def test_those_that_have_ended_are_sent_again_and_the_others_named(
    receiver: Receiver, send_one: Send, signed_in: Client
) -> None:
    receiver.answer(404, 500)
    dead, pending = send_one(), send_one()
    answer = signed_in.post(LIST, {"action": "send_again", "_selected_action": [dead.pk, pending.pk]}, follow=True)
    page = answer.content.decode()
    assert "Queued again: 1." in page
    assert f"The delivery {pending.pk} is pending: it is going to be sent anyway." in page
    assert Delivery.objects.get(pk=dead.pk).status == Status.PENDING
    assert Delivery.objects.get(pk=dead.pk).is_redelivery


def test_a_viewer_with_access_to_the_admin_sees_but_does_not_send_again(send_one: Send, client: Client) -> None:
    vic = User.objects.create_user("vic", role=Role.VIEWER, is_staff=True)
    vic.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    client.force_login(vic)
    delivery = send_one()
    assert "send_again" not in client.get(LIST).content.decode()
    client.post(LIST, {"action": "send_again", "_selected_action": [delivery.pk]})
    assert Delivery.objects.get().status == Status.DELIVERED
