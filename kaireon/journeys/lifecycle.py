"""Creating, changing and deleting journeys: the change and its audit entry in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction

from audit.log import NewEntry, changes, record
from kaireon.core.errors import Conflict, InvalidTransition, NotFound, ValidationFailed
from kaireon.core.ids import slug_id
from kaireon.journeys.models import Catalogue, Enrolment, Journey, JourneyStatus

ID_PREFIX = "jrn_"
ALLOWED_TRANSITIONS: Mapping[str, frozenset[str]] = {
    JourneyStatus.DRAFT: frozenset({JourneyStatus.ACTIVE, JourneyStatus.ARCHIVED}),
    JourneyStatus.ACTIVE: frozenset({JourneyStatus.PAUSED, JourneyStatus.ARCHIVED}),
    JourneyStatus.PAUSED: frozenset({JourneyStatus.ACTIVE, JourneyStatus.ARCHIVED}),
    JourneyStatus.ARCHIVED: frozenset(),
}
_NEEDS_NODES = frozenset({JourneyStatus.ACTIVE, JourneyStatus.PAUSED})
_AUDITED = ("name", "description", "status", "max_duration_days", "definition")
_TRIES = 5


def check_transition(before: str, after: str) -> None:
    """Staying is fine; other moves must be among those allowed. Raises InvalidTransition."""
    if after == before or after in ALLOWED_TRANSITIONS[before]:
        return
    if not ALLOWED_TRANSITIONS[before]:
        raise InvalidTransition(f"A journey that is {before} stays so; make a new one with its definition instead.")
    allowed = " or ".join(sorted(ALLOWED_TRANSITIONS[before]))
    raise InvalidTransition(f"A journey that is {before} can only become {allowed}, not {after}.")


def find_journey(journey_id: str) -> Journey:
    """The journey with that id. Raises NotFound."""
    journey = Journey.objects.filter(pk=journey_id).first()
    if journey is None:
        raise _missing(journey_id)
    return journey


def create_journey(*, values: Mapping[str, Any], now: datetime) -> Journey:
    """A new journey from values that `read_journey` has checked. Raises ValidationFailed, or Conflict (id taken)."""
    given_id = values.get("id")
    fields = {name: value for name, value in values.items() if name not in {"id", "version"}}
    for _ in range(_TRIES):
        journey_id = given_id or slug_id(ID_PREFIX, values["name"], taken=_is_taken)
        journey = Journey(id=journey_id, created_at=now, updated_at=now, **fields)
        _check_nodes(journey)
        try:
            with transaction.atomic():
                journey.save(force_insert=True)
                _record("journey.created", journey, {"journey": _facts(journey)}, now=now)
                _announce_change()
            return journey
        except IntegrityError:
            # Somebody took the id between the look and the insert: a given one is refused, a slug is made anew.
            if given_id or not Journey.objects.filter(pk=journey_id).exists():
                break
    if Journey.objects.filter(pk=given_id).exists():
        raise Conflict(f"There is a journey {given_id!r} already; choose another id, or change that one.")
    raise Conflict("The id of the new journey was taken again and again; give one yourself.")


@transaction.atomic
def update_journey(*, journey_id: str, values: Mapping[str, Any], now: datetime) -> Journey:
    """Changes the fields in `values`, which `read_journey` has checked. Without a change nothing is written.

    Customers who are in the journey follow its new definition from where they are. Raises NotFound, ValidationFailed,
    InvalidTransition, and Conflict where `version` is given and another one was saved meanwhile.
    """
    journey = _hold(journey_id)
    values = dict(values)
    if values.pop("id", journey.pk) != journey.pk:
        raise ValidationFailed.at("id", "can't be changed; make a new journey instead.")
    if (version := values.pop("version", journey.version)) != journey.version:
        raise Conflict(
            f"Version {version} was changed meanwhile; the journey has version {journey.version}. Read it again."
        )
    before = _facts(journey)
    check_transition(journey.status, values.get("status", journey.status))
    for name, value in values.items():
        setattr(journey, name, value)
    _check_nodes(journey)
    changed = changes(before, _facts(journey))
    if not changed:
        return journey
    journey.version += 1
    journey.updated_at = now
    journey.save(update_fields=[*changed, "version", "updated_at"])
    _record_change(journey, changed, now=now)
    _announce_change()
    return journey


@transaction.atomic
def delete_journey(*, journey_id: str, now: datetime) -> None:
    """Deletes it. Its enrolments stay; those that are active are ended in the background. Raises NotFound."""
    journey = _hold(journey_id)
    _record("journey.deleted", journey, {"journey": _facts(journey)}, now=now)
    journey.delete()
    _announce_change()


def _hold(journey_id: str) -> Journey:
    """The journey, locked: nobody is enrolled until the change is committed."""
    journey = Journey.objects.select_for_update().filter(pk=journey_id).first()
    if journey is None:
        raise _missing(journey_id)
    return journey


def _missing(journey_id: str) -> NotFound:
    return NotFound(f"There is no journey {journey_id!r}.")


def _check_nodes(journey: Journey) -> None:
    if journey.status in _NEEDS_NODES and not journey.definition:
        raise ValidationFailed.at(
            "definition",
            f"is empty; a journey that is {journey.status} needs an entry_trigger and what comes after it.",
        )


def _record_change(journey: Journey, changed: Mapping[str, Any], *, now: datetime) -> None:
    """A change of status is an entry of its own; the rest of the change is another one."""
    parts = {
        "journey.status_changed": {name: change for name, change in changed.items() if name == "status"},
        "journey.updated": {name: change for name, change in changed.items() if name != "status"},
    }
    for action, part in parts.items():
        if part:
            _record(action, journey, {"version": journey.version, "changes": part}, now=now)


def _announce_change() -> None:
    """Makes workers compile again, from the next batch on."""
    Catalogue.objects.update_or_create(id=1, defaults={"token": uuid4()})


def _is_taken(journey_id: str) -> bool:
    """A deleted journey's id is not given out again: its enrolments would look like the new one's."""
    return Journey.objects.filter(pk=journey_id).exists() or Enrolment.objects.filter(journey_id=journey_id).exists()


def _facts(journey: Journey) -> dict[str, Any]:
    return {name: getattr(journey, name) for name in _AUDITED}


def _record(action: str, journey: Journey, facts: Mapping[str, Any], *, now: datetime) -> None:
    record(NewEntry(action=action, subject=journey.pk, facts=facts, at=now))
