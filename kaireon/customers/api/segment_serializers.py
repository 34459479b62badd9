"""Bodies of the routes of segments."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kaireon.core.rest import IdText, JSONObjectField, StrictSerializer, Text, Whole
from kaireon.customers.models import Segment
from kaireon.customers.segments import NAME_MAX_LENGTH


class ProgressBody(serializers.Serializer[Any]):
    """How far a re-evaluation is."""

    done = serializers.IntegerField()
    total = serializers.IntegerField()


class SegmentBody(StrictSerializer):
    """A segment, as it is sent on creation and answered."""

    id = IdText(required=False)
    name = Text(max_length=NAME_MAX_LENGTH)
    schemaId = IdText(source="schema_id", required=False)
    # The grammar bounds a condition's depth and says so with a path; the bound here is only there against abuse.
    criteria = JSONObjectField(max_depth=64)
    version = Whole(
        required=False, help_text="On a change: refused with 409 if the segment has another version by now."
    )
    memberCount = serializers.IntegerField(source="member_count", read_only=True, help_text="Counted up to 1,000,000.")
    progress = serializers.SerializerMethodField()
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)

    @extend_schema_field(ProgressBody(allow_null=True, help_text="While it is being re-evaluated, else null."))
    def get_progress(self, segment: Segment) -> dict[str, int] | None:
        if not segment.is_evaluating:
            return None
        # Records that came meanwhile are done as well.
        return {"done": segment.done, "total": max(segment.done, segment.total)}


class SegmentChanges(SegmentBody):
    """What is to change of a segment; the rest stays."""

    name = Text(required=False, max_length=NAME_MAX_LENGTH)
    criteria = JSONObjectField(required=False, max_depth=64)


class MemberBody(serializers.Serializer[Any]):
    """A customer who is in a segment, and since when."""

    customerId = serializers.CharField(source="customer_id")
    enteredAt = serializers.DateTimeField(source="entered_at")
