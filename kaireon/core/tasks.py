"""Tasks of the leaf package."""

from typing import Any

from celery import shared_task

from kaireon.core.heartbeat import beat


@shared_task(name="kaireon.core.heartbeat")
def heartbeat(*, queue: str, **_: Any) -> None:
    """Sent to each queue by beat; a worker that answers it is alive."""
    beat(queue)
