"""Users and API keys in Django admin, for admins alone."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import ManyToManyField, QuerySet
from django.forms import BaseModelForm, ModelForm, ModelMultipleChoiceField
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from kaireon.accounts.keys import create_key, revoke_key
from kaireon.accounts.models import ApiKey, User
from kaireon.accounts.roles import Ability, may
from kaireon.accounts.user_changes import announce_permissions

# Roles say who may do what; groups would be a second answer to the same question.
admin.site.unregister(Group)


class AdminRoleOnly:
    """Whatever permissions somebody was given: users and keys are for the role admin, or they would lead to it."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _may(self, request: HttpRequest) -> bool:
        return may(getattr(request.user, "role", ""), Ability.ADMINISTER)


@admin.register(User)
class UserAdmin(AdminRoleOnly, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # not at run time
    """People. Nobody is deleted, so that a name in the audit log keeps its meaning; they are made inactive."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "role", "is_active", "is_staff", "last_login")
    list_filter = ("role", "is_active", "is_staff")
    list_per_page = 50
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ("user_permissions",)
    fieldsets = (
        (None, {"fields": ("username", "password", "role", "is_active")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        (
            "Django admin",
            {
                "fields": ("is_staff", "user_permissions"),
                "description": "Admins see all of it. Anyone else needs the staff status, and a permission for each"
                " kind of thing to look at; an auditor, for one, views audit entries.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "password1", "password2")}),)

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelMultipleChoiceField[Any] | None":
        """What is changed is changed through the API or Studio, by role; admin permissions are for looking."""
        field: ModelMultipleChoiceField[Any] | None = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is not None and db_field.name == "user_permissions":
            field.queryset = (
                Permission.objects.filter(codename__startswith="view_")
                .exclude(content_type__app_label__in=("admin", "auth", "accounts", "contenttypes", "sessions"))
                .select_related("content_type")
                .order_by("content_type__app_label", "content_type__model")
            )
        return field

    def save_related(self, request: HttpRequest, form: "BaseModelForm[User]", formsets: Any, change: bool) -> None:
        """Permissions are saved apart from the user, so they are told about apart."""
        before = _permissions(form.instance)
        super().save_related(request, form, formsets, change)
        announce_permissions(form.instance, before=before, after=_permissions(form.instance))


def _permissions(user: User) -> list[str]:
    found = user.user_permissions.values_list("content_type__app_label", "codename")
    return [f"{app}.{codename}" for app, codename in found]


class KeyStateFilter(DropdownFilter):
    """Keys that open something, and keys that no longer do."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in use", "in use"), ("revoked", "revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        return queryset.filter(revoked_at__isnull=self.value() == "in use") if self.value() else queryset


@admin.register(ApiKey)
class ApiKeyAdmin(AdminRoleOnly, ModelAdmin):
    """Keys are issued and revoked, never changed."""

    list_display = ("name", "shown_prefix", "role", "created_at", "last_used_at", "shown_state")
    list_filter = ("role", KeyStateFilter)
    list_per_page = 50
    search_fields = ("name", "prefix", "id")
    fields = ("name", "role")
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Named by the action below."""
        return self.has_add_permission(request)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """Two fields make a key; more can be seen of one."""
        if obj is None:
            return self.fields
        return (*self.fields, "id", "shown_prefix", "created_at", "last_used_at", "revoked_at")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: "ModelForm[ApiKey]", change: bool) -> None:
        """Issues the key, and shows it this once."""
        key, plain = create_key(name=obj.name, role=obj.role)
        obj.pk = key.pk
        obj.refresh_from_db()
        messages.warning(
            request,
            format_html("Copy the key now, it is not shown again: <code><strong>{}</strong></code>", plain),
        )

    @display(description="Key")
    def shown_prefix(self, key: ApiKey) -> str:
        """Enough of the key to recognize it."""
        return f"{key.prefix}…"

    @display(description="State", label={"in use": "success", "revoked": "danger"})
    def shown_state(self, key: ApiKey) -> str:
        """Whether the key still opens anything."""
        return "revoked" if key.revoked_at else "in use"

    @action(description="Revoke selected API keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Ends the keys at once; those that are revoked already stay as they are."""
        living = list(queryset.filter(revoked_at=None))
        for key in living:
            revoke_key(key=key)
        self.message_user(request, f"Revoked: {len(living)}.", messages.SUCCESS)
