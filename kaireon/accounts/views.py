"""The sign-in page."""

import math
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from kaireon.accounts.client_address import client_address
from kaireon.accounts.sign_in_limits import begin_attempt, succeeded
from kaireon.core import clock


class SignInForm(AuthenticationForm):
    """One answer for a wrong login, a wrong password and a user who was deactivated."""

    error_messages = {
        "invalid_login": "No user has this login and password. Mind that capitals count.",
        "inactive": "No user has this login and password. Mind that capitals count.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Login"
        for name, field in self.fields.items():
            field.error_messages["required"] = f"Enter your {name if name != 'username' else 'login'}."
            field.widget.attrs["class"] = "input"


class SignIn(LoginView):
    """GET shows the form, POST signs in and leads on to `next`."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Looks at the password, unless there were too many attempts of late: then it is 429, right or wrong."""
        wait_seconds = begin_attempt(login=_typed_login(request), address=client_address(request))
        if not wait_seconds:
            return super().post(request, *args, **kwargs)
        answer = self.render_to_response(self.get_context_data(form=self._held_back(wait_seconds)), status=429)
        answer["Retry-After"] = str(wait_seconds)
        return answer

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Signs in, under a new session id."""
        succeeded(login=_typed_login(self.request), address=client_address(self.request))
        return super().form_valid(form)

    def _held_back(self, wait_seconds: int) -> AuthenticationForm:
        """The form with what was typed, unread, and a sentence that says when to come back."""
        form = self.get_form_class()(self.request, initial={"username": _typed_login(self.request)[:150]})
        minutes = math.ceil(wait_seconds / 60)
        at = clock.now() + timedelta(seconds=wait_seconds)
        form.held_back = (  # type: ignore[attr-defined]  # read by the template
            f"Too many attempts to sign in. Try again in {minutes} minute{'' if minutes == 1 else 's'},"
            f" at {at:%H:%M} UTC."
        )
        return form


def _typed_login(request: HttpRequest) -> str:
    # As the form reads it, so that blanks around a login don't make it another one.
    return str(request.POST.get("username", "")).strip()


def admin_login(request: HttpRequest) -> HttpResponse:
    """Where Django admin sends those who may not see it: to the sign-in page, unless they are signed in already."""
    if admin.site.has_permission(request):
        return redirect("admin:index")
    if request.user.is_authenticated:
        raise PermissionDenied(
            "Django admin is for staff. Ask an admin to give you access, or sign in as someone else."
        )
    return redirect_to_login(request.GET.get("next", reverse("admin:index")))
