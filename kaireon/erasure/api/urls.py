"""Routes below /api/v1/."""

from django.urls import path

from kaireon.erasure.api.views import CustomerErasure

urlpatterns = [
    # A customer's id may have slashes in it.
    path("customers/<path:customer_id>/erase", CustomerErasure.as_view(), name="customer-erase"),
]
