"""Sending through channels: rendered here, written as rows in the caller's transaction, carried out by delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kaireon.core.copy_rows import copy_rows
from kaireon.core.ids import time_ordered_ids
from kaireon.core.json_values import encode
from kaireon.core.templating import RenderError, SecretMarkers
from kaireon.customers.schemas import RESERVED_FIELD_NAME
from kaireon.customers.working_set import WorkingSet
from kaireon.decisioning.amounts import as_number
from kaireon.decisioning.channel_configs import PreparedChannel, prepared
from kaireon.decisioning.channels import usable_channels
from kaireon.decisioning.models import Channel, ChannelType, InboxMessage, Offer
from kaireon.decisioning.offers import explain_unavailable
from kaireon.decisioning.recommending import Recommendation
from kaireon.delivery.mail import address_problem, subject_problem
from kaireon.delivery.outbox import NewDelivery, NewEmail, enqueue

INBOX_PREFIX = "msg_"
_INBOX_COLUMNS = (
    "id",
    "customer_id",
    "title",
    "body",
    "offer_id",
    "recommendation_id",
    "channel_id",
    "cause",
    "created_at",
    "read_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to one customer.

    `offer_id` is what templates call `offer`; without it, that is the first decision of `recommendation`. `event` is
    what they call so: a document, or {}. `source` and `source_id` are asked by the gate of delivery before anything is
    sent. `firing_id` is what receivers of webhooks deduplicate by (`webhook-id`): it must be another one for each
    message that is not a repetition.
    """

    channel_id: str
    customer_id: str
    event: Mapping[str, Any]
    offer_id: str | None = None
    recommendation: Recommendation | None = None
    source: str
    source_id: str
    firing_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The ids of what was written: deliveries (`dlv_…`), which are queued, or messages of the inbox (`msg_…`)."""

    ids: list[str]
    is_queued: bool


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing was written; `reason` says why, as a sentence without a capital."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInboxMessage:
    """A message for the inbox."""

    customer_id: str
    title: str
    body: str
    offer_id: str | None
    recommendation_id: str | None
    channel_id: str
    cause: str


Composed = NewDelivery | NewEmail | NewInboxMessage


def send(messages: Sequence[Outgoing], *, records: WorkingSet, now: datetime) -> list[Sent | NotSent]:
    """Renders `messages` and writes them in the caller's transaction, in one statement for each table.

    A channel that is gone or paused, an offer that is over, an address that is none, a template that fails: NotSent.
    """
    composed = compose(messages, records=records, now=now)
    delivery_ids = iter(enqueue([one for one in composed if isinstance(one, NewDelivery | NewEmail)]))
    inbox_ids = iter(_store([one for one in composed if isinstance(one, NewInboxMessage)], now=now))
    answers: list[Sent | NotSent] = []
    for one in composed:
        if isinstance(one, NotSent):
            answers.append(one)
        elif isinstance(one, NewInboxMessage):
            answers.append(Sent([next(inbox_ids)], is_queued=False))
        else:
            answers.append(Sent([next(delivery_ids)], is_queued=True))
    return answers


def compose(messages: Sequence[Outgoing], *, records: WorkingSet, now: datetime) -> list[Composed | NotSent]:
    """What `send` would write."""
    channels = usable_channels([message.channel_id for message in messages])
    offers = Offer.objects.in_bulk(sorted({offer_id for message in messages for offer_id in _offer_ids(message)}))
    if messages and records.default_schema_id is not None:
        records.load(records.default_schema_id, {message.customer_id for message in messages}, lock=False)
    return [_composed(message, channels[message.channel_id], offers, records, now=now) for message in messages]


def shown(composed: Composed) -> dict[str, Any]:
    """`composed` as JSON for whoever tries things out, secrets masked."""
    match composed:
        case NewDelivery():
            markers = SecretMarkers(composed.secret_nonce)
            return {
                "method": composed.method,
                "url": composed.url,
                "headers": markers.mask(dict(composed.headers)),
                "body": markers.mask(composed.body),
            }
        case NewEmail():
            sender = {"from": composed.sender} if composed.sender else {}
            return {**sender, "to": composed.recipient, "subject": composed.subject, "body": composed.text}
        case NewInboxMessage():
            return {"title": composed.title, "body": composed.body, "offerId": composed.offer_id}


def _offer_ids(message: Outgoing) -> list[str]:
    decided = [decision.offer_id for decision in message.recommendation.decisions] if message.recommendation else []
    return [message.offer_id, *decided] if message.offer_id else decided


def _composed(
    message: Outgoing, channel: Channel | str, offers: Mapping[str, Offer], records: WorkingSet, *, now: datetime
) -> Composed | NotSent:
    if isinstance(channel, str):
        return NotSent(channel)
    offer_id = next(iter(_offer_ids(message)), None)
    offer = offers.get(offer_id) if offer_id else None
    if offer_id and (problem := _offer_problem(offer_id, offer, now=now)):
        return NotSent(problem)
    context = {
        "customer": {
            **(records.default_attributes(message.customer_id) or {}),
            # No attribute can have this name.
            RESERVED_FIELD_NAME: message.customer_id,
        },
        "offer": _offer_document(offer) if offer else None,
        "recommendation": _recommendation_document(message.recommendation, offers),
        "event": message.event,
    }
    ready = prepared(channel.channel_type, channel.config)
    markers = SecretMarkers.new()
    try:
        values = ready.template.render(context, secret_marker=markers.mark)
    except RenderError as error:
        return NotSent(f"the channel {channel.pk} can't be rendered for this customer: {error}")
    match channel.channel_type:
        case ChannelType.EMAIL:
            return _email(message, channel, ready, values)
        case ChannelType.WEBHOOK:
            return _webhook(message, ready, values, markers)
    return NewInboxMessage(
        customer_id=message.customer_id,
        title=_text(values["title"]),
        body=_text(values["body"]),
        offer_id=offer_id,
        recommendation_id=message.recommendation.recommendation_id if message.recommendation else None,
        channel_id=channel.pk,
        cause=message.firing_id,
    )


def _offer_problem(offer_id: str, offer: Offer | None, *, now: datetime) -> str:
    if offer is None:
        return f"there is no offer {offer_id} any more."
    problem = explain_unavailable(offer, now=now)
    return f"the offer {offer_id} can't be sent: {problem}" if problem else ""


def _email(
    message: Outgoing, channel: Channel, ready: PreparedChannel, values: Mapping[str, Any]
) -> Composed | NotSent:
    recipient, subject = _text(values["to"]).strip(), _text(values["subject"])
    if not recipient:
        return NotSent(f"the customer has no address: to of the channel {channel.pk} renders to nothing.")
    for name, problem in (("to", address_problem(recipient)), ("subject", subject_problem(subject))):
        if problem:
            return NotSent(f"{name} of the channel {channel.pk} {problem}")
    return NewEmail(
        source=message.source,
        source_id=message.source_id,
        firing_id=message.firing_id,
        event_id=message.event_id,
        customer_id=message.customer_id,
        sender=ready.plain.get("from", ""),
        recipient=recipient,
        subject=subject,
        text=_text(values["body"]),
    )


def _webhook(
    message: Outgoing, ready: PreparedChannel, values: Mapping[str, Any], markers: SecretMarkers
) -> NewDelivery:
    return NewDelivery(
        source=message.source,
        source_id=message.source_id,
        firing_id=message.firing_id,
        event_id=message.event_id,
        customer_id=message.customer_id,
        url=ready.plain["url"],
        method="POST",
        headers={name: _text(value) for name, value in values["headers"].items()},
        body=values["bodyTemplate"],
        secret_nonce=markers.nonce,
    )


def _text(value: Any) -> str:
    """A lone placeholder keeps its JSON type, but here text is wanted."""
    if value is None:
        return ""
    # What PostgreSQL can't hold in a text; nothing readable is lost.
    return (value if isinstance(value, str) else encode(value).decode()).replace("\x00", "")


def _offer_document(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.pk,
        "name": offer.name,
        "category": offer.category,
        "tags": offer.tags,
        "priority": offer.priority,
        "businessValue": as_number(offer.business_value),
        "attributes": offer.attributes,
    }


def _recommendation_document(
    recommendation: Recommendation | None, offers: Mapping[str, Offer]
) -> dict[str, Any] | None:
    if recommendation is None:
        return None
    return {
        "id": recommendation.recommendation_id,
        "recommendationId": recommendation.recommendation_id,
        "customerId": recommendation.customer_id,
        "decisionFlowId": recommendation.flow_id,
        "count": len(recommendation.decisions),
        "decisions": [
            {
                **decision.as_json(),
                "offer": _offer_document(offers[decision.offer_id]) if decision.offer_id in offers else None,
            }
            for decision in recommendation.decisions
        ],
    }


def _store(messages: Sequence[NewInboxMessage], *, now: datetime) -> list[str]:
    if not messages:
        return []
    # Random within a millisecond; sorted, they keep the order of the messages.
    ids = sorted(time_ordered_ids(INBOX_PREFIX, len(messages)))
    copy_rows(
        InboxMessage,
        _INBOX_COLUMNS,
        [
            (
                message_id,
                message.customer_id,
                message.title,
                message.body,
                message.offer_id,
                message.recommendation_id,
                message.channel_id,
                message.cause,
                now,
                None,
            )
            for message_id, message in zip(ids, messages, strict=True)
        ],
    )
    return ids
