"""`manage.py rotate_secrets`: encrypts all secrets anew under the first key of KAIREON_SECRETS_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kaireon.secrets import vault
from kaireon.secrets.encryption import VaultUnusable


class Command(BaseCommand):
    """Run it after a new key was put in front of the old one; then the old one can be removed."""

    help = "Encrypts all secrets anew under the first key of KAIREON_SECRETS_KEYS; the other keys can go then."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = vault.rotate()
        except VaultUnusable as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"Encrypted under the first key: {result.count}.")
        if result.unreadable:
            raise CommandError(
                f"Left as they are, since no key decrypts them: {', '.join(result.unreadable)}."
                " Put back the key that they were encrypted with and run this again, or set them anew."
            )
