"""What Django does before the servers start: migrations, static files, and demo data on the first run.

A program of its own (`python -m kaireon.launch.prepare`), so that the supervisor stays small and free of Django.
"""

import hashlib
import io
import json
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from kaireon.launch.environment import write_private
from kaireon.launch.ready import DEMO_NAME

EMBEDDED = "--embedded"


def main() -> None:
    """Demo data go into our own database, or into one that was empty; never into a database that others use."""
    home = Path(os.environ["KAIREON_HOME"])
    django.setup()
    is_empty = not MigrationRecorder(connection).has_table()
    call_command("migrate", interactive=False, verbosity=0)
    _collect_static(home / "static.fingerprint")
    demo = home / DEMO_NAME
    if is_empty or (EMBEDDED in sys.argv and not demo.exists()):
        output = io.StringIO()
        call_command("load_demo", stdout=output)
        credentials = output.getvalue().strip().splitlines()[-1]
        json.loads(credentials)
        write_private(demo, credentials + "\n")


def _collect_static(stamp: Path) -> None:
    """Collects the static files where one has changed: compressing them all takes longer than the rest of a start."""
    digest = hashlib.sha256(str(settings.STATIC_ROOT).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    fingerprint = digest.hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint and Path(settings.STATIC_ROOT).is_dir():
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(fingerprint)


if __name__ == "__main__":
    main()
