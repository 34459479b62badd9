"""Offers, outcomes and outcome types in Django admin."""

import pytest
from django.test import Client

from kaireon.accounts.models import User
from kaireon.core import clock
from kaireon.decisioning.outcome_types import create_type
from tests.decisioning.offering import make_offer, record_outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    """Signed in as an admin."""
    client = Client()
    client.force_login(User.objects.create_user("ada", role="admin"))
    return client


def test_they_are_listed_and_shown(ada: Client) -> None:
    make_offer(max_impressions=4711)
    create_type(values={"key": "visit", "label": "Came by", "classification": "positive"}, now=clock.now())
    interaction = record_outcome("visit", offer_id="off_card", metadata={"amount": 750.25})
    for path, text in {
        "offer/": "off_card",
        "offer/off_card/change/": "4711",
        "interaction/": "cust_78",
        "interaction/?q=off_card": "cust_78",
        f"interaction/{interaction.pk}/change/": "750.25",
        "outcometype/": "Came by",
        "outcometype/visit/change/": "Came by",
    }.items():
        answer = ada.get(f"/admin/decisioning/{path}")
        assert answer.status_code == 200, path
        assert text in answer.content.decode(), path


def test_nothing_can_be_added_changed_or_deleted_there(ada: Client) -> None:
    make_offer()
    for path in ("offer/add/", "offer/off_card/delete/", "interaction/add/", "outcometype/add/"):
        assert ada.post(f"/admin/decisioning/{path}", {"post": "yes"}).status_code == 403
    assert ada.post("/admin/decisioning/offer/off_card/change/", {"name": "x"}).status_code == 403
