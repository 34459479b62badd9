"""E-mail: from a stored delivery to a message, sent by the backend of the settings."""

import re
import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from email.utils import getaddresses, parseaddr

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.message import sanitize_address
from django.core.validators import validate_email

from kaireon.delivery.connecting import NotConnected
from kaireon.delivery.http import Answer
from kaireon.delivery.models import Delivery
from kaireon.delivery.retries import Verdict

MAX_SUBJECT_LENGTH = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BAD_CREDENTIALS = frozenset({530, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail. `message_id` is the same on every attempt, so that mail systems can tell a repetition."""

    message_id: str
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)


def mail_of(delivery: Delivery) -> Mail:
    """The e-mail in `delivery`, unchecked. Where it names no sender, that of the settings."""
    sender = delivery.headers.get("From") or settings.DEFAULT_FROM_EMAIL
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return Mail(
        message_id=f"<{delivery.pk}@{domain}>",
        sender=sender,
        recipient=delivery.headers["To"],
        subject=delivery.headers["Subject"],
        text=delivery.payload,
    )


def address_problem(text: str) -> str:
    """What is wrong with `text` as one address (`ada@example.com`, `Ada <ada@example.com>`); empty where nothing is."""
    if has_line_break(text):
        return "must not contain line breaks or other control characters."
    found = getaddresses([text])
    if len(found) != 1:
        return "must be one e-mail address, not several."
    try:
        validate_email(found[0][1])
        # What Django will make of it: its parser takes less than the one above.
        sanitize_address(text, "utf-8")
    except (ValidationError, ValueError):
        return "must be an e-mail address, such as ada@example.com."
    return ""


def subject_problem(text: str) -> str:
    """What is wrong with `text` as a subject; empty where nothing is."""
    if has_line_break(text):
        return "must not contain line breaks or other control characters."
    return f"must have at most {MAX_SUBJECT_LENGTH} characters." if len(text) > MAX_SUBJECT_LENGTH else ""


def has_line_break(text: str) -> bool:
    """Whether `text` could end a header and begin another one, or holds what no header may."""
    return _CONTROL.search(text) is not None


def problem_of(mail: Mail) -> str:
    """Why `mail` can't be sent, as a sentence; empty where it can. Looked at again before each attempt."""
    for name, problem in (
        ("From", address_problem(mail.sender)),
        ("To", address_problem(mail.recipient)),
        ("Subject", subject_problem(mail.subject)),
    ):
        if problem:
            return f"The header {name} {problem}"
    return ""


def send_mail(mail: Mail) -> tuple[Answer | None, Verdict, str]:
    """Sends once: the mail server's answer where it refused, what follows, and the error in words.

    Raises nothing that a mail server, or the way to it, can bring about.
    """
    connection = get_connection()
    try:
        EmailMessage(
            subject=mail.subject,
            body=mail.text,
            from_email=mail.sender,
            to=[mail.recipient],
            # So that no out-of-office note comes back.
            headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
            connection=connection,
        ).send()
    except (OSError, smtplib.SMTPException) as error:
        return _failure(error)
    finally:
        # Django leaves a conversation open that did not get as far as the message.
        connection.close()
    return None, Verdict.DELIVERED, ""


def _failure(error: OSError) -> tuple[Answer | None, Verdict, str]:
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, said = next(iter(error.recipients.values()))
            return _refused("the recipient", code, said)
        case smtplib.SMTPAuthenticationError():
            return _answer(error), Verdict.RETRY, f"The mail server refused the login ({error.smtp_code})."
        case smtplib.SMTPSenderRefused():
            return _refused("the sender", error.smtp_code, error.smtp_error)
        case smtplib.SMTPDataError():
            return _refused("the message", error.smtp_code, error.smtp_error)
        case smtplib.SMTPResponseException():
            # It has not come to the message yet: nothing is said about this one.
            return _answer(error), Verdict.RETRY, f"The mail server answered {error.smtp_code}."
        case smtplib.SMTPNotSupportedError():
            return None, Verdict.RETRY, "The mail server lacks what the settings ask for: STARTTLS or a login."
        case smtplib.SMTPException():
            reason = "The mail server closed the connection, or was too slow, before it had taken the message."
            return None, Verdict.RETRY, reason
        case ssl.SSLCertVerificationError():
            reason = f"The mail server's TLS certificate is not trusted: {error.verify_message}."
            return None, Verdict.RETRY, reason
        case ssl.SSLError():
            return None, Verdict.RETRY, "The TLS handshake with the mail server failed."
        case socket.gaierror():
            return None, Verdict.RETRY, "The mail server's name does not resolve."
        case NotConnected() | ConnectionError() | TimeoutError():
            return None, Verdict.RETRY, "There was no connection to the mail server."
    # The folder that stands in for a mail server can't be written to, or the like.
    return None, Verdict.RETRY, f"The e-mail could not be handed over ({type(error).__name__})."


def is_about_the_server(code: int) -> bool:
    """Whether an answer speaks of the mail server, or of us, and so of every message: 421, or a refused login."""
    return code == 421 or code in _BAD_CREDENTIALS


def _refused(what: str, code: int, said: bytes | str) -> tuple[Answer | None, Verdict, str]:
    """4xx may go better later, and so may a 5xx about who we are; any other 5xx is final."""
    verdict = Verdict.FINAL if code >= 500 and code not in _BAD_CREDENTIALS else Verdict.RETRY
    end = ", which is final" if verdict is Verdict.FINAL else ""
    return Answer(code, None, _bytes(said)), verdict, f"The mail server refused {what} with {code}{end}."


def _answer(error: smtplib.SMTPResponseException) -> Answer:
    return Answer(error.smtp_code, None, _bytes(error.smtp_error))


def _bytes(said: bytes | str) -> bytes:
    raw = said if isinstance(said, bytes) else said.encode()
    return raw[:1024]
