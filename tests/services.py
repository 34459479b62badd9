"""A pytest plugin (`-p tests.services`) that starts PostgreSQL and Redis before Django reads its settings.

It has to be a plugin: pytest-django reads the settings before any conftest.py.
"""

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from kaireon.launch.embedded import embedded_services

_stack = ExitStack()


def _start() -> None:
    home = Path(tempfile.mkdtemp(prefix="kaireon-tests-"))
    _stack.callback(shutil.rmtree, home, ignore_errors=True)
    (home / "static").mkdir()
    services = _stack.enter_context(
        embedded_services(
            home,
            durable=False,
            database_url=os.environ.get("TEST_DATABASE_URL"),
            redis_url=os.environ.get("TEST_REDIS_URL"),
        )
    )
    os.environ.update(
        DATABASE_URL=services.database_url,
        REDIS_URL=services.redis_url,
        KAIREON_HOME=str(home),
        SECRET_KEY="for-tests-alone-" + "x" * 40,
        KAIREON_SECRETS_KEYS=Fernet.generate_key().decode(),
        KAIREON_AUDIT_KEYS=Fernet.generate_key().decode(),
        KAIREON_INSECURE_HTTP="1",
        KAIREON_ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
        KAIREON_LOG_FORMAT="line",
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stops what was started here."""
    _stack.close()


_start()
