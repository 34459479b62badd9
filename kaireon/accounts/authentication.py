"""How a request proves who it is: an API key in a header, or the browser's session with its CSRF token."""

from collections.abc import Mapping

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from kaireon.accounts.keys import find_key
from kaireon.accounts.models import ApiKey, User
from kaireon.core import clock
from kaireon.core.context import set_actor


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer krn_…` or `X-API-Key: krn_…`."""

    def authenticate(self, request: Request) -> tuple[ApiKey, str] | None:
        plain = presented_key(request.headers)
        if plain is None:
            return None
        key = find_key(plain, now=clock.now())
        if key is None:
            raise exceptions.AuthenticationFailed("This API key is not valid: it is misspelt or was revoked.")
        set_actor(key.actor)
        return key, key.id

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401, not 403, where nobody is signed in."""
        return 'Bearer realm="kaireon"'


class BrowserSessionAuthentication(SessionAuthentication):
    """Django's session; writes need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        found = super().authenticate(request)
        if found is None or not isinstance(found[0], User):
            return None
        set_actor(found[0].actor)
        return found[0], None


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The text of the API key that came with a request. Raises DRF's AuthenticationFailed for other credentials."""
    header = headers.get("Authorization", "")
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if header:
        raise exceptions.AuthenticationFailed("Use Authorization: Bearer krn_… or X-API-Key: krn_….")
    return headers.get("X-API-Key")
