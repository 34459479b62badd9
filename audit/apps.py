"""App configuration."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The audit log. It listens to changes of users and API keys, since accounts stand below it."""

    name = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        """Connects the listeners."""
        from audit import key_changes, user_changes

        key_changes.listen()
        user_changes.listen()
