"""Where the pages of deliveries are, below /studio/."""

from django.urls import URLPattern, path

from kaireon.delivery.studio import deliveries

urlpatterns: list[URLPattern] = [
    path("deliveries", deliveries.DeliveryList.as_view(), name="studio-deliveries"),
    path("deliveries/send-again", deliveries.RedeliverMany.as_view(), name="studio-deliveries-redeliver"),
    path("deliveries/<str:delivery_id>", deliveries.DeliveryPage.as_view(), name="studio-delivery"),
    path("deliveries/<str:delivery_id>/redeliver", deliveries.RedeliverOne.as_view(), name="studio-delivery-redeliver"),
]
