"""docs/alerts.yaml and the tables of docs/operating.md name metrics that there are, and say the same."""

import re

import yaml

from tests.launch.running import PROJECT
from tests.outside.conftest import Scrape

PAGE = (PROJECT / "docs" / "operating.md").read_text(encoding="utf-8")
RULES = yaml.safe_load((PROJECT / "docs" / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
_NAME = re.compile(r"\bkaireon_[a-z_]+")


def exposed(scrape: Scrape, text: str) -> set[str]:
    """The names that a scrape has, those of metrics that have no series yet included."""
    return {re.sub(r"\{.*", "", name) for name in scrape()} | set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))


def test_every_metric_of_a_rule_is_exposed(scrape: Scrape, anonymous_api: object) -> None:
    text = anonymous_api.get("/metrics").content.decode()  # type: ignore[attr-defined]
    there = exposed(scrape, text)
    for rule in RULES:
        names = set(_NAME.findall(rule["expr"]))
        assert names, rule["alert"]
        assert names <= there, rule["alert"]


def test_every_label_value_of_a_rule_is_one_that_is_counted(scrape: Scrape) -> None:
    declared = " ".join(
        file.read_text(encoding="utf-8") for file in (PROJECT / "kaireon").rglob("telling.py")
    ) + " ".join(file.read_text(encoding="utf-8") for file in (PROJECT / "triggers").rglob("models.py"))
    for rule in RULES:
        for value in re.findall(r'[a-z]="(\w+)"', rule["expr"]):
            assert f'"{value}"' in declared or value in {"5xx"}, (rule["alert"], value)


def test_the_page_has_each_alert_with_the_expression_of_its_rule() -> None:
    rows = dict(re.findall(r"^\| `(Kaireon\w+)` \| `(.+?)` \|", PAGE, re.MULTILINE))
    assert rows == {rule["alert"]: rule["expr"] for rule in RULES}
    assert len(rows) > 10


def test_the_page_explains_every_metric_and_no_other(scrape: Scrape, anonymous_api: object) -> None:
    text = anonymous_api.get("/metrics").content.decode()  # type: ignore[attr-defined]
    table = PAGE[PAGE.index("| metric | what it is |") : PAGE.index("### When an alert rings")]
    families = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    assert set(_NAME.findall(table)) == families
