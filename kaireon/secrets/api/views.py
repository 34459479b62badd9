"""GET, POST /secrets; PUT, DELETE /secrets/{name}; GET /signing-secret; POST /signing-secret/rotate. Admins only."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT
from rest_framework.views import APIView

from kaireon.accounts.permissions import ADMIN_ONLY
from kaireon.core import clock
from kaireon.core.rest import expect_no_body, sent_json, validated
from kaireon.secrets import signing, vault
from kaireon.secrets.api.serializers import (
    NewSecretSerializer,
    SecretSerializer,
    SecretValueSerializer,
    SigningSecretSerializer,
)
from kaireon.secrets.models import Secret


class SecretList(ListAPIView[Secret]):
    """All secrets by name, and the way to add one."""

    abilities = ADMIN_ONLY
    queryset = Secret.objects.order_by("name")
    serializer_class = SecretSerializer

    @extend_schema(operation_id="secrets_list", summary="List secrets, without their values")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="secrets_create",
        summary="Add a secret",
        request=NewSecretSerializer,
        responses={201: SecretSerializer},
    )
    def post(self, request: Request) -> Response:
        secret = vault.create_secret(**validated(NewSecretSerializer, sent_json(request)))
        return Response(SecretSerializer(secret).data, status=HTTP_201_CREATED)


class SecretView(APIView):
    """One secret."""

    abilities = ADMIN_ONLY

    @extend_schema(
        operation_id="secrets_set",
        summary="Set a secret's value; one that does not exist is created",
        request=SecretValueSerializer,
        responses={200: SecretSerializer, 201: SecretSerializer},
    )
    def put(self, request: Request, name: str) -> Response:
        secret, is_new = vault.set_secret(name=name, **validated(SecretValueSerializer, sent_json(request)))
        return Response(SecretSerializer(secret).data, status=HTTP_201_CREATED if is_new else HTTP_200_OK)

    @extend_schema(
        operation_id="secrets_delete",
        summary="Delete a secret",
        request=None,
        responses={204: OpenApiResponse(description="Deleted.")},
    )
    def delete(self, request: Request, name: str) -> Response:
        vault.delete_secret(name=name)
        return Response(status=HTTP_204_NO_CONTENT)


class SigningSecretView(APIView):
    """The secret that receivers verify signatures with."""

    abilities = ADMIN_ONLY

    @extend_schema(
        operation_id="signing_secret_retrieve",
        summary="Read the signing secret of webhooks",
        responses={200: SigningSecretSerializer},
    )
    def get(self, request: Request) -> Response:
        return Response(SigningSecretSerializer(signing.current(now=clock.now())).data)


class SigningSecretRotation(APIView):
    """The way to a new signing secret."""

    abilities = ADMIN_ONLY

    @extend_schema(
        operation_id="signing_secret_rotate",
        summary="Make a new signing secret; the old one also signs for a day",
        request=None,
        responses={200: SigningSecretSerializer},
    )
    def post(self, request: Request) -> Response:
        expect_no_body(request)
        return Response(SigningSecretSerializer(signing.rotate(now=clock.now())).data)
