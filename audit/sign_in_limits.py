"""Records where somebody tried to sign in too often."""

from typing import Any

from audit.log import NewEntry, record
from kaireon.accounts.models import User
from kaireon.accounts.sign_in_limits import sign_in_limited


def listen() -> None:
    """Connects to the signal of the limits, once."""
    sign_in_limited.connect(_record, dispatch_uid="audit.sign_in_limits")


def _record(*, login: str, address: str, wait_seconds: int, **_: Any) -> None:
    # A login that nobody has may be a password in the wrong field: it is not written down.
    user = User.objects.filter(username=login).first() if login.isprintable() else None
    subject = user.actor if user else ""
    facts = {"address": address, "waitSeconds": wait_seconds}
    record(NewEntry(action="sign_in.limited", subject=subject, facts=facts))
