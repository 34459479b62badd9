"""Creating, changing and deleting what has a name and an id: the change and its audit entry in one transaction."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import IntegrityError, models, transaction

from audit.log import NewEntry, changes, record
from audit.models import Entry
from kaireon.core.errors import Conflict, NotFound, ValidationFailed
from kaireon.core.ids import slug_id

_TRIES = 5

ModelT = TypeVar("ModelT", bound=models.Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditActions:
    """What the audit log calls the changes of one kind of thing."""

    created: str
    updated: str
    status_changed: str
    deleted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper(Generic[ModelT]):
    """Keeps the rows of one model that has `id`, `name`, `status`, `created_at` and `updated_at`.

    `check` refuses a row that breaks a rule, and may put a value into its stored form. It is given the fields that are
    new: the others were checked before, and what has become invalid meanwhile must still let itself be paused.
    `facts` is what the audit log tells of a row.
    """

    model: type[ModelT]
    noun: str
    id_prefix: str
    actions: AuditActions
    check: Callable[[ModelT, Collection[str]], None]
    facts: Callable[[ModelT], dict[str, Any]]

    def find(self, row_id: str) -> ModelT:
        """The row with that id. Raises NotFound."""
        row = self.model._default_manager.filter(pk=row_id).first()
        if row is None:
            raise self._missing(row_id)
        return row

    def create(self, *, values: Mapping[str, Any], now: datetime) -> ModelT:
        """A new row from values whose types the API has checked.

        Raises ValidationFailed, or Conflict where its id is taken.
        """
        given_id = values.get("id")
        fields = {name: value for name, value in values.items() if name != "id"}
        for _ in range(_TRIES):
            row_id = given_id or slug_id(self.id_prefix, values["name"], taken=self._is_taken)
            row = self.model(id=row_id, created_at=now, updated_at=now, **fields)
            self.check(row, fields.keys())
            try:
                with transaction.atomic():
                    row.save(force_insert=True)
                    self._record(self.actions.created, row, {self.noun: self.facts(row)}, now)
                return row
            except IntegrityError:
                # Somebody took the id between the look and the insert: a given one is refused, a slug is made anew.
                if given_id or not self._exists(row_id):
                    break
        if given_id and self._exists(given_id):
            raise Conflict(f"There is a {self.noun} {given_id!r} already; choose another id, or change that one.")
        raise Conflict(f"The id of the new {self.noun} was taken again and again; give one yourself.")

    @transaction.atomic
    def update(self, *, row_id: str, values: Mapping[str, Any], now: datetime) -> ModelT:
        """Changes the fields in `values`. Without a change nothing is written. Raises NotFound and ValidationFailed."""
        row = self._hold(row_id)
        values = dict(values)
        if values.pop("id", row_id) != row_id:
            raise ValidationFailed.at("id", f"can't be changed; make a new {self.noun} instead.")
        before = self.facts(row)
        for name, value in values.items():
            setattr(row, name, value)
        self.check(row, values.keys())
        changed = changes(before, self.facts(row))
        if not changed:
            return row
        vars(row)["updated_at"] = now
        row.save(update_fields=[*values, "updated_at"])
        # A change of status is an entry of its own; the rest of the change is another one.
        if "status" in changed:
            self._record(self.actions.status_changed, row, {"changes": {"status": changed.pop("status")}}, now)
        if changed:
            self._record(self.actions.updated, row, {"changes": changed}, now)
        return row

    @transaction.atomic
    def delete(self, *, row_id: str, now: datetime) -> None:
        """Deletes it; what came of it, and its audit entries, stay. Raises NotFound."""
        row = self._hold(row_id)
        self._record(self.actions.deleted, row, {self.noun: self.facts(row)}, now)
        row.delete()

    def _hold(self, row_id: str) -> ModelT:
        row = self.model._default_manager.select_for_update().filter(pk=row_id).first()
        if row is None:
            raise self._missing(row_id)
        return row

    def _missing(self, row_id: str) -> NotFound:
        return NotFound(f"There is no {self.noun} {row_id!r}.")

    def _exists(self, row_id: str) -> bool:
        return self.model._default_manager.filter(pk=row_id).exists()

    def _is_taken(self, row_id: str) -> bool:
        """The id of one that was deleted is not given out again: what came of it would seem to come of the new one."""
        return self._exists(row_id) or Entry.objects.filter(action=self.actions.deleted, subject=row_id).exists()

    def _record(self, action: str, row: ModelT, facts: Mapping[str, Any], now: datetime) -> None:
        record(NewEntry(action=action, subject=row.pk, facts=facts, at=now))
