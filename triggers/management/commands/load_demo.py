"""`manage.py load_demo`: a small bank, to look at and to try things out on."""

import json
import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from kaireon.accounts.keys import create_key
from kaireon.accounts.models import User
from kaireon.accounts.roles import Role
from kaireon.accounts.users import create_user, new_password
from kaireon.core import clock
from triggers.demo.door import Door, Refused
from triggers.demo.loading import load

LOGIN = "demo"


class Command(BaseCommand):
    """Adds what is missing, leaves what is there, and prints a login and a key as JSON on its last line."""

    help = "Loads the demo: a small bank with customers, offers, a journey and triggers, a login and an API key."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        logging.getLogger("kaireon.requests").setLevel(logging.WARNING)
        _, key = create_key(name="demo", role=Role.ADMIN)
        try:
            load(Door(key), now=clock.now())
        except Refused as error:
            raise CommandError(f"The demo can't be loaded. {error}") from None
        password = new_password()
        user = User.objects.filter(username=LOGIN).first()
        if user is None:
            create_user(login=LOGIN, role=Role.ADMIN, password=password)
        else:
            user.set_password(password)
            user.save(update_fields=["password"])
        self.stdout.write(json.dumps({"login": LOGIN, "password": password, "apiKey": key}))
