"""What a role may do by which method."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from kaireon.accounts.roles import Ability, may

if TYPE_CHECKING:  # DRF reads its settings, and so imports this module, while its views are being imported
    from rest_framework.views import APIView

DEFAULT_ABILITIES: Mapping[str, Ability] = {
    "GET": Ability.READ,
    "HEAD": Ability.READ,
    "OPTIONS": Ability.READ,
    "POST": Ability.WRITE,
    "PUT": Ability.WRITE,
    "PATCH": Ability.WRITE,
    "DELETE": Ability.DELETE,
}
ADMIN_ONLY: Mapping[str, Ability] = dict.fromkeys(DEFAULT_ABILITIES, Ability.ADMINISTER)


class RolePermission(BasePermission):
    """Compares the caller's role with the view's `abilities` for the method, or the defaults above."""

    message = "Your role may not do this; ask an admin for a key or a user with a higher role."
    abilities: ClassVar[Mapping[str, Ability]] = DEFAULT_ABILITIES

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            return False
        needed = {**DEFAULT_ABILITIES, **getattr(view, "abilities", {})}.get(request.method or "")
        # A method that the view lacks is answered with 405 by DRF, whoever asks.
        return needed is None or may(getattr(request.user, "role", ""), needed)
