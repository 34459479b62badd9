"""Creating, changing and deleting offers: the change, its audit entry and what it publishes in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from audit.log import NewEntry, changes, record
from kaireon.core.clock import iso
from kaireon.core.errors import Conflict, Detail, NotFound, ValidationFailed
from kaireon.core.ids import slug_id
from kaireon.decisioning.amounts import as_number
from kaireon.decisioning.budgets import budget_of, reached_limit, tell_if_exhausted
from kaireon.decisioning.eligibility import checked_eligibility
from kaireon.decisioning.models import Interaction, Offer

ID_PREFIX = "off_"
_TRIES = 5


def create_offer(*, values: Mapping[str, Any], now: datetime) -> Offer:
    """A new offer from values whose types the API has checked.

    Raises ValidationFailed, or Conflict where its id is taken.
    """
    given_id = values.get("id")
    fields = {name: value for name, value in values.items() if name != "id"}
    for _ in range(_TRIES):
        offer_id = given_id or slug_id(ID_PREFIX, values["name"], taken=_is_taken)
        offer = Offer(id=offer_id, created_at=now, updated_at=now, **fields)
        _check(offer)
        try:
            with transaction.atomic():
                offer.save(force_insert=True)
                record(NewEntry(action="offer.created", subject=offer.pk, facts={"offer": _facts(offer)}, at=now))
            return offer
        except IntegrityError:
            # Somebody took the id between the look and the insert: a given one is refused, a slug is made anew.
            if given_id or not Offer.objects.filter(pk=offer_id).exists():
                break
    if Offer.objects.filter(pk=given_id).exists():
        raise Conflict(f"There is an offer {given_id!r} already; choose another id, or change that one.")
    raise Conflict("The id of the new offer was taken again and again; give one yourself.")


@transaction.atomic
def update_offer(*, offer_id: str, values: Mapping[str, Any], now: datetime) -> Offer:
    """Changes the fields in `values`. Without a change nothing is written.

    An end that is moved away takes back that the offer has expired, and a budget that has room again that it was
    exhausted: both can then happen, and be told, once more. A budget cut down to what is spent is exhausted at once.
    Raises NotFound and ValidationFailed.
    """
    offer = _hold(offer_id)
    values = dict(values)
    if values.pop("id", offer.pk) != offer.pk:
        raise ValidationFailed.at("id", "can't be changed; make a new offer instead.")
    before = _facts(offer)
    for name, value in values.items():
        setattr(offer, name, value)
    _check(offer)
    changed = changes(before, _facts(offer))
    if not changed:
        return offer
    if offer.ends_at is None or offer.ends_at > now:
        offer.expired_at = None
    if reached_limit(offer) is None:
        offer.exhausted_at = None
    offer.updated_at = now
    _record_change(offer, changed, now=now)
    tell_if_exhausted(offer, now=now)
    offer.save(update_fields=[*values, "expired_at", "exhausted_at", "updated_at"])
    return offer


@transaction.atomic
def delete_offer(*, offer_id: str, now: datetime) -> None:
    """Deletes it; its outcomes and audit entries stay. Raises NotFound."""
    offer = _hold(offer_id)
    record(NewEntry(action="offer.deleted", subject=offer.pk, facts={"offer": _facts(offer)}, at=now))
    offer.delete()


def _hold(offer_id: str) -> Offer:
    offer = Offer.objects.select_for_update().filter(pk=offer_id).first()
    if offer is None:
        raise NotFound(f"There is no offer {offer_id!r}.")
    return offer


def _check(offer: Offer) -> None:
    problems: list[Detail] = []
    if offer.starts_at is not None and offer.ends_at is not None and offer.starts_at >= offer.ends_at:
        problems.append(Detail("endsAt", f"must be later than startsAt, which is {iso(offer.starts_at)}."))
    try:
        offer.eligibility = checked_eligibility(offer.eligibility)
    except ValidationFailed as error:
        problems += error.details
    if problems:
        raise ValidationFailed.of(problems)


def _record_change(offer: Offer, changed: Mapping[str, Any], *, now: datetime) -> None:
    """A change of status is an entry of its own; the rest of the change is another one."""
    parts = {
        "offer.status_changed": {name: change for name, change in changed.items() if name == "status"},
        "offer.updated": {name: change for name, change in changed.items() if name != "status"},
    }
    record(
        *(
            NewEntry(action=action, subject=offer.pk, facts={"changes": part}, at=now)
            for action, part in parts.items()
            if part
        )
    )


def _is_taken(offer_id: str) -> bool:
    """A deleted offer's id is not given out again: its outcomes would look like the new one's."""
    return Offer.objects.filter(pk=offer_id).exists() or Interaction.objects.filter(offer_id=offer_id).exists()


def _facts(offer: Offer) -> dict[str, Any]:
    """What the audit log tells of an offer."""
    return {
        "name": offer.name,
        "status": offer.status,
        "category": offer.category,
        "tags": offer.tags,
        "priority": offer.priority,
        "businessValue": as_number(offer.business_value),
        "startsAt": offer.starts_at and iso(offer.starts_at),
        "endsAt": offer.ends_at and iso(offer.ends_at),
        "eligibility": offer.eligibility,
        "attributes": offer.attributes,
        "budget": budget_of(offer),
        "costPerOutcome": None if offer.cost_per_outcome is None else as_number(offer.cost_per_outcome),
    }
