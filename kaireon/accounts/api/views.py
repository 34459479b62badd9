"""GET and POST /keys, GET and DELETE /keys/{id}."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from kaireon.accounts.api.serializers import IssuedKeySerializer, KeySerializer, NewKeySerializer
from kaireon.accounts.keys import create_key, revoke_key
from kaireon.accounts.models import ApiKey
from kaireon.accounts.permissions import ADMIN_ONLY
from kaireon.core.errors import NotFound
from kaireon.core.rest import sent_json, validated


class KeyList(ListAPIView[ApiKey]):
    """All keys, revoked ones too, newest first; and issuing one."""

    abilities = ADMIN_ONLY
    queryset = ApiKey.objects.all()
    serializer_class = KeySerializer

    @extend_schema(operation_id="keys_list", summary="List API keys, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="keys_create",
        summary="Issue an API key; this answer alone shows it",
        request=NewKeySerializer,
        responses={201: IssuedKeySerializer},
    )
    def post(self, request: Request) -> Response:
        new = validated(NewKeySerializer, sent_json(request))
        key, plain = create_key(name=new["name"], role=new["role"])
        return Response(
            {**KeySerializer(key).data, "key": plain},
            status=status.HTTP_201_CREATED,
            headers={"Cache-Control": "no-store"},
        )


class KeyView(GenericAPIView[ApiKey]):
    """One key."""

    abilities = ADMIN_ONLY
    queryset = ApiKey.objects.all()
    serializer_class = KeySerializer

    @extend_schema(operation_id="keys_retrieve", summary="Read one API key, without the key itself")
    def get(self, request: Request, key_id: str) -> Response:
        return Response(KeySerializer(_key(key_id)).data)

    @extend_schema(operation_id="keys_revoke", summary="Revoke an API key at once; it stays listed")
    def delete(self, request: Request, key_id: str) -> Response:
        revoke_key(key=_key(key_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _key(key_id: str) -> ApiKey:
    key = ApiKey.objects.filter(pk=key_id).first() if "\x00" not in key_id else None
    if key is None:
        raise NotFound(f"There is no API key {key_id}.")
    return key
