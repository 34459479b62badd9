"""Signing in and out. Comes before Django admin's routes: there is one sign-in page, this one."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from kaireon.accounts.views import SignIn, admin_login

urlpatterns = [
    path("login", SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("admin/login/", admin_login),
]
