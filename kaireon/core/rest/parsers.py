"""JSON in and out by msgspec: strict about what it reads, quick about what it writes."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework import parsers, renderers
from rest_framework.request import Request

from kaireon.core.errors import MalformedJson, PayloadTooLarge, UnsupportedMediaType, ValidationFailed
from kaireon.core.json_values import decode, encode

_PLAIN_ENCODINGS = {"", "identity"}


class JSONParser(parsers.BaseParser):
    """Reads a JSON body of at most `settings.MAX_BODY_BYTES`.

    Raises MalformedJson, PayloadTooLarge, and UnsupportedMediaType for a compressed one.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        encoding = (parser_context or {})["request"].headers.get("Content-Encoding", "")
        if encoding.strip().lower() not in _PLAIN_ENCODINGS:
            raise UnsupportedMediaType("Send the body uncompressed, without Content-Encoding.")
        return _read_json(stream)


def sent_json(request: Request) -> Any:
    """The JSON value that came as the body. Where none came DRF gives an empty object, which nobody sent.

    Raises what JSONParser raises, and DRF's UnsupportedMediaType.
    """
    if request.stream is None:
        raise MalformedJson("The body is empty; send a JSON value.")
    return request.data


def expect_no_body(request: Request) -> None:
    """For calls that say everything by their path. An empty object passes, since many programs send one.

    Raises what JSONParser raises, DRF's UnsupportedMediaType, and ValidationFailed.
    """
    if request.stream is not None and request.data != {}:
        raise ValidationFailed.at("", "This call takes no body; leave it out, or send {}.")


def _read_json(stream: Any) -> Any:
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
