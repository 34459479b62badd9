"""From a stored delivery to what goes over the wire: secrets filled in, checked, signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kaireon.core.json_values import encode
from kaireon.core.templating import MissingSecret
from kaireon.delivery.headers import header_problems
from kaireon.delivery.mail import Mail, mail_of, problem_of
from kaireon.delivery.models import Delivery, Kind
from kaireon.delivery.signing import signature_headers
from kaireon.secrets.vault import SecretValues

USER_AGENT = "Kaireon-Triggers/1"
_OURS = {"content-type": "application/json", "user-agent": USER_AGENT}


class Unsendable(Exception):
    """What was stored can't be made into a message; the text says why. `is_final`: nor will it be later."""

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Message:
    """One request, with secrets in it: it lives in memory, for as long as the attempt takes."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def secrets_of(delivery: Delivery, secrets: SecretValues) -> dict[str, str]:
    """The values that are filled into this delivery."""
    return {name: secrets.values[name] for name in delivery.secret_names if name in secrets.values}


def build(
    delivery: Delivery, *, secrets: SecretValues, signing_secrets: Sequence[str], now: datetime
) -> Message | Mail:
    """The message as it is sent now. Raises Unsendable."""
    if delivery.kind == Kind.EMAIL:
        mail = mail_of(delivery)
        if problem := problem_of(mail):
            raise Unsendable(problem, is_final=True)
        return mail
    if unreadable := sorted(delivery.secret_names & secrets.unreadable):
        raise Unsendable(
            f"The secret {unreadable[0]} can't be decrypted with any key of KAIREON_SECRETS_KEYS.", is_final=False
        )
    url, headers, payload = delivery.url, delivery.headers, delivery.payload
    if delivery.markers:
        try:
            url, headers, payload = delivery.markers.fill([url, headers, payload], secrets.values)
        except MissingSecret as error:
            raise Unsendable(str(error), is_final=True) from None
    for name, problem in header_problems(headers):
        raise Unsendable(f"The header {name} {problem}", is_final=True)
    body = encode(payload)
    signature = signature_headers(message_id=delivery.firing_id, body=body, signing_secrets=signing_secrets, now=now)
    theirs = {name: value for name, value in headers.items() if name.lower() not in _OURS}
    return Message(delivery.method, url, theirs | _OURS | signature, body)
