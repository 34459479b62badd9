"""From a message to an event: a small object that says where in a message each field of an event stands.

    {"eventId": "id", "eventType": {"value": "purchase"}, "customerId": "user.id",
     "timestamp": {"path": "ts", "unit": "ms"}, "properties": ""}

A path is dotted as in conditions; "" is the whole message. Without a mapping a message is an event as POST /events
takes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kaireon.conditions.paths import ABSENT, find
from kaireon.core.clock import iso
from kaireon.core.errors import Detail, ValidationFailed, join_path
from kaireon.core.ids import CUSTOMER_ID_RULE, is_customer_id
from kaireon.events.ingestion import EVENT_TYPE_RULE, is_event_type

FIELDS = ("eventId", "eventType", "customerId", "timestamp", "properties")
UNITS: Mapping[str, int] = {"s": 1, "ms": 1000}
MAX_PATH_LENGTH = 500

# A number is as good an id as a text, and many systems count.
_IDS = frozenset({"eventId", "customerId"})


@dataclass(frozen=True, slots=True)
class Rule:
    """Where one field comes from: a path, or a value that is the same for all messages."""

    path: str = ""
    value: str | None = None
    unit: str = ""

    def read(self, document: object) -> Any:
        """What `document` has there, or ABSENT."""
        if self.value is not None:
            return self.value
        return find(document, tuple(self.path.split("."))) if self.path else document


@dataclass(frozen=True, slots=True)
class EventMapping:
    """A checked mapping. Without rules, messages are events already."""

    rules: Mapping[str, Rule] = field(default_factory=dict)

    def apply(self, document: object) -> object:
        """The event in `document`, yet to be checked. What is absent or null there is left out."""
        if not self.rules:
            return document
        event: dict[str, Any] = {}
        for name, rule in self.rules.items():
            value = rule.read(document)
            if value is ABSENT or value is None:
                continue
            if rule.unit:
                value = _moment(value, rule.unit)
            elif name in _IDS and isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            event[name] = value
        return event

    def origin(self, name: str) -> str:
        """Where the field `name` was looked for; empty where nothing was mapped."""
        rule = self.rules.get(name)
        return "" if rule is None or rule.value is not None else rule.path or "the whole message"


def read_mapping(raw: object) -> EventMapping:
    """The mapping in `raw`. Raises ValidationFailed with paths such as `mapping.eventType`."""
    if not isinstance(raw, Mapping):
        raise ValidationFailed.at("mapping", 'must be an object such as {"eventType": "type"}.')
    problems: list[Detail] = []
    rules: dict[str, Rule] = {}
    for name, rule in raw.items():
        where = join_path("mapping", str(name))
        if name not in FIELDS:
            problems.append(Detail(where, f"is not a field of an event; they are {', '.join(FIELDS)}."))
            continue
        try:
            rules[name] = _read_rule(name, rule, where)
        except ValidationFailed as error:
            problems.extend(error.details)
    if "eventType" not in raw:
        problems.append(Detail("mapping.eventType", 'is required: a path, or {"value": "purchase"}.'))
    if problems:
        raise ValidationFailed.of(problems)
    return EventMapping(rules)


def _read_rule(name: str, raw: object, where: str) -> Rule:
    if isinstance(raw, str):
        return Rule(path=_checked_path(name, raw, where))
    if not isinstance(raw, Mapping):
        raise ValidationFailed.at(where, _expected(name))
    if name == "timestamp" and raw.keys() == {"path", "unit"}:
        if not isinstance(raw["path"], str):
            raise ValidationFailed.at(join_path(where, "path"), "must be a path.")
        if not isinstance(raw["unit"], str) or raw["unit"] not in UNITS:
            raise ValidationFailed.at(join_path(where, "unit"), "must be s or ms, counted from 1970.")
        return Rule(path=_checked_path(name, raw["path"], join_path(where, "path")), unit=raw["unit"])
    if name in {"eventType", "customerId"} and raw.keys() == {"value"}:
        return Rule(value=_checked_value(name, raw["value"], join_path(where, "value")))
    raise ValidationFailed.at(where, _expected(name))


def _expected(name: str) -> str:
    match name:
        case "timestamp":
            return 'must be a path, or {"path": "…", "unit": "s" or "ms"} for a number that counts from 1970.'
        case "eventType" | "customerId":
            return 'must be a path, or {"value": "…"}.'
        case _:
            return "must be a path."


def _checked_path(name: str, path: str, where: str) -> str:
    if not path:
        if name != "properties":
            raise ValidationFailed.at(where, "must not be empty; only properties can be the whole message.")
    elif len(path) > MAX_PATH_LENGTH:
        raise ValidationFailed.at(where, f"must have at most {MAX_PATH_LENGTH} characters.")
    elif not all(path.split(".")):
        raise ValidationFailed.at(where, "has an empty step; steps are joined by single dots.")
    return path


def _checked_value(name: str, value: object, where: str) -> str:
    if name == "eventType" and not (isinstance(value, str) and is_event_type(value)):
        raise ValidationFailed.at(where, f"must be {EVENT_TYPE_RULE}.")
    if name == "customerId" and not (isinstance(value, str) and is_customer_id(value)):
        raise ValidationFailed.at(where, f"must be {CUSTOMER_ID_RULE}.")
    return str(value)


def _moment(value: object, unit: str) -> str:
    """The moment as text. Raises ValidationFailed for what does not count from 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return iso(datetime.fromtimestamp(value / UNITS[unit], UTC))
        except (ValueError, OverflowError, OSError):  # outside of the years 1 to 9999
            pass
    raise ValidationFailed.at("timestamp", f"must be a number, in {unit} from 1970 on.")
