"""Tasks of the leaf package."""

from typing import Any

from celery import shared_task

from kaireon.core import clock, retention
from kaireon.core.heartbeat import beat


@shared_task(name="kaireon.core.heartbeat")
def heartbeat(*, queue: str, **_: Any) -> None:
    """Sent to each queue by beat; a worker that answers it is alive."""
    beat(queue)


@shared_task(name="kaireon.core.retention")
def delete_what_is_past_its_age(**_: Any) -> None:
    """Started by beat each minute; what a run has no time for is left to the next."""
    retention.run(now=clock.now())
