"""The errors that users see. Domain functions raise them; the API and Studio render them in one shape.

Every message says what was wrong, where, and what to do; nothing internal gets into one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

MAX_DETAILS = 100
"""Of one error: a body has room for a million mistakes, and nobody reads more than a few of them."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One problem. `field` is a path into the body (`condition.all[1].operator`), empty for the body as a whole."""

    field: str
    message: str


class ApiError(Exception):
    """An error with an HTTP status and a stable code."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retry_after_seconds: ClassVar[int | None] = None
    """What the header Retry-After says, where waiting helps."""

    def __init__(self, message: str, details: Sequence[Detail] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = list(details[:MAX_DETAILS])


class ValidationFailed(ApiError):
    """The body or a query parameter breaks a rule."""

    code = "validation_failed"
    status = 400

    @classmethod
    def of(cls, details: Sequence[Detail]) -> Self:
        """All problems of one body; the first one is the headline."""
        first = details[0]
        headline = f"{first.field}: {first.message}" if first.field else first.message
        if len(details) > MAX_DETAILS:
            headline += f" (and more; details has the first {MAX_DETAILS})"
        elif len(details) > 1:
            headline += f" (and {len(details) - 1} more, see details)"
        return cls(headline, details)

    @classmethod
    def at(cls, field: str, message: str) -> Self:
        """One problem at one path."""
        return cls.of([Detail(field, message)])

    def under(self, prefix: str) -> Self:
        """The same problems, their paths put below `prefix`."""
        return self.of([Detail(join_path(prefix, detail.field), detail.message) for detail in self.details])


class MalformedJson(ApiError):
    """The body can't be read as JSON."""

    code = "malformed_json"
    status = 400


class NotFound(ApiError):
    """There is nothing with that id."""

    code = "not_found"
    status = 404


class Conflict(ApiError):
    """The change contradicts what is stored: an id taken, another version saved meanwhile."""

    code = "conflict"
    status = 409


class InvalidTransition(ApiError):
    """The status can't go from where it is to what was asked."""

    code = "invalid_transition"
    status = 409


class PayloadTooLarge(ApiError):
    """The body is over the limit."""

    code = "payload_too_large"
    status = 413


class UnsupportedMediaType(ApiError):
    """The body is not plain JSON."""

    code = "unsupported_media_type"
    status = 415


class ServiceUnavailable(ApiError):
    """A part that the call needs is away; the caller may try again."""

    code = "unavailable"
    status = 503


def join_path(prefix: str, path: str) -> str:
    """`prefix` and `path` as one path: `condition` + `all[0]`, `[3]` + `eventType`, `updates` + `[0].field`."""
    if not prefix or not path:
        return prefix or path
    return f"{prefix}{path}" if path.startswith("[") else f"{prefix}.{path}"
