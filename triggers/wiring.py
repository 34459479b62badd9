"""What the product registers with the platform at start-up; the platform never imports it."""

from collections.abc import Collection, Mapping

from django.db import connection

from kaireon.core import tokens
from kaireon.delivery import gates
from kaireon.events import consumers, ledgers
from triggers.actions.base import SOURCE
from triggers.actions.registry import actions
from triggers.engine import retention
from triggers.engine.catalogue import catalogue
from triggers.engine.pipeline import consume
from triggers.ledger import whole_ledger
from triggers.models import Status

_HEARD = "SELECT DISTINCT event_type FROM triggers_trigger WHERE status = 'active' AND event_type = ANY(%s)"
_STATUSES = "SELECT id, status FROM triggers_trigger WHERE id = ANY(%s) ORDER BY id FOR SHARE"
_VERDICTS = {Status.ACTIVE.value: gates.Verdict.SEND, Status.PAUSED.value: gates.Verdict.HOLD}


def connect() -> None:
    """Makes the engine a consumer of events, and triggers' statuses the gate of their webhooks; firings get an age."""
    actions()
    consumers.register("triggers", consume, hears=hears)
    ledgers.register(whole_ledger)
    gates.register(SOURCE, webhook_gate)
    retention.register()


def hears(event_types: Collection[str]) -> Collection[str]:
    """The types among them that an active trigger listens to."""
    # Whoever handles a batch has all triggers compiled. To others, compiling them would cost more than this question.
    if tokens.is_within_one_look():
        return catalogue.current().listeners.keys() & set(event_types)
    with connection.cursor() as cursor:
        cursor.execute(_HEARD, [list(event_types)])
        return {row[0] for row in cursor.fetchall()}


def webhook_gate(trigger_ids: Collection[str]) -> Mapping[str, gates.Verdict]:
    """Whether queued webhooks of these triggers may be sent: paused holds them, disabled or deleted cancels them.

    Locks the triggers against a change of status until the caller's transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATUSES, [list(trigger_ids)])
        statuses: dict[str, str] = dict(cursor.fetchall())
    return {trigger_id: _VERDICTS.get(statuses.get(trigger_id, ""), gates.Verdict.CANCEL) for trigger_id in trigger_ids}
