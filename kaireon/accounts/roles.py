"""Roles and what each may do."""

from enum import StrEnum

from django.db import models


class Ability(StrEnum):
    """One kind of thing that a caller may be allowed to do."""

    READ = "read"
    WRITE = "write"
    SEND = "send events and outcomes"
    DELETE = "delete"
    ADMINISTER = "handle keys, secrets and the audit log"


class Role(models.TextChoices):
    """The roles of users and API keys, as the contract names them."""

    VIEWER = "viewer", "Viewer: reads"
    EDITOR = "editor", "Editor: also writes and sends events"
    ADMIN = "admin", "Admin: also deletes; keys, secrets, audit"
    INGEST = "ingest", "Ingest: only sends events and outcomes"


ABILITIES: dict[str, frozenset[Ability]] = {
    Role.VIEWER: frozenset({Ability.READ}),
    Role.EDITOR: frozenset({Ability.READ, Ability.WRITE, Ability.SEND}),
    Role.ADMIN: frozenset(Ability),
    Role.INGEST: frozenset({Ability.SEND}),
}


def may(role: str, ability: Ability) -> bool:
    """Whether `role` has `ability`; an unknown role has none."""
    return ability in ABILITIES.get(role, frozenset())
