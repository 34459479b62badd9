"""Secrets in Django admin: names and dates; a value goes in and never comes out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from kaireon.accounts.roles import Ability, may
from kaireon.core.templating import is_secret_name
from kaireon.secrets import vault
from kaireon.secrets.encryption import VaultUnusable, check_keys
from kaireon.secrets.models import Secret


class SecretForm(forms.ModelForm[Secret]):
    """A name and a new value."""

    name = forms.CharField(
        max_length=64, widget=UnfoldAdminTextInputWidget, help_text="Used in webhooks as {{secret.name}}."
    )
    value = forms.CharField(
        max_length=vault.MAX_VALUE_LENGTH,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
        help_text="Replaces the old value. It is encrypted, and can't be read again.",
    )

    class Meta:
        model = Secret
        fields = ("name",)

    def clean_name(self) -> str:
        """The name rule of the API."""
        name: str = self.cleaned_data["name"]
        if not is_secret_name(name):
            raise ValidationError(f"Must be {vault.NAME_RULE}.")
        return name

    def clean_value(self) -> str:
        """The value rule of the API."""
        value: str = self.cleaned_data["value"]
        if problem := vault.value_problem(value):
            raise ValidationError(problem.capitalize())
        try:
            check_keys()
        except VaultUnusable as error:
            raise ValidationError(error.message) from None
        return value


@admin.register(Secret)
class SecretAdmin(ModelAdmin):
    """For admins alone; each change goes through the vault, and so into the audit log."""

    form = SecretForm
    list_display = ("name", "created_at", "updated_at")
    search_fields = ("name",)
    ordering = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Secret | None = None) -> tuple[str, ...]:
        """A secret keeps its name: triggers refer to it."""
        return ("name", "created_at", "updated_at") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Secret | None = None) -> tuple[str, ...]:
        return ("name", "value", "created_at", "updated_at") if obj else ("name", "value")

    @method_decorator(sensitive_post_parameters("value"))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As ever; error reports leave the value out."""
        response: HttpResponseBase = super().changeform_view(request, *args, **kwargs)
        return response

    def save_model(self, request: HttpRequest, obj: Secret, form: forms.ModelForm[Secret], change: bool) -> None:
        """Encrypts and audits."""
        saved, _ = vault.set_secret(name=obj.name, value=form.cleaned_data["value"])
        obj.ciphertext, obj.created_at, obj.updated_at = saved.ciphertext, saved.created_at, saved.updated_at

    def delete_model(self, request: HttpRequest, obj: Secret) -> None:
        """Deletes and audits."""
        vault.delete_secret(name=obj.name)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Secret]) -> None:
        """One by one, so that each is audited."""
        for secret in queryset:
            vault.delete_secret(name=secret.name)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _may_administer(request)

    def has_view_permission(self, request: HttpRequest, obj: Secret | None = None) -> bool:
        return _may_administer(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may_administer(request)

    def has_change_permission(self, request: HttpRequest, obj: Secret | None = None) -> bool:
        return _may_administer(request)

    def has_delete_permission(self, request: HttpRequest, obj: Secret | None = None) -> bool:
        return _may_administer(request)


def _may_administer(request: HttpRequest) -> bool:
    return may(getattr(request.user, "role", ""), Ability.ADMINISTER)
