"""The in-app inbox: marking a message as read."""

from datetime import datetime

from kaireon.core.errors import NotFound
from kaireon.decisioning.models import InboxMessage


def mark_read(*, message_id: str, now: datetime) -> InboxMessage:
    """The message, read since `now`; one that has been read stays read since when it was. Raises NotFound."""
    InboxMessage.objects.filter(pk=message_id, read_at__isnull=True).update(read_at=now)
    message = InboxMessage.objects.filter(pk=message_id).first()
    if message is None:
        raise NotFound(f"There is no message {message_id!r}.")
    return message
