"""What every API view of the house shares: strict bodies, one error shape, one way of paging."""

from kaireon.core.rest.exceptions import error_response, exception_handler
from kaireon.core.rest.fields import Choice, Flag, IdText, Items, JSONObjectField, JSONValueField, Line, Text, Whole
from kaireon.core.rest.pagination import OffsetPagination
from kaireon.core.rest.parsers import JSONParser, JSONRenderer, expect_no_body, sent_json
from kaireon.core.rest.serializers import StrictSerializer, check_is_object, validated

__all__ = [
    "Choice",
    "Flag",
    "IdText",
    "Items",
    "JSONObjectField",
    "JSONParser",
    "JSONRenderer",
    "JSONValueField",
    "Line",
    "OffsetPagination",
    "StrictSerializer",
    "Text",
    "Whole",
    "check_is_object",
    "error_response",
    "exception_handler",
    "expect_no_body",
    "sent_json",
    "validated",
]
