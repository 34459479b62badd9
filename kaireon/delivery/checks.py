"""`manage.py check` refuses settings of delivery that can't work."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from kaireon.delivery.addresses import allowed_networks


def allowed_networks_are_networks(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """KAIREON_WEBHOOK_ALLOWED_NETWORKS holds CIDRs."""
    try:
        allowed_networks()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="delivery.E001")]
    return []


def there_are_slots(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """KAIREON_DELIVERY_CONCURRENCY is a number of threads."""
    if not 1 <= settings.DELIVERY_CONCURRENCY <= 1000:
        return [Error("KAIREON_DELIVERY_CONCURRENCY must be 1 to 1000.", id="delivery.E002")]
    return []
