"""The audit log in Django admin: to look at, to search, to take along. Django finds the registration here."""

from audit.admin.entries import EntryAdmin

__all__ = ["EntryAdmin"]
