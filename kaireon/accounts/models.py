"""Users and API keys."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models, transaction

from kaireon.accounts.roles import Role
from kaireon.accounts.user_changes import announce_created, announce_saved, told_fields
from kaireon.core.ids import time_ordered_id


class Users(UserManager["User"]):
    """Django's manager, whose superusers have the role to match."""

    use_in_migrations = False

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra_fields: Any
    ) -> "User":
        """What `manage.py createsuperuser` calls."""
        return super().create_superuser(username, email, password, **{"role": Role.ADMIN, **extra_fields})


class User(AbstractUser):
    """A person who signs in. `role` rules the API and Studio; Django admin asks for `is_staff` as ever.

    An admin is staff and superuser. An auditor who is no admin: `is_staff` and the permission to view audit entries.
    """

    role = models.CharField(
        max_length=16, choices=[choice for choice in Role.choices if choice[0] != Role.INGEST], default=Role.VIEWER
    )

    objects: ClassVar[Users] = Users()

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keeps Django admin's flags in step with the role, and tells the audit log what has changed."""
        if self.role == Role.ADMIN:
            self.is_staff = self.is_superuser = True
        else:
            self.is_superuser = False
        fields = kwargs.get("update_fields")
        if fields is not None and "role" in fields:
            fields = kwargs["update_fields"] = {*fields, "is_staff", "is_superuser"}
        is_new = self._state.adding
        # Django's own mark of a password that was set, and not merely hashed anew at sign-in.
        has_new_password = self._password is not None  # type: ignore[attr-defined]  # left out by the stubs
        told = told_fields(fields)
        stored = (
            User.objects.select_for_update().filter(pk=self.pk).values(*told).first() if told and not is_new else None
        )
        super().save(*args, **kwargs)
        if is_new:
            announce_created(self)
        else:
            announce_saved(self, before=stored or {}, has_new_password=has_new_password)

    @property
    def actor(self) -> str:
        """How the audit log names this person."""
        return f"user:{self.get_username()}"


def _key_id() -> str:
    return time_ordered_id("ak_")


class ApiKey(models.Model):
    """A program's way in. The key itself is shown once; only its SHA-256 stays (it has 256 random bits)."""

    id = models.CharField(primary_key=True, max_length=128, default=_key_id, editable=False)
    name = models.CharField(max_length=255)
    role = models.CharField(max_length=16, choices=Role.choices)
    prefix = models.CharField(max_length=16, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ("-created_at", "id")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def actor(self) -> str:
        """How the audit log names this key."""
        return f"key:{self.id} ({self.name})"

    @property
    def is_authenticated(self) -> bool:
        """DRF treats the key as the request's user."""
        return True
