"""Paths below /api/v1/."""

from django.urls import path

from kaireon.customers.api.segment_views import SegmentCollection, SegmentItem, SegmentMembers
from kaireon.customers.api.views import DataCollection, RecordItem, SchemaCollection, SchemaItem

urlpatterns = [
    path("schemas", SchemaCollection.as_view(), name="schemas"),
    path("schemas/<str:schema_id>", SchemaItem.as_view(), name="schema"),
    path("schemas/<str:schema_id>/data", DataCollection.as_view(), name="schema-data"),
    path("schemas/<str:schema_id>/records/<path:customer_id>", RecordItem.as_view(), name="record"),
    path("segments", SegmentCollection.as_view(), name="segments"),
    path("segments/<str:segment_id>", SegmentItem.as_view(), name="segment"),
    path("segments/<str:segment_id>/members", SegmentMembers.as_view(), name="segment-members"),
]
