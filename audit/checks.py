"""`manage.py check` says when the audit log can't be sealed."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from audit.keys import HOW_TO_MAKE_A_KEY, KeysUnusable, keyring


def audit_keys(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Missing keys are a warning, since entries are recorded all the same; a malformed key is an error."""
    if not settings.AUDIT_KEYS:
        return [
            Warning(
                "KAIREON_AUDIT_KEYS is not set: the audit log is not sealed, and no customer can be erased.",
                hint=HOW_TO_MAKE_A_KEY,
                id="audit.W001",
            )
        ]
    try:
        keyring()
    except KeysUnusable as error:
        return [Error(error.message, id="audit.E001")]
    return []
