"""Routes below /api/v1/."""

from django.urls import path

from kaireon.accounts.api.views import KeyList, KeyView

urlpatterns = [
    path("keys", KeyList.as_view(), name="keys"),
    path("keys/<str:key_id>", KeyView.as_view(), name="key"),
]
