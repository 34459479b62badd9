"""What the tests here share."""

from tests.accounts.quick_passwords import quick_passwords

__all__ = ["quick_passwords"]
