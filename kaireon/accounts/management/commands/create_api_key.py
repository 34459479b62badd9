"""`manage.py create_api_key --role admin --name NAME`: prints the key alone on its last line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kaireon.accounts.keys import create_key
from kaireon.accounts.roles import Role


class Command(BaseCommand):
    """Issues an API key. It is shown once and can't be had again."""

    help = "Issues an API key and prints it on the last line. It is shown once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", required=True, help="what the key is for, as the audit log will show it")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not name or len(name) > 255 or "\x00" in name:
            raise CommandError("--name must be 1 to 255 characters.")
        key, plain = create_key(name=name, role=options["role"])
        self.stdout.write(f"Key {key.id} with the role {key.role}; keep it safe, it is not shown again:")
        self.stdout.write(plain)
