"""OpenAPI: every operation may answer with the one error shape."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

_error = inline_serializer(
    "ErrorBody",
    {
        "code": serializers.CharField(),
        "message": serializers.CharField(),
        "status": serializers.IntegerField(),
        "requestId": serializers.CharField(),
        "details": inline_serializer(
            "ErrorDetail", {"field": serializers.CharField(), "message": serializers.CharField()}, many=True
        ),
    },
)
ERROR = inline_serializer("Error", {"error": _error})


class ContractSchema(AutoSchema):
    """Adds the error answers that a route can give."""

    def get_tags(self) -> list[str]:
        tags: list[str] = super().get_tags()
        return [tag.replace("-", " ") for tag in tags]

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        statuses = ["401", "403", "429", "503"]
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses += ["400", "409", "413", "415"]
        elif "?" in self.path or self._is_list_view():
            statuses.append("400")
        if "{" in self.path:
            statuses.append("404")
        for status in statuses:
            # drf-spectacular has no types for what its subclasses may call.
            bodies.setdefault(status, self._get_response_for_code(ERROR, status))  # type: ignore[no-untyped-call]
        return bodies


class StrictBodies(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # untyped __init_subclass__
    """Says that unknown fields are refused, and that those which are only read may be sent back."""

    target_class = "kaireon.core.rest.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> dict[str, Any]:
        """The schema as drf-spectacular makes it, closed where it is a request's."""
        schema: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        if direction == "request":
            for name, field in self.target.fields.items():
                if field.read_only:
                    schema["properties"][name] = {"description": "Only read; may be sent back, and changes nothing."}
            schema["additionalProperties"] = False
        return schema
