"""The routes of schemas and records."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.core import clock
from kaireon.core.errors import ValidationFailed
from kaireon.core.rest import sent_json, validated
from kaireon.core.rest.schema import ERROR
from kaireon.customers.api.filters import RecordFilters
from kaireon.customers.api.serializers import RecordBody, RowsBody, SchemaBody, SchemaChanges, TallyBody
from kaireon.customers.models import Record, Schema
from kaireon.customers.records import delete_record, find_record, upsert_record, upsert_rows
from kaireon.customers.schemas import create_schema, delete_schema, find_schema, update_schema
from kaireon.events.capacity import admit


class SchemaCollection(ListAPIView[Schema]):
    """All schemas, and making new ones."""

    queryset = Schema.objects.order_by("id")
    serializer_class = SchemaBody

    @extend_schema(request=SchemaBody, responses={201: SchemaBody})
    def post(self, request: Request) -> Response:
        """Without `isDefault`, a schema becomes the default where there is none."""
        values = validated(SchemaBody, sent_json(request))
        schema = create_schema(schema_id=values.pop("id", None), now=clock.now(), **values)
        return Response(SchemaBody(schema).data, status=201)


class SchemaItem(APIView):
    """One schema."""

    @extend_schema(responses=SchemaBody)
    def get(self, request: Request, schema_id: str) -> Response:
        """The schema with its fields."""
        return Response(SchemaBody(find_schema(schema_id)).data)

    @extend_schema(request=SchemaChanges, responses=SchemaBody)
    def put(self, request: Request, schema_id: str) -> Response:
        """Changes what is given. While there are records, fields are only added."""
        values = validated(SchemaChanges, sent_json(request))
        _must_be_the_paths("id", values.pop("id", schema_id), schema_id)
        return Response(SchemaBody(update_schema(schema_id=schema_id, now=clock.now(), **values)).data)

    @extend_schema(request=SchemaChanges, responses=SchemaBody)
    def patch(self, request: Request, schema_id: str) -> Response:
        """The same as PUT."""
        return self.put(request, schema_id)

    @extend_schema(responses={204: None, 409: ERROR})
    def delete(self, request: Request, schema_id: str) -> Response:
        """Removes a schema without records."""
        delete_schema(schema_id=schema_id, now=clock.now())
        return Response(status=204)


class RecordItem(APIView):
    """The record of one customer in one schema."""

    @extend_schema(responses=RecordBody)
    def get(self, request: Request, schema_id: str, customer_id: str) -> Response:
        """The record."""
        find_schema(schema_id)
        return Response(RecordBody(find_record(schema_id=schema_id, customer_id=customer_id)).data)

    @extend_schema(request=RecordBody, responses={200: RecordBody, 201: RecordBody})
    def put(self, request: Request, schema_id: str, customer_id: str) -> Response:
        """Creates the record, or replaces all of its attributes."""
        return self._write(request, schema_id, customer_id, merge=False)

    @extend_schema(request=RecordBody, responses=RecordBody)
    def patch(self, request: Request, schema_id: str, customer_id: str) -> Response:
        """Lays the attributes over those of the record; null removes one."""
        return self._write(request, schema_id, customer_id, merge=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, schema_id: str, customer_id: str) -> Response:
        """Removes the record."""
        find_schema(schema_id)
        delete_record(schema_id=schema_id, customer_id=customer_id, now=clock.now())
        return Response(status=204)

    def _write(self, request: Request, schema_id: str, customer_id: str, *, merge: bool) -> Response:
        body = sent_json(request)
        admit(1)
        values = validated(RecordBody, body)
        _must_be_the_paths("customerId", values.get("customer_id", customer_id), customer_id)
        found, is_new = upsert_record(
            schema_id=schema_id,
            customer_id=customer_id,
            attributes=values["attributes"],
            merge=merge,
            now=clock.now(),
        )
        return Response(RecordBody(found).data, status=201 if is_new else 200)


class DataCollection(ListAPIView[Record]):
    """The records of a schema, and writing many at once."""

    queryset = Record.objects.order_by("customer_id")
    serializer_class = RecordBody
    filterset_class = RecordFilters

    def get_queryset(self) -> QuerySet[Record]:
        return super().get_queryset().filter(schema_id=self.kwargs.get("schema_id"))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        find_schema(self.kwargs["schema_id"])
        return super().list(request, *args, **kwargs)

    @extend_schema(request=RowsBody, responses={200: TallyBody})
    def post(self, request: Request, schema_id: str) -> Response:
        """Merges 1 to 1000 rows into their records, creating what is missing: all are valid or nothing is stored."""
        rows = validated(RowsBody, sent_json(request))["rows"]
        admit(len(rows))
        return Response(TallyBody(upsert_rows(schema_id=schema_id, rows=rows, now=clock.now())).data)


def _must_be_the_paths(field: str, given: str, expected: str) -> None:
    if given != expected:
        raise ValidationFailed.at(field, f"must be {expected!r}, as in the path, or be left out.")
