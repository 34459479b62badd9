"""Beat's scheduler: Celery's, which says each few seconds that it goes round."""

import time
from typing import Any

from celery.beat import PersistentScheduler

from kaireon.core import signs_of_life


class Scheduler(PersistentScheduler):
    """Shows life from the loop that sends tasks, so that one that hangs is silent."""

    _shown_at = float("-inf")

    def tick(self, *args: Any, **kwargs: Any) -> float:
        now = time.monotonic()
        if now - self._shown_at >= signs_of_life.EVERY_SECONDS:
            self._shown_at = now
            signs_of_life.show("beat")
        return float(super().tick(*args, **kwargs))
