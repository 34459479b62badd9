"""A batch of messages becomes events and dead letters, in one transaction.

Whoever calls this acknowledges the messages afterwards. If that never happens they come again, and are duplicates then:
of events by their ids, of dead letters by their positions.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction

from kaireon.core.errors import ApiError, ValidationFailed
from kaireon.core.ids import derived_id
from kaireon.core.json_values import decode, encode
from kaireon.events.ingestion import is_event_id, read_event
from kaireon.events.publish import NewEvent, publish
from kaireon.events.streams.mapping import EventMapping
from kaireon.events.streams.sources import Message, Stream

logger = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 64 * 1024
MAX_REASON_LENGTH = 1000

_SET_ASIDE = """
    INSERT INTO events_streamdeadletter (source, position, reason, payload, received_at)
    SELECT %s, position, reason, payload, %s
    FROM jsonb_to_recordset(%s::jsonb) AS given(position text, reason text, payload text)
    ORDER BY position
    ON CONFLICT (source, position) DO NOTHING
"""
# Last in its transaction: every consumer of the group waits here for the others' commits.
_ADVANCE = """
    INSERT INTO events_streamprogress AS progress
        (source, stream, "group", last_position, events_stored, duplicates, dead_letters, rate_per_second, updated_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 0, %s)
    ON CONFLICT (source, stream, "group") DO UPDATE SET
        last_position = COALESCE(NULLIF(EXCLUDED.last_position, ''), progress.last_position),
        events_stored = progress.events_stored + EXCLUDED.events_stored,
        duplicates = progress.duplicates + EXCLUDED.duplicates,
        dead_letters = progress.dead_letters + EXCLUDED.dead_letters,
        updated_at = EXCLUDED.updated_at
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch has become. Messages that had been stored before are `duplicates`, dead letters among them."""

    events: int = 0
    duplicates: int = 0
    dead_letters: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(
            self.events + other.events,
            self.duplicates + other.duplicates,
            self.dead_letters + other.dead_letters,
        )


@dataclass(frozen=True, slots=True)
class _DeadLetter:
    message: Message
    reason: str


def store(messages: Sequence[Message], *, stream: Stream, mapping: EventMapping, now: datetime) -> Stored:
    """Stores all of `messages`, the bad ones as dead letters. Raises only where PostgreSQL is away.

    A message that the database itself can't bear is found one by one, and is a dead letter as well.
    """
    try:
        return _store(messages, stream=stream, mapping=mapping, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # A bug, or data that nobody thought of. Which message it is shows one by one; it must not stop the stream.
        logger.exception("A batch of %s broke; its messages are stored one by one", stream.name)
    stored = Stored()
    for message in messages:
        try:
            stored += _store([message], stream=stream, mapping=mapping, now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # As above; the log has the traceback, the dead letter the kind of error and where to look.
            logger.exception("The message %s broke", message.position)
            reason = f"Storing it broke with {type(error).__name__}; the consumer's log has more under its position."
            with transaction.atomic():
                stored += _record([], [_DeadLetter(message, reason)], stream=stream, last=message, now=now)
    return stored


def _store(messages: Sequence[Message], *, stream: Stream, mapping: EventMapping, now: datetime) -> Stored:
    events: list[NewEvent] = []
    dead: list[_DeadLetter] = []
    for message in messages:
        read = _read(message, mapping=mapping, source=stream.source)
        if isinstance(read, NewEvent):
            events.append(read)
        else:
            dead.append(read)
    with transaction.atomic():
        return _record(events, dead, stream=stream, last=messages[-1], now=now)


def start(stream: Stream, *, now: datetime) -> None:
    """Notes that somebody consumes `stream`, before anything has come."""
    _advance(stream, Stored(), last_position="", now=now)


def _record(
    events: Sequence[NewEvent], dead: Sequence[_DeadLetter], *, stream: Stream, last: Message, now: datetime
) -> Stored:
    """To be called inside a transaction."""
    results = publish(events, now=now)
    duplicates = sum(result.is_duplicate for result in results)
    new_dead = _set_aside(dead, source=stream.source, now=now)
    stored = Stored(len(results) - duplicates, duplicates + len(dead) - new_dead, new_dead)
    _advance(stream, stored, last_position=last.position, now=now)
    return stored


def _read(message: Message, *, mapping: EventMapping, source: str) -> NewEvent | _DeadLetter:
    """The event in `message`; where it names no id of its own, its position is the id."""
    if message.body is None:
        return _DeadLetter(message, message.problem)
    try:
        raw = mapping.apply(decode(message.body))
        if isinstance(raw, dict) and raw.get("eventId") is None:
            raw = {**raw, "eventId": _id_from(message.position)}
        return read_event(raw, path="", source=source)
    except ValidationFailed as error:
        return _DeadLetter(message, _reason(error, mapping))
    except ApiError as error:
        return _DeadLetter(message, error.message)


def _id_from(position: str) -> str:
    """The position as an id, or, where its letters or its length don't allow that, an id that depends on it alone."""
    return position if is_event_id(position) else derived_id("evt_", position)


def _reason(error: ValidationFailed, mapping: EventMapping) -> str:
    sentences = []
    for detail in error.details:
        origin = mapping.origin(detail.field.split(".", 1)[0])
        looked_for = f" (from {origin})" if origin else ""
        sentences.append(f"{detail.field}{looked_for}: {detail.message}" if detail.field else detail.message)
    return " ".join(sentences)


def _set_aside(dead: Sequence[_DeadLetter], *, source: str, now: datetime) -> int:
    if not dead:
        return 0
    rows = [
        {
            "position": one.message.position,
            "reason": _text(one.reason.encode(errors="replace"))[:MAX_REASON_LENGTH],
            "payload": _text(one.message.excerpt if one.message.body is None else one.message.body),
        }
        for one in dead
    ]
    logger.warning(
        "Messages were set aside as dead letters: %d, the first at %s: %s",
        len(dead),
        rows[0]["position"],
        rows[0]["reason"],
    )
    with connection.cursor() as cursor:
        cursor.execute(_SET_ASIDE, [source, now, encode(rows).decode()])
        return int(cursor.rowcount)


def _text(body: bytes) -> str:
    """What can be kept of `body`: its beginning, as text that PostgreSQL can hold."""
    text = body[:MAX_PAYLOAD_BYTES].decode(errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    # A replacement takes three bytes where one stood.
    return text.encode()[:MAX_PAYLOAD_BYTES].decode(errors="ignore")


def _advance(stream: Stream, stored: Stored, *, last_position: str, now: datetime) -> None:
    values: list[Any] = [
        *(stream.source, stream.name, stream.group, last_position),
        *(stored.events, stored.duplicates, stored.dead_letters, now),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_ADVANCE, values)
