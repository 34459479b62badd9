"""Whether ledgers are complete, as the product tells them (to be run by `Product.run`)."""

from django.db.models import F

from kaireon.events.models import Event
from tests.benchmarks import scenery
from triggers.ledger import whole_ledgers

EVERY = 40


def complete_ledgers(after: int) -> float:
    """Of the events behind that number to which our triggers listened, how many have a ledger; of each 40th of them, a
    line for every trigger of theirs, or that one counts for nothing."""
    events = Event.objects.filter(sequence__gt=after, event_type=scenery.EVENT_TYPE, status="processed")
    stored = events.exclude(decisions=[]).count()
    lines = whole_ledgers(list(events.annotate(place=F("sequence") % EVERY).filter(place=0)))
    assert lines
    return stored - sum(len(told) != scenery.TRIGGERS_OF_A_TYPE for told in lines.values())
