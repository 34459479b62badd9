"""Creating, changing and deleting segments, each with its audit entry in the same transaction.

New criteria are tried on the stored records in the background (see `reevaluation`); a record that changes is judged by
them from the commit on (see `memberships`).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import BigIntegerField, QuerySet
from django.db.models.expressions import RawSQL

from audit.log import NewEntry, changes, record
from audit.models import Entry
from kaireon.conditions.values import json_equal
from kaireon.core.errors import Conflict, NotFound, ValidationFailed
from kaireon.core.ids import GIVEN_ID, GIVEN_ID_RULE, slug_id
from kaireon.customers import reevaluation
from kaireon.customers.criteria import check_criteria
from kaireon.customers.memberships import hold_segments_alone
from kaireon.customers.models import Record, Schema, Segment
from kaireon.customers.schema_facts import SchemaFacts, find_facts, locked_facts

NAME_MAX_LENGTH = 255
ID_PREFIX = "seg_"
MAX_SEGMENTS = 500
"""Of one schema: each of them is asked about each record that changes."""
MOST_MEMBERS_COUNTED = 1_000_000

_SEGMENTS_OF = """
    SELECT membership.customer_id, membership.segment_id
    FROM customers_membership membership JOIN customers_segment segment ON segment.id = membership.segment_id
    WHERE membership.customer_id = ANY(%(customers)s::text[])
      AND (%(schema)s::text IS NULL OR segment.schema_id = %(schema)s::text)
    ORDER BY membership.customer_id, membership.segment_id
"""
_MEMBER_COUNT = """
    (SELECT count(*) FROM (
        SELECT FROM customers_membership WHERE segment_id = customers_segment.id LIMIT %s
    ) AS members)
"""


def segments_of(customer_ids: Collection[str], *, schema_id: str | None = None) -> dict[str, list[str]]:
    """The ids of the segments, sorted, that each of these customers is in; an empty list for who is in none.

    Of all schemas, or of that one. One query.
    """
    found: dict[str, list[str]] = {customer_id: [] for customer_id in customer_ids}
    if found:
        with connection.cursor() as cursor:
            cursor.execute(_SEGMENTS_OF, {"customers": list(found), "schema": schema_id})
            for customer_id, segment_id in cursor.fetchall():
                found[customer_id].append(segment_id)
    return found


def find_segment(segment_id: str) -> Segment:
    """The segment with that id, and its `member_count`. Raises NotFound."""
    segment = None
    if GIVEN_ID.match(segment_id):
        segment = with_member_counts(Segment.objects.filter(pk=segment_id)).first()
    if segment is None:
        raise no_such_segment(segment_id)
    return segment


def with_member_counts(segments: QuerySet[Segment]) -> QuerySet[Segment]:
    """The segments with `member_count`, in one query. Counting, in an index, ends at `MOST_MEMBERS_COUNTED`."""
    return segments.annotate(member_count=RawSQL(_MEMBER_COUNT, [MOST_MEMBERS_COUNTED], output_field=BigIntegerField()))


@transaction.atomic
def create_segment(
    *, name: str, criteria: object, schema_id: str | None = None, segment_id: str | None = None, now: datetime
) -> Segment:
    """A new segment, in the default schema unless another one is given; its members are found in the background.

    Raises ValidationFailed (with paths such as `criteria.all[0].field`), or Conflict where the id is taken.
    """
    _check_name(name)
    if segment_id is not None and not GIVEN_ID.match(segment_id):
        raise ValidationFailed.at("id", f"must be {GIVEN_ID_RULE}.")
    facts = _facts_for_new(schema_id)
    checked = _checked(criteria, facts)
    if Segment.objects.filter(schema_id=facts.id).count() >= MAX_SEGMENTS:
        raise Conflict(f"{facts.id} has {MAX_SEGMENTS} segments, and that is as many as it can have; delete one first.")
    segment = Segment(
        id=segment_id or slug_id(ID_PREFIX, name, taken=_is_taken),
        name=name,
        schema_id=facts.id,
        criteria=checked,
        created_at=now,
        updated_at=now,
        progressed_at=now,
    )
    _begin_evaluation(segment, now=now)
    try:
        with transaction.atomic():
            segment.save(force_insert=True)
    except IntegrityError:
        raise Conflict(f"There is a segment {segment.pk!r} already; choose another id, or change that one.") from None
    record(NewEntry(action="segment.created", subject=segment.pk, facts=_snapshot(segment), at=now))
    return segment


@transaction.atomic
def update_segment(
    *,
    segment_id: str,
    name: str | None = None,
    criteria: object = None,
    schema_id: str | None = None,
    version: int | None = None,
    now: datetime,
) -> Segment:
    """The segment with what was given changed; None leaves a thing as it is. Where nothing changes, nothing is written.

    Other criteria are tried on all records in the background; until a record's turn comes, or it changes, its
    membership is that of before. Raises NotFound, ValidationFailed, and Conflict where `version` is given and another
    one was saved meanwhile.
    """
    segment = None
    if GIVEN_ID.match(segment_id):
        segment = Segment.objects.select_for_update(no_key=True).filter(pk=segment_id).first()
    if segment is None:
        raise no_such_segment(segment_id)
    if version is not None and version != segment.version:
        raise Conflict(
            f"Version {version} was changed meanwhile; the segment has version {segment.version}. Read it again."
        )
    if schema_id is not None and schema_id != segment.schema_id:
        raise ValidationFailed.at("schemaId", "can't be changed; make a new segment instead.")
    before = _snapshot(segment)
    if name is not None:
        _check_name(name)
        segment.name = name
    if criteria is not None:
        segment.criteria = _checked(criteria, locked_facts(segment.schema_id))
    after = _snapshot(segment)
    changed = changes(before, after)
    # To Python true is 1.
    if "criteria" not in changed and not json_equal(before["criteria"], after["criteria"]):
        changed["criteria"] = {"before": before["criteria"], "after": after["criteria"]}
    if not changed:
        return segment
    segment.version += 1
    segment.updated_at = now
    if "criteria" in changed:
        _begin_evaluation(segment, now=now)
    segment.save()
    record(
        NewEntry(
            action="segment.updated", subject=segment.pk, facts={"version": segment.version, "changes": changed}, at=now
        )
    )
    return segment


@transaction.atomic
def delete_segment(*, segment_id: str, now: datetime) -> None:
    """Removes the segment with its memberships; nobody exits, and no event tells of it, the audit log does.

    Writers of the schema's records wait meanwhile. Raises NotFound.
    """
    hold_segments_alone(find_segment(segment_id).schema_id)
    segment = Segment.objects.select_for_update().filter(pk=segment_id).first()
    if segment is None:
        raise no_such_segment(segment_id)
    record(NewEntry(action="segment.deleted", subject=segment.pk, facts=_snapshot(segment), at=now))
    segment.delete()


def no_such_segment(segment_id: str) -> NotFound:
    """The error to raise."""
    return NotFound(f"There is no segment {segment_id!r}.")


def _begin_evaluation(segment: Segment, *, now: datetime) -> None:
    """From the first record on, once this is committed."""
    segment.is_evaluating = True
    segment.writers_have_passed = False
    segment.cursor = ""
    segment.done = 0
    segment.total = Record.objects.filter(schema_id=segment.schema_id).count()
    segment.progressed_at = now
    transaction.on_commit(lambda: reevaluation.wake(segment.pk))


def _facts_for_new(schema_id: str | None) -> SchemaFacts:
    """The schema, held so that it is not deleted before the segment is there."""
    wanted = schema_id or Schema.objects.filter(is_default=True).values_list("pk", flat=True).first()
    if wanted is None:
        raise ValidationFailed.at("schemaId", "is required, since there is no default schema.")
    facts = find_facts(wanted, lock=True)
    if facts is None:
        raise ValidationFailed.at("schemaId", f"there is no schema {wanted!r}; see GET /schemas.")
    return facts


def _checked(criteria: object, facts: SchemaFacts) -> dict[str, Any]:
    try:
        return check_criteria(criteria, facts=facts)
    except ValidationFailed as error:
        raise error.under("criteria") from None


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= NAME_MAX_LENGTH:
        raise ValidationFailed.at("name", f"must be 1 to {NAME_MAX_LENGTH} characters.")


def _is_taken(segment_id: str) -> bool:
    """A deleted segment's id is not given out again: its history would look like the new one's."""
    return (
        Segment.objects.filter(pk=segment_id).exists()
        or Entry.objects.filter(action="segment.created", subject=segment_id).exists()
    )


def _snapshot(segment: Segment) -> dict[str, Any]:
    """What the audit log tells of a segment."""
    return {"name": segment.name, "schemaId": segment.schema_id, "criteria": segment.criteria}
