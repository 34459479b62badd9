"""`manage.py consume kafka|redis-stream …`: messages become events until Ctrl-C or SIGTERM."""

import signal
import socket
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from pathlib import Path
from threading import Event as Flag
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kaireon.core.errors import ApiError
from kaireon.core.json_values import decode
from kaireon.events.streams import redis_stream
from kaireon.events.streams.consuming import Consumption
from kaireon.events.streams.mapping import EventMapping, read_mapping
from kaireon.events.streams.sources import Source, SourceRefused, Stream

KAFKA = "kafka"
INSTALL_KAFKA = "Kafka needs one more package; install it with: .venv/bin/python -m pip install confluent-kafka"
MAX_NAME_LENGTH = 250


class Command(BaseCommand):
    """One consumer; run several, on as many machines as you like, in one group."""

    help = "Takes messages of a Kafka topic or a Redis stream as events. Ctrl-C or SIGTERM ends it in good order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True, metavar="kafka | redis-stream")
        kafka = kinds.add_parser(KAFKA, help="a Kafka topic")
        kafka.add_argument("--brokers", required=True, help="host:port, several joined by commas")
        kafka.add_argument("--topic", required=True, type=_name)
        kafka.add_argument(
            "--properties",
            metavar="FILE",
            default="",
            help="more of librdkafka's properties, one key=value a line (security.protocol, sasl.username …)",
        )
        redis = kinds.add_parser(redis_stream.SOURCE, help="a Redis stream")
        redis.add_argument("--url", default="", help="redis://… (unless given: REDIS_URL)")
        redis.add_argument("--stream", required=True, type=_name, help="the stream's key")
        redis.add_argument(
            "--consumer",
            default=socket.gethostname(),
            type=_name,
            help="this consumer's name in the group (the machine's); no two that run may share one",
        )
        redis.add_argument(
            "--field",
            default=redis_stream.DEFAULT_FIELD,
            help=f"the field of an entry that holds the JSON ({redis_stream.DEFAULT_FIELD})",
        )
        for kind in (kafka, redis):
            kind.add_argument("--group", default="kaireon", type=_name, help="the consumer group (kaireon)")
            kind.add_argument(
                "--mapping",
                metavar="FILE|JSON",
                default="",
                help="where the fields of an event stand in a message; without it, messages are events",
            )
            kind.add_argument(
                "--start",
                choices=["earliest", "latest"],
                default="earliest",
                help="where a new group begins (earliest)",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = _mapping(options["mapping"])
        stop = Flag()
        before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            stream, source = _kafka(options) if options["kind"] == KAFKA else _redis(options)
            self.stdout.write(f"Consuming {stream.name} for the group {stream.group} (Ctrl-C ends it)")
            self.stdout.flush()
            Consumption(source, stream=stream, mapping=mapping, stop=stop).run()
        except SourceRefused as error:
            raise CommandError(str(error)) from None
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _name(text: str) -> str:
    if not (0 < len(text) <= MAX_NAME_LENGTH and text.isprintable()):
        raise ArgumentTypeError(f"must have 1 to {MAX_NAME_LENGTH} printable characters")
    return text


def _kafka(options: Mapping[str, Any]) -> tuple[Stream, Source]:
    try:
        from kaireon.events.streams import kafka
    except ImportError:
        raise CommandError(INSTALL_KAFKA) from None
    source = kafka.KafkaTopic(
        brokers=options["brokers"],
        topic=options["topic"],
        group=options["group"],
        start=options["start"],
        properties=_properties(options["properties"], reserved=kafka.OWN_PROPERTIES),
    )
    return Stream(source=kafka.SOURCE, name=options["topic"], group=options["group"]), source


def _redis(options: Mapping[str, Any]) -> tuple[Stream, Source]:
    try:
        source = redis_stream.RedisStream(
            url=options["url"] or settings.REDIS_URL,
            stream=options["stream"],
            group=options["group"],
            consumer=options["consumer"],
            field=options["field"],
            start=options["start"],
        )
    except ValueError as error:
        raise CommandError(f"--url: {error}") from None
    return Stream(source=redis_stream.SOURCE, name=options["stream"], group=options["group"]), source


def _mapping(text: str) -> EventMapping:
    """The mapping in `text`, or in the file that it names; without any, messages are events."""
    if not text:
        return EventMapping()
    try:
        raw = decode(text.encode() if text.lstrip().startswith("{") else _read(text, option="--mapping").encode())
        return read_mapping(raw)
    except ApiError as error:
        details = getattr(error, "details", [])
        problems = [f"{detail.field} {detail.message}" for detail in details] or [error.message]
        raise CommandError(f"--mapping: {' '.join(problems)}") from None


def _properties(path: str, *, reserved: frozenset[str]) -> dict[str, str]:
    if not path:
        return {}
    found = {}
    for number, line in enumerate(_read(path, option="--properties").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not (key and equals):
            raise CommandError(f"--properties: line {number} is not key=value.")
        if key in reserved:
            raise CommandError(f"--properties: line {number} sets {key}, which this command sets itself.")
        found[key] = value
    return found


def _read(path: str, *, option: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandError(f"{option}: {path} can't be read: {reason}.") from None
