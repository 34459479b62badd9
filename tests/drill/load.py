"""The load: two senders, each with customers of its own, so that each customer's order is settled.

An event counts as accepted when the API said so, or when the stream took it. A sender that gets no answer, or is asked
to come later, sends the same events again with the same ids.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import redis

from tests.drill.checker import SentEvent
from tests.drill.scenery import EVENT_TYPE, SHARES, customer
from tests.drill.stack import DrillAborted, Stack, eventually

STREAM = "drill-stream"
LOAD_SECONDS = 12.0
_SENDERS = 2
_BATCHES = 120
_PATIENCE_S = 120.0


def make_events(count: int, *, customers: int, seed: int = 5) -> list[SentEvent]:
    """The same events for the same arguments."""
    dice = random.Random(seed)
    numbers = [0] * customers
    events = []
    for index in range(count):
        who = dice.randrange(customers)
        numbers[who] += 1
        flags = frozenset(name for name, share in SHARES.items() if dice.random() < share)
        events.append(SentEvent(f"drill-{index:06}", customer(who), numbers[who], flags))
    return events


def as_sent(event: SentEvent) -> dict[str, Any]:
    """The event as the API takes it."""
    return {
        "eventId": event.event_id,
        "eventType": EVENT_TYPE,
        "customerId": event.customer_id,
        "properties": {"number": event.number, **dict.fromkeys(sorted(event.flags), True)},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """How the two senders' events come in: the second one's by a port of its own, or by the stream."""

    second_port: int | None = None
    seconds: float = LOAD_SECONDS
    """How long the load lasts."""
    second_by_stream: bool = False


class Load:
    """Sends `events` over about as many seconds as `doors` says."""

    def __init__(self, stack: Stack, events: Sequence[SentEvent], doors: Doors) -> None:
        self._stack = stack
        self._doors = doors
        self._count = len(events)
        self._lock = threading.Lock()
        self._failures: list[str] = []
        self.accepted = 0
        self.repeated = 0
        """Requests that were sent once more."""
        shares: list[list[SentEvent]] = [[] for _ in range(_SENDERS)]
        for event in events:
            shares[int(event.customer_id[-1]) % _SENDERS].append(event)
        self._threads = [
            threading.Thread(target=self._send_all, args=(share, number), daemon=True)
            for number, share in enumerate(shares)
        ]

    @property
    def share(self) -> float:
        """How much of the events is accepted."""
        return self.accepted / self._count

    def start(self) -> None:
        """Begins to send."""
        for thread in self._threads:
            thread.start()

    def wait_until(self, share: float) -> None:
        """Waits until that share of the events is accepted."""
        if not eventually(lambda: self.accepted >= self._count * share or bool(self._failures), patience_s=_PATIENCE_S):
            raise DrillAborted(f"only {self.accepted} of {self._count} events were accepted")

    def finish(self) -> None:
        """Waits until all are accepted. Raises DrillAborted where they can't be sent."""
        for thread in self._threads:
            thread.join(_PATIENCE_S)
        if self._failures or self.accepted != self._count:
            raise DrillAborted(f"{self.accepted} of {self._count} events were accepted. {' '.join(self._failures)}")

    def _send_all(self, share: Sequence[SentEvent], number: int) -> None:
        is_second = number == 1
        size = max(1, round(self._count / _BATCHES / _SENDERS))
        batches = [share[start : start + size] for start in range(0, len(share), size)]
        by_stream = is_second and self._doors.second_by_stream
        port = self._doors.second_port if is_second else None
        began = time.monotonic()
        try:
            for index, batch in enumerate(batches):
                due = began + self._doors.seconds * index / len(batches)
                time.sleep(max(0.0, due - time.monotonic()))
                body = [as_sent(event) for event in batch]
                self._insist(lambda body=body: self._add(body) if by_stream else self._post(body, port))  # type: ignore[misc]
                with self._lock:
                    self.accepted += len(batch)
        except DrillAborted as error:
            self._failures.append(str(error))

    def _insist(self, send: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if send():
                    return
            except (OSError, HTTPException, redis.RedisError, ValueError):
                pass  # no answer, or half of one: nobody knows what became of it
            with self._lock:
                self.repeated += 1
            time.sleep(0.1)
        raise DrillAborted("A request found no answer in two minutes.")

    def _post(self, body: list[dict[str, Any]], port: int | None) -> bool:
        status, answer, headers = self._stack.request("/api/v1/events", body, port=port)
        if status == 202:
            return True
        if status in {429, 503} or status >= 500:
            time.sleep(min(float(headers.get("Retry-After", 0)), 5.0))
            return False
        raise DrillAborted(f"POST /events answers {status}: {answer}")

    def _add(self, body: list[dict[str, Any]]) -> bool:
        with self._stack.redis() as client, client.pipeline(transaction=True) as pipeline:
            for event in body:
                pipeline.xadd(STREAM, {"data": json.dumps(event)})
            pipeline.execute()
        return True
