"""What each step of a journey does, in a few words."""

from collections.abc import Callable, Mapping
from typing import Any

from kaireon import conditions

ICONS: Mapping[str, str] = {
    "entry_trigger": "log-in",
    "wait": "hourglass",
    "nba_decision": "sparkles",
    "condition_split": "split",
    "channel_action": "send",
    "update": "pencil",
    "exit": "flag",
}


def words(node_type: str, config: Mapping[str, Any]) -> str:
    """`48 h, or until loan.applied`. Never raises: what can't be read is left out."""
    say = _WORDS.get(node_type)
    return say(config) if say is not None else ""


def _entry(config: Mapping[str, Any]) -> str:
    if "segmentId" in config:
        return f"who enters {config['segmentId']}"
    if "eventType" in config:
        return str(config["eventType"]) + (" and a condition" if config.get("condition") else "")
    return "by triggers and by hand"


def _wait(config: Mapping[str, Any]) -> str:
    delay = config.get("delayHours")
    hours = f"{delay:g} h" if isinstance(delay, int | float) else "some time"
    return f"{hours}, or until {config['waitForEvent']}" if "waitForEvent" in config else hours


def _split(config: Mapping[str, Any]) -> str:
    try:
        return conditions.describe(conditions.parse(config.get("condition", {})))
    except conditions.ConditionError:
        return ""


def _decision(config: Mapping[str, Any]) -> str:
    return str(config.get("decisionFlowId", ""))


def _channel(config: Mapping[str, Any]) -> str:
    return str(config.get("channelId", ""))


def _update(config: Mapping[str, Any]) -> str:
    updates = config.get("updates")
    names = [str(one.get("field", "")) for one in updates if isinstance(one, dict)] if isinstance(updates, list) else []
    return ", ".join(names)


def _exit(config: Mapping[str, Any]) -> str:
    return str(config.get("reason", ""))


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "entry_trigger": _entry,
    "wait": _wait,
    "nba_decision": _decision,
    "condition_split": _split,
    "channel_action": _channel,
    "update": _update,
    "exit": _exit,
}
