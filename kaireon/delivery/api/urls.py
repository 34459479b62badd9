"""Routes below /api/v1/."""

from django.urls import path

from kaireon.delivery.api.views import DeliveryList, DeliveryView, HostList, Redelivery

urlpatterns = [
    path("deliveries", DeliveryList.as_view(), name="deliveries"),
    # Ids of deliveries begin with dlv_.
    path("deliveries/hosts", HostList.as_view(), name="delivery hosts"),
    path("deliveries/<str:delivery_id>", DeliveryView.as_view(), name="delivery"),
    path("deliveries/<str:delivery_id>/redeliver", Redelivery.as_view(), name="redelivery"),
]
