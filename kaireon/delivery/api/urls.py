"""Routes below /api/v1/."""

from django.urls import path

from kaireon.delivery.api.views import DeliveryList, DeliveryView, Redelivery

urlpatterns = [
    path("deliveries", DeliveryList.as_view(), name="deliveries"),
    path("deliveries/<str:delivery_id>", DeliveryView.as_view(), name="delivery"),
    path("deliveries/<str:delivery_id>/redeliver", Redelivery.as_view(), name="redelivery"),
]
