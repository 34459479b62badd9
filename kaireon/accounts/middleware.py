"""Names the signed-in person as the actor, for pages outside of the API (Studio, Django admin)."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from kaireon.accounts.models import User
from kaireon.core.context import set_actor


class ActorMiddleware:
    """Comes after Django's AuthenticationMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "sessionid" in request.COOKIES and isinstance(request.user, User):
            set_actor(request.user.actor)
        return self.get_response(request)
