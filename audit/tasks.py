"""What Celery runs. Beat starts it every few seconds; a message that gets lost costs nothing."""

import logging
from typing import Any

from celery import current_app, shared_task

from audit.keys import KeysUnusable
from audit.sealing import seal
from audit.settling import Unsettled

logger = logging.getLogger(__name__)

TASK = "audit.seal"
# So that other tasks get their turn; a message for the rest costs next to nothing.
RUN_SECONDS = 10.0
# Transactions that write entries last a second at most; one that lasts longer is asked for again by the next run.
PATIENCE_SECONDS = 3.0


@shared_task(name=TASK)
def seal_entries(**_: Any) -> None:
    """Seals what is settled."""
    try:
        done = seal(run_seconds=RUN_SECONDS, patience_seconds=PATIENCE_SECONDS)
    except (KeysUnusable, Unsettled) as error:
        logger.warning("Audit entries wait to be sealed: %s", error)
        return
    if not done.is_done:
        current_app.send_task(TASK, retry=False)
