"""JSON in and out by msgspec: strict about what it reads, quick about what it writes."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework import parsers, renderers

from kaireon.core.errors import MalformedJson, PayloadTooLarge
from kaireon.core.json_values import decode, encode


class JSONParser(parsers.BaseParser):
    """Reads a JSON body of at most `settings.MAX_BODY_BYTES`. Raises MalformedJson, PayloadTooLarge."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        return read_json(stream)


def read_json(stream: Any) -> Any:
    """The JSON value that `stream` holds."""
    limit: int = settings.MAX_BODY_BYTES
    raw = stream.read(limit + 1)
    if len(raw) > limit:
        raise PayloadTooLarge(f"The body is over {limit // 1024**2} MiB; send it in several requests.")
    if not raw:
        raise MalformedJson("The body is empty; send a JSON value.")
    return decode(raw)


class JSONRenderer(renderers.BaseRenderer):
    """Writes compact UTF-8 JSON; moments as ISO 8601 in UTC."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else encode(data)
