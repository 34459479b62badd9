"""The WSGI application that the web server serves."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from kaireon.core.garbage import look_for_garbage_seldom

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kaireon.settings")

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_bodies_of_any_length(inner: WSGIApplication) -> WSGIApplication:
    """Lets `inner` see bodies that come in chunks.

    Their length isn't known beforehand. Django reads no more than was announced, which is nothing, so the body would be
    taken for an empty one. The server ends such a body by itself: one more byte than is allowed can be announced.
    """

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ:
            environ["CONTENT_LENGTH"] = str(settings.MAX_BODY_BYTES + 1)
        return inner(environ, start_response)

    return application


application = with_bodies_of_any_length(get_wsgi_application())
look_for_garbage_seldom()
