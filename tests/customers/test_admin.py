"""Schemas and records in Django admin."""

import pytest
from django.test import Client

from kaireon.accounts.models import User
from tests.customers.factories import make_record, make_schema

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    """Signed in as an admin."""
    client = Client()
    client.force_login(User.objects.create_user("ada", role="admin"))
    return client


def test_schemas_and_records_are_listed_and_shown(ada: Client) -> None:
    record = make_record(customer_id="cust_78", attributes={"email": "ada@example.com"})
    assert b"schema_customer_profile" in ada.get("/admin/customers/schema/").content
    assert b"event_count" in ada.get("/admin/customers/schema/schema_customer_profile/change/").content
    assert b"cust_78" in ada.get("/admin/customers/record/").content
    assert b"ada@example.com" in ada.get(f"/admin/customers/record/{record.pk}/change/").content


def test_records_are_found_by_their_whole_customer_id_and_filtered_by_schema(ada: Client) -> None:
    make_record(make_schema(), customer_id="cust_78")
    make_record(make_schema("schema_b", is_default=False), customer_id="cust_7")
    found = ada.get("/admin/customers/record/", {"q": " cust_7 "}).content
    assert b"cust_7" in found
    assert b"cust_78" not in found
    of_one_schema = ada.get("/admin/customers/record/", {"schema__id__exact": "schema_customer_profile"}).content
    assert b"cust_78" in of_one_schema
    assert b">cust_7<" not in of_one_schema
    assert ada.get("/admin/customers/record/", {"q": "a\x00b"}).status_code == 200


def test_nothing_can_be_added_changed_or_deleted_there(ada: Client) -> None:
    record = make_record(customer_id="cust_78")
    for path in ("schema/add/", "schema/schema_customer_profile/delete/", "record/add/", f"record/{record.pk}/delete/"):
        assert ada.get(f"/admin/customers/{path}").status_code == 403
        assert ada.post(f"/admin/customers/{path}", {"post": "yes"}).status_code == 403
    assert ada.post(f"/admin/customers/record/{record.pk}/change/", {"customer_id": "x"}).status_code == 403
    record.refresh_from_db()
    assert record.customer_id == "cust_78"
