"""What is told about a user's change, so that the audit log, which stands above this package, can record it."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from django.dispatch import Signal

if TYPE_CHECKING:
    from kaireon.accounts.models import User

# Sent inside the transaction that changes a user: `action` (user.created, user.role_changed, user.updated,
# user.password_changed, user.permissions_changed), `user`, and the facts `before` and `after` (never a password).
user_changed = Signal()

# The fields worth telling, and their names in the facts.
_FACTS = {"username": "login", "role": "role", "is_active": "isActive", "is_staff": "isStaff"}


def told_fields(update_fields: Collection[str] | None) -> list[str]:
    """Those of a save's fields that are told about; None stands for all fields, as in `Model.save`."""
    return [name for name in _FACTS if update_fields is None or name in update_fields]


def facts(values: Mapping[str, Any]) -> dict[str, Any]:
    """A user's field values under the names that the audit log shows."""
    return {_FACTS[name]: value for name, value in values.items()}


def announce_created(user: "User") -> None:
    """Tells of a new user."""
    values = {name: getattr(user, name) for name in _FACTS}
    user_changed.send(sender=type(user), action="user.created", user=user, before={}, after=facts(values))


def announce_saved(user: "User", *, before: Mapping[str, Any], has_new_password: bool) -> None:
    """Tells what a save has changed of a stored user; `before` holds the written fields as they were."""
    after = {name: getattr(user, name) for name in before}
    if before != after:
        action = "user.role_changed" if before.get("role") != after.get("role") else "user.updated"
        user_changed.send(sender=type(user), action=action, user=user, before=facts(before), after=facts(after))
    if has_new_password:
        user_changed.send(sender=type(user), action="user.password_changed", user=user, before={}, after={})


def announce_permissions(user: "User", *, before: Collection[str], after: Collection[str]) -> None:
    """Tells which permissions of Django admin a user has, where they differ from before."""
    if set(before) != set(after):
        user_changed.send(
            sender=type(user),
            action="user.permissions_changed",
            user=user,
            before={"permissions": sorted(before)},
            after={"permissions": sorted(after)},
        )
