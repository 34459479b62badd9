"""What is to be sent: rows, written in the transaction of whoever wants it sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from kaireon.core import clock
from kaireon.core.copy_rows import copy_rows
from kaireon.core.ids import time_ordered_ids
from kaireon.core.json_values import encode
from kaireon.delivery.addresses import TargetRefused, parse
from kaireon.delivery.models import Delivery, Kind, Status
from kaireon.delivery.waking import wake_on_commit

PREFIX = "dlv_"
MAIL_HOST = "e-mail"
"""What stands for the mail server in `host`, since which one it is is known when an e-mail is sent."""

_COLUMNS = (
    "id",
    "created_at",
    "source",
    "source_id",
    "firing_id",
    "event_id",
    "customer_id",
    "kind",
    "url",
    "host",
    "method",
    "headers",
    "body",
    "secret_nonce",
    "status",
    "reason",
    "attempts",
    "retries",
    "is_redelivery",
    "next_attempt_at",
    "last_error",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """One message. `url`, `headers` and `body` may hold the secret markers of `secret_nonce`.

    `body` is any JSON value. `headers` should have passed `headers.check_headers`, and `url` `addresses.check_url`;
    what does not is refused when it is sent.
    """

    source: str
    source_id: str
    firing_id: str
    event_id: str
    customer_id: str | None
    url: str
    method: str
    headers: Mapping[str, str]
    body: Any
    secret_nonce: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEmail:
    """One e-mail. `recipient` is one address, with or without a name; `mail.check_mail` tells what can't be sent.

    `sender` may be empty: then it comes from KAIREON_EMAIL_FROM as it is when the e-mail is sent.
    """

    source: str
    source_id: str
    firing_id: str
    event_id: str
    customer_id: str | None
    sender: str
    recipient: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class _Content:
    """The columns in which the kinds differ."""

    kind: Kind
    url: str
    host: str
    method: str
    headers: dict[str, str]
    body: str
    secret_nonce: str


def enqueue(messages: Sequence[NewDelivery | NewEmail]) -> list[str]:
    """Stores `messages` in the caller's transaction, in one statement, and wakes a worker when it is committed.

    They are begun in the order given, as far as one receiver is concerned. Returns their ids.
    """
    if not messages:
        return []
    now = clock.now()
    # Random within a millisecond; sorted, they keep the order of the messages.
    ids = sorted(time_ordered_ids(PREFIX, len(messages)))
    copy_rows(
        Delivery,
        _COLUMNS,
        [
            (
                delivery_id,
                now,
                message.source,
                message.source_id,
                message.firing_id,
                message.event_id,
                message.customer_id,
                content.kind.value,
                content.url,
                content.host,
                content.method,
                content.headers,
                content.body,
                content.secret_nonce,
                Status.PENDING.value,
                "",
                0,
                0,
                False,
                now,
                "",
            )
            for delivery_id, message, content in zip(ids, messages, map(_content, messages), strict=True)
        ],
    )
    wake_on_commit()
    return ids


def _content(message: NewDelivery | NewEmail) -> _Content:
    if isinstance(message, NewDelivery):
        return _Content(
            kind=Kind.HTTP,
            url=message.url,
            host=_host(message.url),
            method=message.method,
            headers=dict(message.headers),
            body=encode(message.body).decode(),
            secret_nonce=message.secret_nonce,
        )
    return _Content(
        kind=Kind.EMAIL,
        url=f"mailto:{parseaddr(message.recipient)[1]}",
        host=MAIL_HOST,
        method="SEND",
        headers={"From": message.sender, "To": message.recipient, "Subject": message.subject},
        body=encode(message.text).decode(),
        secret_nonce="",
    )


def _host(url: str) -> str:
    """Host and port; empty for a URL that will be refused. A marker in it stands for itself."""
    try:
        target = parse(url)
    except TargetRefused:
        return ""
    return f"{target.host}:{target.port}"
