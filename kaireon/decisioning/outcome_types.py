"""Which outcomes there are: those of the product, and the installation's own.

The product's stand here and not in the database: they are the same everywhere, nobody can change or delete them, and
telling that "convert" means "conversion" costs no query.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from audit.log import NewEntry, changes, record
from kaireon.core.errors import Conflict, Detail, NotFound, ValidationFailed
from kaireon.decisioning.models import Classification, OutcomeType

MAX_OWN_TYPES = 500
MAX_ALIASES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeKind:
    """An outcome type, wherever it stands. `key` is the one name by which outcomes are stored and published."""

    key: str
    label: str
    classification: str
    counts_as_impression: bool = False
    counts_as_conversion: bool = False
    aliases: tuple[str, ...] = ()
    is_system: bool = True
    created_at: datetime | None = None
    updated_at: datetime | None = None


def _kind(key: str, label: str, classification: Classification, **more: Any) -> OutcomeKind:
    return OutcomeKind(key=key, label=label, classification=classification.value, **more)


SYSTEM_TYPES: Mapping[str, OutcomeKind] = {
    kind.key: kind
    for kind in (
        _kind("accept", "Accepted", Classification.POSITIVE),
        _kind("click", "Clicked", Classification.POSITIVE),
        _kind("complaint", "Complained", Classification.NEGATIVE),
        _kind("conversion", "Converted", Classification.POSITIVE, counts_as_conversion=True, aliases=("convert",)),
        _kind("deferred", "Deferred", Classification.NEUTRAL, aliases=("defer",)),
        _kind("dismiss", "Dismissed", Classification.NEGATIVE),
        _kind("expired", "Expired before it was answered", Classification.NEUTRAL),
        _kind("impression", "Seen", Classification.NEUTRAL, counts_as_impression=True),
        _kind("not_interested", "Not interested", Classification.NEGATIVE),
        _kind("not_presented", "Not presented", Classification.NEUTRAL),
        _kind("opt_out", "Opted out", Classification.NEGATIVE),
        _kind("requested_info", "Asked for more", Classification.POSITIVE),
        _kind("save", "Saved for later", Classification.POSITIVE),
        _kind("share", "Shared", Classification.POSITIVE),
    )
}
_SYSTEM_NAMES: Mapping[str, OutcomeKind] = {
    name: kind for kind in SYSTEM_TYPES.values() for name in (kind.key, *kind.aliases)
}


def resolve(name: str) -> OutcomeKind | None:
    """The type that has `name` as its key or as an alias; None where none has."""
    if name in _SYSTEM_NAMES:
        return _SYSTEM_NAMES[name]
    own = OutcomeType.objects.filter(Q(pk=name) | Q(aliases__contains=[name])).order_by("pk").first()
    return None if own is None else as_kind(own)


def find_type(key: str) -> OutcomeKind:
    """The type with that key (an alias is none). Raises NotFound."""
    if key in SYSTEM_TYPES:
        return SYSTEM_TYPES[key]
    return as_kind(_find_own(key))


def all_types() -> list[OutcomeKind]:
    """Every type, by key."""
    own = [as_kind(outcome_type) for outcome_type in OutcomeType.objects.all()]
    return sorted([*SYSTEM_TYPES.values(), *own], key=lambda kind: kind.key)


def as_kind(outcome_type: OutcomeType) -> OutcomeKind:
    """A stored type, as those of the product are."""
    return OutcomeKind(
        key=outcome_type.pk,
        label=outcome_type.label,
        classification=outcome_type.classification,
        counts_as_impression=outcome_type.counts_as_impression,
        counts_as_conversion=outcome_type.counts_as_conversion,
        aliases=tuple(outcome_type.aliases),
        is_system=False,
        created_at=outcome_type.created_at,
        updated_at=outcome_type.updated_at,
    )


@transaction.atomic
def create_type(*, values: Mapping[str, Any], now: datetime) -> OutcomeKind:
    """A new type of the installation's own. Raises ValidationFailed, or Conflict where one of its names is taken."""
    _one_change_at_a_time()
    if OutcomeType.objects.count() >= MAX_OWN_TYPES:
        raise Conflict(f"There are {MAX_OWN_TYPES} outcome types of your own already; delete one first.")
    outcome_type = OutcomeType(created_at=now, updated_at=now, **values)
    _check_names(outcome_type)
    outcome_type.save(force_insert=True)
    facts = {"outcomeType": _facts(outcome_type)}
    record(NewEntry(action="outcome_type.created", subject=outcome_type.pk, facts=facts, at=now))
    return as_kind(outcome_type)


@transaction.atomic
def update_type(*, key: str, values: Mapping[str, Any], now: datetime) -> OutcomeKind:
    """Changes the fields in `values`; what was recorded under it stays as it was recorded.

    Raises NotFound, ValidationFailed, or Conflict where it is one of the product's, or a name is taken.
    """
    _refuse_system(key)
    _one_change_at_a_time()
    outcome_type = _find_own(key)
    values = dict(values)
    if values.pop("key", key) != key:
        raise ValidationFailed.at("key", "can't be changed; make a new outcome type instead.")
    before = _facts(outcome_type)
    for name, value in values.items():
        setattr(outcome_type, name, value)
    _check_names(outcome_type)
    changed = changes(before, _facts(outcome_type))
    if changed:
        outcome_type.updated_at = now
        outcome_type.save(update_fields=[*changed, "updated_at"])
        record(NewEntry(action="outcome_type.updated", subject=key, facts={"changes": changed}, at=now))
    return as_kind(outcome_type)


@transaction.atomic
def delete_type(*, key: str, now: datetime) -> None:
    """Deletes it; what was recorded under it stays. Raises NotFound, or Conflict where it is one of the product's."""
    _refuse_system(key)
    _one_change_at_a_time()
    outcome_type = _find_own(key)
    facts = {"outcomeType": _facts(outcome_type)}
    outcome_type.delete()
    record(NewEntry(action="outcome_type.deleted", subject=key, facts=facts, at=now))


def _find_own(key: str) -> OutcomeType:
    outcome_type = OutcomeType.objects.filter(pk=key).first()
    if outcome_type is None:
        raise NotFound(f"There is no outcome type {key!r}.")
    return outcome_type


def _refuse_system(key: str) -> None:
    if key in SYSTEM_TYPES:
        raise Conflict(f"The outcome type {key} is part of the product and stays as it is; make one of your own.")


def _one_change_at_a_time() -> None:
    """No constraint can say that a name is unique among the keys and aliases of all types. Readers are let through."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE decisioning_outcometype IN SHARE ROW EXCLUSIVE MODE")


def _check_names(outcome_type: OutcomeType) -> None:
    is_new = outcome_type._state.adding
    others = [kind for kind in all_types() if is_new or kind.key != outcome_type.pk]
    names = {name for kind in others for name in (kind.key, *kind.aliases)}
    if outcome_type.pk in names:
        raise Conflict(f"There is an outcome type {outcome_type.pk!r} already; choose another key.")
    problems = [
        Detail(f"aliases[{index}]", f"{alias} is taken already; choose another one.")
        for index, alias in enumerate(outcome_type.aliases)
        if alias in names or alias == outcome_type.pk or alias in outcome_type.aliases[:index]
    ]
    if problems:
        raise ValidationFailed.of(problems)


def _facts(outcome_type: OutcomeType) -> dict[str, Any]:
    return {
        "label": outcome_type.label,
        "classification": outcome_type.classification,
        "counts_as_impression": outcome_type.counts_as_impression,
        "counts_as_conversion": outcome_type.counts_as_conversion,
        "aliases": outcome_type.aliases,
    }
