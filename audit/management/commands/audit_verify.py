"""`manage.py audit_verify`: verifies the whole audit log, and ends with an error where anything was changed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.keys import KeysUnusable
from audit.verification import note_verification, read_head, verify
from kaireon.core.errors import ValidationFailed


class Command(BaseCommand):
    """Run it daily, and keep the head that it shows where the database's administrators can't change it."""

    help = "Verifies the audit log against its seals. Ends with 1 where an entry or a seal was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--expect-head", metavar="HEAD", help="noted down earlier: is it still in the chain?")
        parser.add_argument("--from-seal", type=int, default=1, metavar="NUMBER", help="where to begin (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["from_seal"] < 1:
            raise CommandError("--from-seal must be 1 or more.")
        try:
            expected = None if options["expect_head"] is None else read_head(options["expect_head"])
            report = verify(from_seal=options["from_seal"], expected=expected)
        except KeysUnusable as error:
            raise CommandError(error.message) from None
        except ValidationFailed:
            raise CommandError("--expect-head must be a head such as 12:<64 hexadecimal digits>.") from None
        note_verification(report)
        for finding in report.findings:
            self.stdout.write(finding.message)
        if report.finding_count > len(report.findings):
            self.stdout.write(f"… and {report.finding_count - len(report.findings)} more.")
        newest = report.newest
        sealed = f"sealed up to entry {newest.last_id}" if newest is not None else "nothing is sealed yet"
        self.stdout.write(f"Verified {report.seals} seals with {report.entries} entries; {sealed}.")
        if newest is not None:
            self.stdout.write(f"Head: {newest.head}")
        if not report.is_intact:
            raise CommandError(f"THE AUDIT LOG IS NOT WHAT WAS SEALED. Findings: {report.finding_count}.")
