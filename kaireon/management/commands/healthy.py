"""Whether the worker, or the beat, of this machine or container is alive: for health checks."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from redis import RedisError

from kaireon.core.signs_of_life import PROGRAMS, SILENT_AFTER_SECONDS, lives_here


class Command(BaseCommand):
    """Ends with 0 where the program was heard of lately; else with 1, and says so."""

    help = "Asks whether the events worker, the delivery worker or the beat of this machine was heard of lately."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("program", choices=PROGRAMS)
        parser.add_argument(
            "--within", type=float, default=SILENT_AFTER_SECONDS, metavar="SECONDS", help="how late it may be"
        )

    def handle(self, *args: Any, program: str, within: float, **options: Any) -> None:
        try:
            alive = lives_here(program, within_seconds=within)
        except RedisError:
            raise CommandError("Redis does not answer, so nothing was heard of anybody.") from None
        if not alive:
            raise CommandError(f"No {program} process of this machine was heard of in the last {within:g} s.")
        self.stdout.write(f"{program} is alive.")
