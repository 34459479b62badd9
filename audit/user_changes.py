"""Records what happens to users."""

from collections.abc import Mapping
from typing import Any

from audit.log import NewEntry, changes, record
from kaireon.accounts.models import User
from kaireon.accounts.user_changes import user_changed


def listen() -> None:
    """Connects to the users' signal, once."""
    user_changed.connect(_record, dispatch_uid="audit.user_changes")


def _record(*, action: str, user: User, before: Mapping[str, Any], after: Mapping[str, Any], **_: Any) -> None:
    record(NewEntry(action=action, subject=user.actor, facts=changes(before, after) if before else after))
