"""An events worker, or a delivery worker, that breaks the promises: the control drill shows that the checks notice.

`python -m tests.drill.sabotage` in the place of `celery`. It forgets cooldowns, changes some records twice, skips some
firings, and takes some webhooks for delivered that it never sent.
"""

import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import django
from celery.__main__ import main

_ONE_IN = 50


def _is_unlucky(text: str) -> bool:
    return zlib.crc32(text.encode()) % _ONE_IN == 0


def generous(granted: Callable[[datetime], Any]) -> Callable[..., Any]:
    """No cooldown at all."""

    def claim(claims: Sequence[Any], *, lane: int) -> list[Any]:
        return [granted(datetime.now(tz=UTC)) for _ in claims]

    return claim


def twice_now_and_then(carry_out: Callable[..., Any]) -> Callable[..., Any]:
    """The action's effect once more than the firing says."""

    def act(work: Any, scope: Any) -> Any:
        if _is_unlucky(work.firing_id):
            carry_out(work, scope)
        return carry_out(work, scope)

    return act


def forgetful(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    """Some firings are never carried out."""

    def act(granted: Sequence[Any], scope: Any) -> Any:
        return dispatch([one for one in granted if not _is_unlucky(one[1].firing_id[::-1])], scope)

    return act


def hollow(send: Callable[..., Any], answer: Callable[..., Any]) -> Callable[..., Any]:
    """Some webhooks are not sent, and count as delivered."""

    def act(*, headers: dict[str, str], **request: Any) -> Any:
        if _is_unlucky(headers["webhook-id"]):
            return answer(200, None, b"")
        return send(headers=headers, **request)

    return act


def break_promises() -> None:
    """From here on, in this process and all that it forks."""
    from kaireon.delivery import http, sender
    from triggers.actions import update_attribute
    from triggers.engine import cooldown, pipeline

    vars(cooldown)["claim"] = generous(cooldown.Granted)
    for module, name, spoilt in (
        (update_attribute, "_carry_out", twice_now_and_then),
        (pipeline, "dispatch", forgetful),
        (sender, "send", lambda send: hollow(send, http.Answer)),
    ):
        vars(module)[name] = spoilt(vars(module)[name])


if __name__ == "__main__":
    django.setup()
    break_promises()
    main()
