"""`manage.py erase_customer <id>`: takes a customer's personal data out of everything."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kaireon.core.errors import ApiError
from kaireon.erasure.erasing import erase_customer

# Longer than anything can be on its way: its lease ends after a minute.
RUN_SECONDS = 3600.0


class Command(BaseCommand):
    """Waits for what is being sent, and goes on until nothing is left."""

    help = "Erases a customer's personal data: records, events, messages, deliveries, details. Can't be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("customer_id", help="the customer's id, as events have it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = erase_customer(options["customer_id"], run_seconds=RUN_SECONDS, wait=time.sleep)
        except ApiError as error:
            raise CommandError(error.message) from None
        for kind, count in done.erased.items():
            self.stdout.write(f"{kind}: {count}")
        if not done.is_complete:
            raise CommandError("New data of this customer keep coming. Stop what sends them, and run this again.")
        self.stdout.write("Erased.")
