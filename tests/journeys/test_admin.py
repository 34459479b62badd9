"""Journeys and enrolments in Django admin."""

import pytest
from django.test import Client

from kaireon.accounts.models import User
from kaireon.core import clock
from tests.journeys.building import enrol, make_journey, one_wait, only

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    """Signed in as an admin."""
    client = Client()
    client.force_login(User.objects.create_user("ada", role="admin"))
    return client


def test_they_are_listed_found_and_shown_and_cannot_be_changed(ada: Client) -> None:
    journey = make_journey(one_wait())
    enrol(journey, "cust_78", "cust_79", now=clock.now())
    assert b"Loan nurture" in ada.get("/admin/journeys/journey/").content
    assert b"delayHours" in ada.get("/admin/journeys/journey/jrn_loan_nurture/change/").content
    assert b"cust_78" in ada.get("/admin/journeys/enrolment/").content
    found = ada.get("/admin/journeys/enrolment/", {"q": "cust_79"}).content
    assert b"cust_79" in found
    assert b"cust_78" not in found
    assert b"waiting" in ada.get(f"/admin/journeys/enrolment/{only('cust_78').pk}/change/").content
    for page in ("journey/add/", "enrolment/add/", "journey/jrn_loan_nurture/delete/"):
        assert ada.get(f"/admin/journeys/{page}").status_code == 403
    assert b"/admin/journeys/journey/" in ada.get("/admin/").content
