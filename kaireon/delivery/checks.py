"""`manage.py check` refuses settings of delivery that can't work."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from kaireon.delivery.addresses import allowed_networks
from kaireon.delivery.mail import address_problem


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


def the_sender_is_an_address(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """KAIREON_EMAIL_FROM is an e-mail address."""
    if problem := address_problem(settings.DEFAULT_FROM_EMAIL):
        return [Error(f"KAIREON_EMAIL_FROM {problem}", id="delivery.E003")]
    return []
