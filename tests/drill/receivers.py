"""The two receivers of a drill's webhooks: real servers that fail a third of the time, or worse when told to."""

import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from tests.delivery.receiver import Answer, Received, Receiver

SLOW_SECONDS = 1.5
_LONGEST_HANG_SECONDS = 10.0


class Mood(Enum):
    """What a receiver does with all that comes."""

    FAILS_A_THIRD = "fails a third"
    IS_SLOW = "is slow"
    HANGS = "hangs"
    RESETS = "resets connections"
    DRIPS = "answers a byte at a time"


class DrillReceiver(Receiver):
    """`answered` are the webhook-ids that it said yes to, `seen` counts all that came."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: set[str] = set()
        self.seen: Counter[str] = Counter()
        self._mood = Mood.FAILS_A_THIRD
        self._relief = threading.Event()

    def turn(self, mood: Mood) -> None:
        """From the next request on; what hangs is let go."""
        with self._changed:
            self._mood = mood
            self._relief.set()
            self._relief = threading.Event()

    def handle(self, received: Received) -> Answer:
        webhook_id = received.headers["webhook-id"]
        with self._changed:
            self.seen[webhook_id] += 1
            answer = self._answer_to(webhook_id, self.seen[webhook_id])
            is_slow = self._mood is Mood.IS_SLOW
            relief = self._relief
            if 200 <= answer.status < 300 and not (answer.hangs or answer.resets or answer.drip == "headers"):
                self.answered.add(webhook_id)
        if answer.hangs:
            relief.wait(_LONGEST_HANG_SECONDS)
        elif is_slow:
            relief.wait(SLOW_SECONDS)
        return answer

    def _answer_to(self, webhook_id: str, number: int) -> Answer:
        dice = zlib.crc32(f"{webhook_id}:{number}".encode())
        match self._mood:
            case Mood.HANGS:
                return Answer(hangs=True)
            case Mood.RESETS:
                return Answer(resets=True)
            case Mood.DRIPS:
                return Answer(drip="body" if dice % 2 else "headers")
            case Mood.FAILS_A_THIRD | Mood.IS_SLOW:
                return Answer(status=200 if dice % 3 else 500)


@contextmanager
def two_receivers() -> Iterator[tuple[DrillReceiver, DrillReceiver]]:
    """The main one and the other one, on two ports: to delivery they are two hosts."""
    receivers = (DrillReceiver(), DrillReceiver())
    try:
        yield receivers
    finally:
        for receiver in receivers:
            receiver.turn(Mood.FAILS_A_THIRD)
            receiver.close()
