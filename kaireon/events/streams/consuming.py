"""The loop of a consumer: fetch, store, acknowledge, in this order.

Whatever is away is waited for, and so is room where too many events wait: the stream keeps what is not fetched.
"""

import logging
from collections.abc import Callable, Sequence
from itertools import count
from threading import Event as Flag
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connection

from kaireon.core import clock
from kaireon.events.capacity import OverCapacity, admit
from kaireon.events.streams.mapping import EventMapping
from kaireon.events.streams.progress import Reporter
from kaireon.events.streams.sources import Message, Source, SourceAway, Stream
from kaireon.events.streams.storing import Stored, start, store

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
# How long a consumer looks at an empty stream before it looks up: whether it is to stop, whether a report is due.
LOOK_UP_AFTER_S = 1.0
RETRY_AFTER_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

ResultT = TypeVar("ResultT")


class Consumption:
    """One consumer at work. `stop` is set from outside, by a signal; the batch in hand is finished first."""

    def __init__(self, source: Source, *, stream: Stream, mapping: EventMapping, stop: Flag) -> None:
        self._source = source
        self._stream = stream
        self._mapping = mapping
        self._stop = stop
        self._reporter = Reporter(stream, source.lag)

    def run(self) -> None:
        """Consumes until told to stop, and leaves the group. Raises SourceRefused."""
        try:
            self._patiently(self._start)
            while not self._stop.is_set():
                self._patiently(self.step)
                self._reporter.report_if_due()
            self._reporter.report()
        finally:
            self._source.close()

    def step(self) -> Stored | None:
        """Handles the next batch; None where nothing has come. Raises SourceAway.

        Nothing is acknowledged that is not committed: a crash in between makes duplicates, which events' ids absorb.
        """
        # Before anything is fetched: what is not in hand can be left to others of the group.
        self._patiently(lambda: admit(0))
        if self._stop.is_set():
            return None
        messages = self._source.fetch(limit=BATCH_SIZE, wait_s=LOOK_UP_AFTER_S)
        if not messages:
            return None
        stored = self._patiently(lambda: self._store(messages))
        if stored is not None:
            self._source.acknowledge()
        return stored

    def _start(self) -> None:
        start(self._stream, now=clock.now())
        self._reporter.begin()

    def _store(self, messages: Sequence[Message]) -> Stored:
        return store(messages, stream=self._stream, mapping=self._mapping, now=clock.now())

    def _patiently(self, work: Callable[[], ResultT]) -> ResultT | None:
        """What `work` gives; tried again while a server is away, or too many events wait, until told to stop."""
        for attempt in count():
            try:
                return work()
            except SourceAway as error:
                away = str(error)
            except OverCapacity:
                away = "as many events wait as KAIREON_MAX_WAITING_EVENTS lets in; nothing is fetched meanwhile"
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                away = f"PostgreSQL did not take the rows ({type(error).__name__})"
            wait_s = RETRY_AFTER_S[min(attempt, len(RETRY_AFTER_S) - 1)]
            logger.warning("%s: %s; trying again in %.1f s", self._stream.name, away, wait_s)
            if self._stop.wait(wait_s):
                break
        return None
