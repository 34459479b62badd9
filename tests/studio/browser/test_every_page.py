"""Every page of Studio in the browser: light and dark, wide and narrow, usable by everybody, and quiet."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.studio.bank import fill, some_ids
from tests.studio.browser.axe import overflow_px, violations
from tests.studio.browser.conftest import NARROW, WIDE, Watch
from tests.studio.routes import ROUTES

LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light", "viewport": WIDE},
    {"color_scheme": "dark", "viewport": WIDE},
    {"color_scheme": "light", "viewport": NARROW},
]
NOT_PAGES = {"studio", "studio-trigger-event", "studio-trigger-fields", "studio-customer-fields"}
"""A redirect, and what scripts ask for."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_page_in_every_look_passes_axe_fits_its_window_and_says_nothing_in_the_console(
    page_as: Callable[..., Page], watch: Watch
) -> None:
    fill(traffic=200)
    ids = some_ids()
    found: list[str] = []
    for look in LOOKS:
        page = page_as("admin", **look)
        for route in ROUTES:
            if "GET" not in route.methods or route.name in NOT_PAGES:
                continue
            page.goto(route.path(ids))
            page.wait_for_load_state("networkidle")
            found += [f"{look['color_scheme']} {look['viewport']['width']} {one}" for one in violations(page)]
            if wider := overflow_px(page):
                found.append(f"{page.url} is {wider} px wider than a window of {look['viewport']['width']} px")
    assert found == []
    assert watch.unexpected() == []
