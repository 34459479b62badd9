"""docs/security.md says how much was tried. Each number is a test's own, or the page is wrong."""

import importlib
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "security.md"
_ROW = re.compile(r"^\|[^|]+\| (?P<cases>(?:at least )?[\d,]+) \| `(?P<module>\w+)::(?P<test>\w+)` \|$", re.MULTILINE)


def numbers_of_tests() -> dict[str, str]:
    """`module::test` and the number of its cases, as the page writes it."""
    found = {}
    for path in HERE.glob("test_*.py"):
        module = importlib.import_module(f"tests.attacks.{path.stem}")
        for name, prefix in (("CASES", ""), ("CASES_AT_LEAST", "at least ")):
            for test, count in getattr(module, name, {}).items():
                assert callable(getattr(module, test)), f"{path.stem} has no {test}"
                found[f"{path.stem}::{test}"] = f"{prefix}{count:,}"
    return found


def numbers_of(text: str) -> dict[str, str]:
    """The same, as a page says it."""
    return {f"{row['module']}::{row['test']}": row["cases"] for row in _ROW.finditer(text)}


def test_the_page_has_the_numbers_of_the_tests_and_no_others() -> None:
    assert numbers_of(PAGE.read_text(encoding="utf-8")) == numbers_of_tests()


def test_control_a_wrong_number_is_noticed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for row in _ROW.finditer(text):
        wrong = text.replace(row[0], row[0].replace(row["cases"], "1"))
        assert numbers_of(wrong) != numbers_of_tests()
