"""Every log line says in which request it was written, and for whom."""

import logging

from kaireon.core.context import current_actor, current_request_id


class ContextFilter(logging.Filter):
    """Adds `request_id` and `actor` to each record; lets all of them pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id()
        record.actor = current_actor()
        return True
