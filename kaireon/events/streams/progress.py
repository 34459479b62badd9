"""Lag and rate: a line in the log each ten seconds, and the same numbers in a row that the API shows."""

import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection

from kaireon.core import clock
from kaireon.events.models import StreamProgress
from kaireon.events.streams.sources import SourceAway, Stream

logger = logging.getLogger(__name__)

REPORT_EVERY_S = 10.0


class Reporter:
    """Reports about a whole group, whichever of its consumers has done the work."""

    def __init__(self, stream: Stream, lag: Callable[[], int | None]) -> None:
        self._stream = stream
        self._lag = lag
        self._reported_at_s = time.monotonic()
        self._events_stored = 0
        self._row = StreamProgress.objects.filter(source=stream.source, stream=stream.name, group=stream.group)

    def begin(self) -> None:
        """Notes where the counts stand. Raises where PostgreSQL is away."""
        self._events_stored = self._row.get().events_stored
        self._reported_at_s = time.monotonic()

    def report_if_due(self) -> None:
        """Reports where ten seconds have passed. Never raises for a server that is away."""
        if time.monotonic() - self._reported_at_s >= REPORT_EVERY_S:
            self.report()

    def report(self) -> None:
        """Reports now; what no server tells is left out."""
        passed_s = max(time.monotonic() - self._reported_at_s, 0.001)
        self._reported_at_s = time.monotonic()
        try:
            lag = self._lag()
        except SourceAway:
            lag = None
        try:
            progress = self._row.get()
            rate = (progress.events_stored - self._events_stored) / passed_s
            self._events_stored = progress.events_stored
            self._row.update(lag=lag, rate_per_second=rate, updated_at=clock.now())
        except (DatabaseError, InterfaceError, StreamProgress.DoesNotExist):
            connection.close_if_unusable_or_obsolete()
            logger.warning("%s: no report; PostgreSQL did not answer", self._stream.name)
            return
        logger.info(
            "%s for %s: %d events/s, lag %s; in all %d events, %d duplicates, %d dead letters; at %s",
            self._stream.name,
            self._stream.group,
            round(rate),
            "unknown" if lag is None else lag,
            progress.events_stored,
            progress.duplicates,
            progress.dead_letters,
            progress.last_position or "the beginning",
        )
