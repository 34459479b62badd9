"""Recording what a customer did with an offer: the interaction, its event and what it spends, in one transaction."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from django.db import IntegrityError, transaction

from kaireon.core.errors import Conflict, ValidationFailed
from kaireon.core.ids import derived_id, time_ordered_id
from kaireon.core.json_values import check_json, encode
from kaireon.decisioning.amounts import as_number
from kaireon.decisioning.budgets import spend, usage_of
from kaireon.decisioning.models import Channel, Interaction, Offer, Recommendation
from kaireon.decisioning.outcome_types import OutcomeKind, resolve
from kaireon.events.ingestion import MAX_PROPERTIES_BYTES, MAX_PROPERTIES_DEPTH
from kaireon.events.publish import NewEvent, publish

RECORDED = "outcome.recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a caller reports. `outcome` is a key or an alias; what was not said is None."""

    customer_id: str
    outcome: str
    recommendation_id: str | None = None
    rank: int | None = None
    offer_id: str | None = None
    channel_id: str | None = None
    conversion_value: Decimal | None = None
    metadata: Mapping[str, Any] | None = None
    context: Mapping[str, Any] | None = None
    occurred_at: datetime | None = None


class Recorded(NamedTuple):
    """What is stored under an idempotency key, and whether it was stored just now."""

    interaction: Interaction
    is_new: bool


class _Offered(NamedTuple):
    """What the outcome is about. `offer` is None where it was deleted after it had been recommended."""

    offer_id: str | None = None
    offer_name: str | None = None
    offer: Offer | None = None


def respond(response: Response, *, idempotency_key: str, cause: str = "", depth: int = 0, now: datetime) -> Recorded:
    """Records `response` and publishes `outcome.recorded`; the same again gives what was recorded the first time.

    Raises ValidationFailed with a path as the API has it, and Conflict where the key came with another body. Of any
    number of calls with one key at once, the unique constraint lets one record.
    """
    fingerprint = _fingerprint(response)
    first = _recorded_before(idempotency_key, fingerprint)
    if first is not None:
        return Recorded(first, is_new=False)
    kind = _kind(response.outcome)
    offered = _offered(response)
    if response.channel_id is not None and not Channel.objects.filter(pk=response.channel_id).exists():
        raise ValidationFailed.at("channelId", f"There is no channel {response.channel_id!r}.")
    interaction = Interaction(
        id=time_ordered_id("int_"),
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        customer_id=response.customer_id,
        outcome=kind.key,
        classification=kind.classification,
        offer_id=offered.offer_id,
        channel_id=response.channel_id,
        recommendation_id=response.recommendation_id,
        rank=response.rank,
        conversion_value=response.conversion_value,
        metadata=response.metadata or {},
        context=response.context or {},
        occurred_at=response.occurred_at or now,
        recorded_at=now,
    )
    interaction.event_id = derived_id("evt_", interaction.pk)
    properties = _properties(interaction, response, offered)
    try:
        with transaction.atomic():
            interaction.save(force_insert=True)
            event = NewEvent(
                event_type=RECORDED,
                customer_id=interaction.customer_id,
                properties=properties,
                source="outcomes",
                event_id=interaction.event_id,
                occurred_at=interaction.occurred_at,
                cause=cause,
                depth=depth,
            )
            publish([event], now=now)
            if offered.offer is not None:
                usage = usage_of(
                    kind,
                    conversion_value=response.conversion_value,
                    cost_per_outcome=offered.offer.cost_per_outcome,
                )
                spend(offer_id=offered.offer.pk, usage=usage, cause=cause, depth=depth, now=now)
    except IntegrityError:
        # Another call with this key was quicker, and has committed by now.
        first = _recorded_before(idempotency_key, fingerprint)
        if first is None:
            raise
        return Recorded(first, is_new=False)
    return Recorded(interaction, is_new=True)


def _fingerprint(response: Response) -> str:
    """The same for the same body, whatever the order of its keys."""
    said = {name: value for name, value in asdict(response).items() if value is not None}
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def _recorded_before(idempotency_key: str, fingerprint: str) -> Interaction | None:
    first = Interaction.objects.filter(idempotency_key=idempotency_key).first()
    # Of a customer who was erased there is none any more: the key alone says that it is the same.
    if first is not None and first.fingerprint not in ("", fingerprint):
        raise Conflict(
            f"The idempotency key {idempotency_key!r} came with another body before. Repeat that body to have its"
            " answer again, or send a new key for a new outcome."
        )
    return first


def _kind(outcome: str) -> OutcomeKind:
    kind = resolve(outcome)
    if kind is None:
        raise ValidationFailed.at(
            "outcome", f"There is no outcome type {outcome!r}; GET /api/v1/outcome-types lists those there are."
        )
    return kind


def _offered(response: Response) -> _Offered:
    """The offer that the outcome is about, named by itself or by its place in a recommendation."""
    offer_id, offer_name = response.offer_id, None
    if response.recommendation_id is not None or response.rank is not None:
        offer_id, offer_name = _decision(response)
    if offer_id is None:
        return _Offered()
    offer = Offer.objects.filter(pk=offer_id).only("id", "name", "cost_per_outcome").first()
    if offer is None and offer_name is None:
        raise ValidationFailed.at("offerId", f"There is no offer {offer_id!r}.")
    return _Offered(offer_id, offer_name if offer is None else offer.name, offer)


def _decision(response: Response) -> tuple[str, str]:
    """The id and name of the offer that was recommended at that rank."""
    if response.recommendation_id is None:
        raise ValidationFailed.at("recommendationId", "is required beside rank.")
    if response.rank is None:
        raise ValidationFailed.at("rank", "is required beside recommendationId: which of its decisions, from 1.")
    recommendation = Recommendation.objects.filter(
        pk=response.recommendation_id, customer_id=response.customer_id
    ).first()
    if recommendation is None:
        raise ValidationFailed.at(
            "recommendationId", f"There is no recommendation {response.recommendation_id!r} for this customer."
        )
    decision = next((made for made in recommendation.decisions if made["rank"] == response.rank), None)
    if decision is None:
        count = len(recommendation.decisions)
        raise ValidationFailed.at(
            "rank", f"must be 1 to {count}." if count else "names nothing: it decided on no offer."
        )
    if response.offer_id is not None and response.offer_id != decision["offerId"]:
        raise ValidationFailed.at(
            "offerId", f"is another offer than {decision['offerId']}, which stands at that rank; leave it out."
        )
    return decision["offerId"], decision["offerName"]


def _properties(interaction: Interaction, response: Response, offered: _Offered) -> dict[str, Any]:
    """What `outcome.recorded` tells; what was not said is left out. Raises ValidationFailed where it is too much."""
    value = response.conversion_value
    told = {
        "interactionId": interaction.pk,
        "outcomeType": interaction.outcome,
        "outcome": interaction.outcome,
        "classification": interaction.classification,
        "offerId": offered.offer_id,
        "offerName": offered.offer_name,
        "channelId": response.channel_id,
        "recommendationId": response.recommendation_id,
        "rank": response.rank,
        "conversionValue": None if value is None else as_number(value),
        "metadata": response.metadata,
        "context": response.context,
    }
    properties = {name: fact for name, fact in told.items() if fact is not None}
    size = len(encode(properties))
    if size > MAX_PROPERTIES_BYTES:
        raise ValidationFailed.at(
            "metadata", f"and context make an event of {size:,} bytes; at most {MAX_PROPERTIES_BYTES:,} are allowed."
        )
    check_json(properties, path="", max_bytes=MAX_PROPERTIES_BYTES, max_depth=MAX_PROPERTIES_DEPTH)
    return properties
