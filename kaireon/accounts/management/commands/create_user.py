"""`manage.py create_user --role admin --login NAME`: prints a generated password alone on its last line."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from kaireon.accounts.roles import Role
from kaireon.accounts.users import create_user, new_password


class Command(BaseCommand):
    """Creates a user who signs in at /login."""

    help = "Creates a user and prints a generated password on the last line, or takes one from standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", required=True, choices=[role for role in Role.values if role != Role.INGEST])
        parser.add_argument("--login", required=True, help="the name to sign in with, as the audit log will show it")
        parser.add_argument(
            "--password-stdin", action="store_true", help="take the password from the first line of standard input"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        given = options["password_stdin"]
        password = sys.stdin.readline().rstrip("\r\n") if given else new_password()
        try:
            user = create_user(login=options["login"], role=options["role"], password=password)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"User {user.username} with the role {user.role} signs in at /login.")
        if not given:
            self.stdout.write("The password, which is not shown again:")
            self.stdout.write(password)
