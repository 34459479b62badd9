"""Asks axe whether a page can be used by everybody."""

from functools import cache
from importlib.resources import files

from playwright.sync_api import Page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text()


def violations(page: Page) -> list[str]:
    """What axe finds, each with the first place where it is; empty where all is well."""
    # Handed over as an expression of the debugger's: the page's own policy would not let a script in.
    page.evaluate(f"() => {{ {_axe()} }}")
    found = page.evaluate("rules => axe.run(document, { runOnly: rules })", _RULES)["violations"]
    return [
        f"{page.url} {one['id']} ({len(one['nodes'])}): {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found
    ]


def overflow_px(page: Page) -> int:
    """By how much the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width
