"""App configuration."""

from django.apps import AppConfig
from django.core.checks import register


class AuditConfig(AppConfig):
    """The audit log. It listens to what happens to users and API keys, since accounts stand below it."""

    name = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        """Connects the listeners and the check."""
        from audit import checks, key_changes, sign_in_limits, user_changes

        key_changes.listen()
        user_changes.listen()
        sign_in_limits.listen()
        register(checks.audit_keys)
