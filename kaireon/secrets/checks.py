"""`manage.py check` says when secrets can't be used, before somebody tries to."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from kaireon.secrets.encryption import HOW_TO_MAKE_A_KEY, VaultUnusable, check_keys


def secrets_keys(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Missing keys are a warning, since all but secrets and webhooks works; a malformed key is an error."""
    if not settings.SECRETS_KEYS:
        return [
            Warning(
                "KAIREON_SECRETS_KEYS is not set: no secret can be stored and no webhook can be signed.",
                hint=HOW_TO_MAKE_A_KEY,
                id="secrets.W001",
            )
        ]
    try:
        check_keys()
    except VaultUnusable as error:
        return [Error(error.message, id="secrets.E001")]
    return []
