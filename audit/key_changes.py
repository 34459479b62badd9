"""Records what happens to API keys."""

from typing import Any

from audit.log import NewEntry, record
from kaireon.accounts.keys import key_changed
from kaireon.accounts.models import ApiKey


def listen() -> None:
    """Connects to the keys' signal, once."""
    key_changed.connect(_record, dispatch_uid="audit.key_changes")


def _record(*, action: str, key: ApiKey, **_: Any) -> None:
    record(NewEntry(action=action, subject=key.id, facts={"name": key.name, "role": key.role, "prefix": key.prefix}))
