"""What a kind of stream provides, so that the rest need not know it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Which stream is consumed, and for whom. `source` is the kind: `kafka`, `redis-stream`."""

    source: str
    name: str
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `position` names it for ever (`orders:0:17`).

    Without a body `problem` says why there is none; `excerpt` is what there is instead, to be kept with the problem.
    """

    position: str
    body: bytes | None
    problem: str = ""
    excerpt: bytes = b""


class SourceAway(Exception):
    """The stream's server does not answer; whoever waits and asks again loses nothing."""


class SourceRefused(Exception):
    """The stream can't be consumed as it was asked for; waiting mends nothing. The message says what to do."""


class Source(Protocol):
    """Messages of one stream for one group. All methods may raise SourceAway or SourceRefused."""

    def fetch(self, *, limit: int, wait_s: float) -> Sequence[Message]:
        """The next messages, at most `limit`; none where nothing has come within `wait_s` seconds."""

    def acknowledge(self) -> None:
        """What was fetched last is stored. What is not acknowledged comes again, to this consumer or another."""

    def lag(self) -> int | None:
        """How many messages the group has not acknowledged yet; None where that can't be told."""

    def close(self) -> None:
        """Leaves the group. What was fetched and not acknowledged stays with the group."""
