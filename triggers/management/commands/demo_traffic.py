"""`manage.py demo_traffic --rate 20`: the bank's customers do things, until Ctrl-C or for so many seconds."""

import logging
import random
import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kaireon.accounts.keys import create_key, revoke_key
from kaireon.accounts.roles import Role
from kaireon.core.ids import time_ordered_id
from kaireon.events.models import Event, EventStatus
from triggers.demo.bank import SCHEMA_ID
from triggers.demo.door import Door, Refused
from triggers.demo.traffic import calls

REPORT_EVERY_S = 5.0


class Command(BaseCommand):
    """Sends calls at a given rate, and says every few seconds how many, and what waits and has failed."""

    help = "Sends realistic events of the demo's customers (see load_demo) at a given rate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rate", type=float, default=20.0, help="calls a second (20)")
        parser.add_argument("--seconds", type=float, default=0.0, help="stop after so long; 0: until Ctrl-C")
        parser.add_argument("--seed", type=int, default=None, help="the same seed gives the same calls")

    def handle(self, *args: Any, **options: Any) -> None:
        # One line for each call would bury the progress.
        logging.getLogger("kaireon.requests").setLevel(logging.WARNING)
        rate, seconds = options["rate"], options["seconds"]
        if not 0 < rate <= 1000 or seconds < 0:
            raise CommandError("--rate must be over 0 and at most 1000, --seconds 0 or more.")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        key, plain = create_key(name="demo traffic", role=Role.ADMIN)
        try:
            self._run(Door(plain), stop, rate=rate, seconds=seconds, seed=options["seed"])
        finally:
            revoke_key(key=key)

    def _run(self, door: Door, stop: threading.Event, *, rate: float, seconds: float, seed: int | None) -> None:
        if not door.exists(f"/schemas/{SCHEMA_ID}"):
            raise CommandError("There is no demo yet: run manage.py load_demo first.")
        seed = random.SystemRandom().randrange(2**32) if seed is None else seed
        began = reported = time.monotonic()
        sent = refused = 0
        for method, path, body in calls(seed=seed, run=time_ordered_id("demo_")):
            now = time.monotonic()
            if stop.is_set() or (seconds and now - began >= seconds):
                break
            try:
                door.send(method, path, body)
                sent += 1
            except Refused as error:
                refused += 1
                self.stderr.write(str(error))
            if now - reported >= REPORT_EVERY_S:
                reported = now
                self._report(sent, refused, now - began)
            stop.wait(max(0.0, began + (sent + refused) / rate - time.monotonic()))
        self._report(sent, refused, time.monotonic() - began)

    def _report(self, sent: int, refused: int, seconds: float) -> None:
        waiting = Event.objects.filter(status=EventStatus.PENDING).count()
        failed = Event.objects.filter(status=EventStatus.FAILED).count()
        self.stdout.write(
            f"{sent} calls in {seconds:.0f} s ({sent / max(seconds, 0.001):.0f} a second), {refused} refused;"
            f" {waiting} events wait, {failed} have failed"
        )
        self.stdout.flush()
