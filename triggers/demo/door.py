"""The demo's way in: the API itself, called in this process, so that the demo can do nothing that a caller can't."""

from typing import Any

from django.conf import settings
from django.test import Client

from kaireon.core.json_values import encode

PATH = "/api/v1"


class Refused(Exception):
    """The API said no; the message is its own."""


class Door:
    """Calls the API with a key."""

    def __init__(self, key: str) -> None:
        host = next((host for host in settings.ALLOWED_HOSTS if "*" not in host), "localhost")
        self._client = Client(headers={"Authorization": f"Bearer {key}", "Host": host})

    def exists(self, path: str) -> bool:
        """Whether there is something at `path`."""
        return self._client.get(PATH + path, secure=True).status_code == 200

    def send(self, method: str, path: str, body: Any) -> Any:
        """The answer's body. Raises Refused for anything but 2xx."""
        answer = self._client.generic(method, PATH + path, encode(body), content_type="application/json", secure=True)
        if not 200 <= answer.status_code < 300:
            raise Refused(f"{method} {path}: {answer.json()['error']['message']}")
        return answer.json() if answer.content else None
