"""Stand-ins for secrets in what is rendered, until the moment of sending."""

import re
import secrets as randomness
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from kaireon.core.templating.errors import MissingSecret

SECRET_NAME: Final = r"[A-Za-z][A-Za-z0-9_]{0,63}"


def is_secret_name(text: str) -> bool:
    """Whether a secret may have this name."""
    return re.fullmatch(SECRET_NAME, text) is not None


@dataclass(frozen=True, slots=True)
class SecretMarkers:
    """The markers of one rendering.

    The nonce is made after the event was accepted and is never shown, so that no event can hold a marker. It has to be
    stored beside what was rendered: without it the markers are mere text. A marker is made of letters, digits, `_` and
    `-` alone, and thus stays in one piece in a URL, a header and a body.
    """

    nonce: str

    @classmethod
    def new(cls) -> Self:
        """Markers with a fresh random nonce."""
        return cls(randomness.token_hex(16))

    def mark(self, name: str) -> str:
        """The text that stands for the secret `name`."""
        return f"{self._prefix}{name}-"

    def fill(self, value: Any, secrets: Mapping[str, str]) -> Any:
        """`value` with secrets in the place of markers, in one pass: a marker inside a secret stays as it is.

        Raises MissingSecret.
        """

        def secret(found: re.Match[str]) -> str:
            try:
                return secrets[found[1]]
            except KeyError:
                raise MissingSecret(found[1]) from None

        return self._replace(value, secret)

    def mask(self, value: Any) -> Any:
        """`value` with `{{secret.name}}` in the place of markers, fit to be shown."""
        return self._replace(value, lambda found: f"{{{{secret.{found[1]}}}}}")

    def names(self, value: Any) -> frozenset[str]:
        """The secrets whose markers `value` holds."""
        found: set[str] = set()

        def note(marker: re.Match[str]) -> str:
            found.add(marker[1])
            return marker[0]

        self._replace(value, note)
        return frozenset(found)

    @property
    def _prefix(self) -> str:
        return f"kaireon-secret-{self.nonce}-"

    def _replace(self, value: Any, replacement: Callable[[re.Match[str]], str]) -> Any:
        pattern = re.compile(f"{re.escape(self._prefix)}({SECRET_NAME})-")

        def walk(part: Any) -> Any:
            if isinstance(part, str):
                return pattern.sub(replacement, part)
            if isinstance(part, list):
                return [walk(item) for item in part]
            if isinstance(part, dict):
                # A key is never a template, so no marker gets into one.
                return {key: walk(item) for key, item in part.items()}
            return part

        return walk(value)
