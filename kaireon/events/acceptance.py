"""When events were accepted, for whoever measures how long it took from there."""

from collections.abc import Collection, Mapping
from datetime import datetime

from kaireon.events.models import Event


def accepted_at(event_ids: Collection[str]) -> Mapping[str, datetime]:
    """The moment at which each of these events was stored; ids that are not there are left out."""
    return dict(Event.objects.filter(event_id__in=event_ids).values_list("event_id", "received_at"))
