"""Where the pages of customers and segments are, below /studio/."""

from django.urls import URLPattern, path

from kaireon.customers.studio.customers import CustomerList
from kaireon.customers.studio.fields import CustomerFields
from kaireon.customers.studio.records import DeleteRecord, EditRecord, NewRecord
from kaireon.customers.studio.segments import SEGMENT_PAGES

urlpatterns: list[URLPattern] = [
    path("customer-fields", CustomerFields.as_view(), name="studio-customer-fields"),
    path("customers", CustomerList.as_view(), name="studio-customers"),
    path("records/new", NewRecord.as_view(), name="studio-record-new"),
    path("records/<str:schema_id>/edit/<path:customer_id>", EditRecord.as_view(), name="studio-record-edit"),
    path("records/<str:schema_id>/delete/<path:customer_id>", DeleteRecord.as_view(), name="studio-record-delete"),
    *SEGMENT_PAGES.urls(),
]
