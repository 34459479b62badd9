"""The sign-in page."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


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


def admin_login(request: HttpRequest) -> HttpResponse:
    """Where Django admin sends those who may not see it: to the sign-in page, unless they are signed in already."""
    if admin.site.has_permission(request):
        return redirect("admin:index")
    if request.user.is_authenticated:
        raise PermissionDenied(
            "Django admin is for staff. Ask an admin to give you access, or sign in as someone else."
        )
    return redirect_to_login(request.GET.get("next", reverse("admin:index")))
