"""Routes below /api/v1/."""

from django.urls import path

from kaireon.secrets.api.views import SecretList, SecretView, SigningSecretRotation, SigningSecretView

urlpatterns = [
    path("secrets", SecretList.as_view(), name="secrets"),
    path("secrets/<str:name>", SecretView.as_view(), name="secret"),
    path("signing-secret", SigningSecretView.as_view(), name="signing-secret"),
    path("signing-secret/rotate", SigningSecretRotation.as_view(), name="signing-secret-rotation"),
]
