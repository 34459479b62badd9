"""Routes below /api/v1/."""

from django.urls import path

from audit.api.views import EntryExport, EntryList, EntryView, Verification

urlpatterns = [
    path("audit", EntryList.as_view(), name="audit"),
    path("audit/export", EntryExport.as_view(), name="audit-export"),
    path("audit/verify", Verification.as_view(), name="audit-verify"),
    path("audit/<str:entry_id>", EntryView.as_view(), name="audit-entry"),
]
