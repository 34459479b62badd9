"""`make screenshots`: starts the product with its demo, lets the bank's customers do things, and takes the pictures.

The pictures stand beside this file and are shown in docs/studio.md. They differ a little each time, since the demo's
customers do.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(PROJECT))

from tests.launch.running import Running, manage, wait_for  # noqa: E402  found by the line above

WIDE = {"width": 1360, "height": 850}
NARROW = {"width": 390, "height": 844}
TRAFFIC_SECONDS = 20


@contextmanager
def _bank() -> Iterator[tuple[str, dict[str, Any]]]:
    """The URL of a running product with traffic behind it, and the demo's login and key."""
    home = Path(tempfile.mkdtemp(prefix="kaireon-screenshots-"))
    try:
        with Running(home) as product:
            product.wait_until_ready()
            demo = json.loads((home / "demo.json").read_text())
            code, output = manage(
                home, "demo_traffic", "--rate", "40", "--seconds", str(TRAFFIC_SECONDS), "--seed", "7"
            )
            assert code == 0, output
            wait_for(
                lambda: (
                    json.loads(product.ask("/api/v1/events?status=pending&limit=1", key=demo["apiKey"])[1])[
                        "pagination"
                    ]["total"]
                    == 0
                ),
                patience_s=60,
                what="all events are processed",
            )
            yield f"http://127.0.0.1:{product.port}", demo
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _sign_in(page: Page, demo: dict[str, Any]) -> None:
    page.goto("/login")
    page.get_by_label("Login").fill(demo["login"])
    page.get_by_label("Password").fill(demo["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/studio/**")


def _take(page: Page, path: str, name: str) -> None:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=str(FOLDER / f"{name}.png"))


def main() -> None:
    """Takes all of them."""
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser_path is None:
        raise SystemExit("Chromium is needed for this (Debian: apt-get install chromium).")
    with _bank() as (url, demo), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_context(base_url=url, viewport=WIDE, color_scheme="light").new_page()
        _sign_in(page, demo)
        _take(page, "/studio/triggers", "triggers")
        _take(page, "/studio/triggers/trg_high_value_purchase_cross_sell", "trigger")
        _take(page, "/studio/triggers/trg_high_value_purchase_cross_sell/edit", "trigger-form")
        _take(page, "/studio/customers/cust_78", "why")
        _take(page, "/studio/events", "events")
        _take(page, "/studio/deliveries", "deliveries")
        _take(page, "/studio/journeys/jrn_loan_nurture", "journey")
        _take(page, "/studio/offers", "offers")
        dark = browser.new_context(base_url=url, viewport=WIDE, color_scheme="dark").new_page()
        _sign_in(dark, demo)
        _take(dark, "/studio/triggers", "triggers-dark")
        narrow = browser.new_context(base_url=url, viewport=NARROW, color_scheme="light").new_page()
        _sign_in(narrow, demo)
        _take(narrow, "/studio/triggers", "triggers-narrow")
        browser.close()


if __name__ == "__main__":
    main()
