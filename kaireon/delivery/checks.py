"""`manage.py check` refuses settings of delivery that can't work."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from kaireon.delivery.addresses import allowed_networks
from kaireon.delivery.claims import LEASE_MARGIN_SECONDS
from kaireon.delivery.http import total_seconds
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


def leases_outlast_attempts(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A lease that ends before its attempt lets a second worker send the same message beside the first one."""
    lease_seconds = total_seconds() + LEASE_MARGIN_SECONDS
    if total_seconds() > 0 and lease_seconds > settings.EMAIL_TOTAL_SECONDS:
        return []
    return [
        Error(
            f"A delivery is leased for {lease_seconds:g} s, an e-mail may take {settings.EMAIL_TOTAL_SECONDS:g} s and a"
            f" request {total_seconds():g} s: another worker would send it beside the first one.",
            hint=f"Keep EMAIL_TOTAL_SECONDS below DELIVERY_TOTAL_SECONDS + {LEASE_MARGIN_SECONDS:g}, and both above 0.",
            id="delivery.E004",
        )
    ]
