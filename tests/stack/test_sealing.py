"""`make run` makes the key, beat has the log sealed, and the commands work beside it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch.running import PROJECT, Running, clean_environment, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]


def manage(home: Path, *arguments: str) -> str:
    """What `manage.py` prints; fails where it ends with an error."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=clean_environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_running_product_seals_verifies_and_erases(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Running(home) as product:
        product.wait_until_ready()
        key = manage(home, "create_api_key", "--role", "admin", "--name", "tests").splitlines()[-1]
        event = {"eventType": "purchase", "customerId": "ada", "properties": {"note": "personal"}}
        status, text = product.ask("/api/v1/events", key=key, body=event)
        assert status == 202, text

        def sealed() -> bool:
            report = json.loads(product.ask("/api/v1/audit/verify", key=key)[1])
            assert report["isIntact"] is True, report
            return report["sealed"] is not None

        wait_for(sealed, patience_s=60, what="the log is sealed")
        status, text = product.ask("/api/v1/customers/ada/erase", key=key, body={})
        assert (status, json.loads(text)["isComplete"], json.loads(text)["erased"]["events"]) == (200, True, 1)
        assert manage(home, "erase_customer", "ada").splitlines()[-1] == "Erased."
        lines = manage(home, "audit_verify").splitlines()
        head = lines[-1].removeprefix("Head: ")
        assert "Verified" in manage(home, "audit_verify", "--expect-head", head)
