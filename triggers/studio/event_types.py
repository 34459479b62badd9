"""What each of the platform's types of event means and carries; and the user's own types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaireon.events.ingestion import PLATFORM_EVENT_TYPES
from kaireon.events.names import event_types

Carried = tuple[str, str]
"""The path of a property, and what it is."""

_CUSTOMER_ID = "cust_78"
_SCHEMA = ("schemaId", "the schema of the record")
_OFFER = (("offerId", "the offer"), ("offerName", "its name"))
_SEGMENT = (("segmentId", "the segment"), ("segmentName", "its name"), _SCHEMA)
_SEGMENT_EXAMPLE = {"segmentId": "seg_well_off", "segmentName": "Well off", "schemaId": "schema_customer_profile"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """One of the platform's types. `properties` are those of a working example."""

    what: str
    carries: Sequence[Carried]
    properties: Mapping[str, Any]
    has_customer: bool = True


PLATFORM: Mapping[str, EventKind] = {
    "outcome.recorded": EventKind(
        what="An impression, a click, a conversion … was reported for a customer.",
        carries=(
            ("outcomeType", "what happened: impression, click, conversion …"),
            ("classification", "positive, neutral or negative"),
            *_OFFER,
            ("channelId", "the channel that led to it"),
            ("recommendationId", "the recommendation that it answers"),
            ("rank", "the offer's place in it"),
            ("conversionValue", "what it was worth"),
            ("metadata", "whatever the caller reported along, such as metadata.amount"),
            ("context", "what the caller said of the circumstances"),
        ),
        properties={
            "interactionId": "int_example",
            "outcomeType": "conversion",
            "outcome": "conversion",
            "classification": "positive",
            "offerId": "off_gold_card",
            "offerName": "Gold card",
            "channelId": "ch_push",
            "recommendationId": "rec_example",
            "rank": 1,
            "conversionValue": 750,
            "metadata": {"amount": 750},
            "context": {"page": "checkout"},
        },
    ),
    "customer.created": EventKind(
        what="A new record was written for a customer.",
        carries=(
            ("after", "the record's attributes, such as after.tier"),
            ("before", "nothing, since it is new"),
            ("changed", "the names of its attributes"),
            _SCHEMA,
        ),
        properties={
            "schemaId": "schema_customer_profile",
            "before": None,
            "after": {"tier": "silver"},
            "changed": ["tier"],
        },
    ),
    "customer.updated": EventKind(
        what="A customer's record was changed, by you or by a trigger or journey.",
        carries=(
            ("after", "the attributes as they are now, such as after.tier"),
            ("before", "the attributes as they were"),
            ("changed", "the names of those that differ"),
            _SCHEMA,
        ),
        properties={
            "schemaId": "schema_customer_profile",
            "before": {"tier": "silver"},
            "after": {"tier": "gold"},
            "changed": ["tier"],
        },
    ),
    "segment.entered": EventKind(
        what="A customer has come to meet a segment's criteria.", carries=_SEGMENT, properties=_SEGMENT_EXAMPLE
    ),
    "segment.exited": EventKind(
        what="A customer no longer meets a segment's criteria.", carries=_SEGMENT, properties=_SEGMENT_EXAMPLE
    ),
    "journey.completed": EventKind(
        what="A customer came to the end of a journey.",
        carries=(
            ("journeyId", "the journey"),
            ("journeyName", "its name"),
            ("enrollmentId", "the customer's way through it"),
            ("reason", "how it ended"),
            ("status", "completed, or exited"),
        ),
        properties={
            "journeyId": "jrn_loan_nurture",
            "journeyName": "Loan nurture",
            "enrollmentId": "enr_example",
            "reason": "nurtured",
            "status": "completed",
        },
    ),
    "offer.expired": EventKind(
        what="An offer reached its end date. The event has no customer.",
        carries=(*_OFFER, ("category", "its category"), ("endsAt", "when it ended")),
        properties={
            "offerId": "off_student_account",
            "offerName": "Student account",
            "category": "accounts",
            "endsAt": "2026-03-10T14:30:00Z",
        },
        has_customer=False,
    ),
    "budget.exhausted": EventKind(
        what="The last unit of an offer's budget was used. The event has no customer.",
        carries=(
            *_OFFER,
            ("limit", "the limit that was reached: maxImpressions, maxConversions or maxSpend"),
            ("budget", "all limits of the offer"),
            ("spent", "what has been used"),
        ),
        properties={
            "offerId": "off_cashback",
            "offerName": "Cashback weeks",
            "budget": {"maxConversions": 20},
            "spent": {"impressions": 310, "conversions": 20, "amount": 0},
            "limit": "maxConversions",
        },
        has_customer=False,
    ),
}


def offered_types() -> list[tuple[str, str]]:
    """The types to choose from, the platform's first, with a few words on each; then those that have been sent."""
    platform = [(event_type, PLATFORM[event_type].what) for event_type in PLATFORM_EVENT_TYPES]
    own = [(event_type, "Your own") for event_type in event_types() if event_type not in PLATFORM]
    return platform + own


def example_of(event_type: str) -> dict[str, Any]:
    """A working event of that type, as it is sent to POST /events."""
    kind = PLATFORM.get(event_type)
    customer = {"customerId": _CUSTOMER_ID} if kind is None or kind.has_customer else {}
    return {"eventType": event_type, **customer, "properties": dict(kind.properties) if kind else {}}
