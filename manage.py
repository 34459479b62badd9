#!/usr/bin/env python
"""Django's command line."""

import os
import sys


def main() -> None:
    """Runs one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kaireon.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"kaireon: {error}")
    except OperationalError as error:
        sys.exit(f"kaireon: PostgreSQL does not do what it was asked: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main()
