"""A browser, and people who use Studio with it.

Every page that `page_as` gives is watched: a message in its console that is an error or a warning, a script that
breaks, an answer of 5xx, or a request to another host fails the test that it belongs to.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, Response, sync_playwright
from pytest_django.live_server_helper import LiveServer

from kaireon.accounts.models import User

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no Chromium was found (Debian: apt-get install chromium)"
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 360, "height": 780}
LEFT = ("htmx:afterRequest,", "htmx:sendAbort,")
"""What htmx says when its page is left while an answer is under way. A request that fails has a name of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder needs a browser, and tables that the server's threads can see."""
    for item in items:
        if "tests/studio/browser/" in item.path.as_posix():
            item.add_marker("browser")
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests. Without one they are skipped, and fail where KAIREON_REQUIRE_BROWSER is set."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        if os.environ.get("KAIREON_REQUIRE_BROWSER"):
            pytest.fail(f"KAIREON_REQUIRE_BROWSER is set, and {MISSING}.")
        pytest.skip(MISSING)
    # Playwright's loop runs in this thread, where tests also ask the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def live(live_server: LiveServer) -> str:
    """The server's URL."""
    return str(live_server.url)


class Watch:
    """What a page did that no page may do."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.problems: list[str] = []
        self.expected: list[str] = []

    def follow(self, page: Page) -> None:
        """Listens to everything that `page` says and asks for."""
        page.on("console", self._heard)
        page.on("pageerror", self._broke)
        page.on("request", self._asked)
        page.on("response", self._answered)

    def expect(self, part: str) -> None:
        """A problem that has `part` in it is what the test is about."""
        self.expected.append(part)

    def unexpected(self) -> list[str]:
        """The problems that nobody expected."""
        return [problem for problem in self.problems if not any(part in problem for part in self.expected)]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(LEFT):
            self.problems.append(f"console {message.type}: {message.text}")

    def _broke(self, error: Error) -> None:
        self.problems.append(f"script: {error}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self.host:
            self.problems.append(f"request to another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.problems.append(f"answer {response.status}: {response.url}")


@pytest.fixture
def watch(live: str) -> Iterator[Watch]:
    """Fails the test for what its pages did and should not have."""
    watch = Watch(urlsplit(live).netloc)
    yield watch
    assert watch.unexpected() == []


@pytest.fixture
def context_as(browser: Browser, live: str, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Opens a browser of its own for a new user of the given role, signed in."""
    contexts: list[BrowserContext] = []

    def open_context(role: str, **options: object) -> BrowserContext:
        user = User.objects.filter(username=f"{role}-of-tests").first() or User.objects.create_user(
            username=f"{role}-of-tests", role=role
        )
        client = Client()
        client.force_login(user)
        context = browser.new_context(base_url=live, **{"viewport": WIDE, **options})  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live}])
        context.on("page", watch.follow)
        contexts.append(context)
        return context

    yield open_context
    for context in contexts:
        context.close()


@pytest.fixture
def page_as(context_as: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """A page of a new browser in which a user of the given role is signed in: `page_as("editor", viewport=NARROW)`."""

    def open_page(role: str, **options: object) -> Page:
        return context_as(role, **options).new_page()

    return open_page


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says plainly that the browser tests did not run, and what would make them run."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if MISSING in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} browser tests were skipped: {MISSING}.", yellow=True, bold=True)
