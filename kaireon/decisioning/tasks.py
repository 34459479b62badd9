"""What Celery runs."""

from typing import Any

from celery import shared_task

from kaireon.core import clock
from kaireon.decisioning.offer_expiry import expire_offers


@shared_task(name="kaireon.decisioning.expire_offers")
def expire_offers_task(**_: Any) -> None:
    """Looks for offers whose end has passed. Started by beat every few seconds."""
    expire_offers(now=clock.now())
