"""The whole API as its description has it, called with what fits the description, and with what does not.

schemathesis makes the calls: for each operation the borders of each field and parameter, broken in one place at a time,
and then random ones. No answer may be a 5xx, none may have a status or a content type that is not described, each
has the described form, and what does not fit is refused.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from tests.attacks.api_under_attack import IN_BODIES, House, open_house

# pytest-django makes the database for tests that carry its mark alone; the server has connections of its own.
pytestmark = [pytest.mark.slow, pytest.mark.django_db]

# FUZZ_EXAMPLES=200 looks longer.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
CASES_AT_LEAST = {"test_every_answer_is_one_that_is_described": 5000}
SCHEMA = schemathesis.openapi.from_path(Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml")
CHECKED: list[Any] = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "allow_header_conformance",
    ]
)
OPERATIONS = sum(1 for _ in SCHEMA.get_all_operations())


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    """One for all tests here: attacks are not particular about the state in which they find it."""
    with django_db_blocker.unblock(), open_house() as opened:
        yield opened


@pytest.fixture(scope="module")
def tried(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """Counts the calls of each operation, and says how many they were."""
    counted: Counter[str] = Counter()
    yield counted
    answers = Counter({key: count for key, count in counted.items() if key.isdigit()})
    plugins = request.config.pluginmanager
    with plugins.getplugin("capturemanager").global_and_fixture_disabled():
        plugins.getplugin("terminalreporter").write_line(
            f"\n{answers.total()} calls of {len(counted) - len(answers)} operations, answered with {dict(answers)}"
        )
    if len(counted) - len(answers) == OPERATIONS:
        assert [answers.total() >= count for count in CASES_AT_LEAST.values()] == [True]
        assert answers["401"] < answers.total() / 10, "the attacks don't get past the door"


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_is_described(case: Any, house: House, tried: Counter[str]) -> None:
    number = tried[case.operation.label]
    tried[case.operation.label] += 1
    if number % 2:
        _aim(case, house)
    answer = case.call(base_url=house.url, headers={"Authorization": f"Bearer {house.key}"}, timeout=30)
    tried[str(answer.status_code)] += 1
    case.validate_response(answer, checks=CHECKED)


def _aim(case: Any, house: House) -> None:
    """Puts ids of what exists where the description fits: deeper code is reached through them."""
    broken = {
        str(place.value) for place, facts in case.meta.components.items() if facts.mode is GenerationMode.NEGATIVE
    }
    if "path" not in broken:
        for name in case.path_parameters:
            existing = house.existing(name, to_delete=case.method == "DELETE")
            if existing is not None:
                case.path_parameters[name] = existing
    if "body" not in broken and isinstance(case.body, dict):
        for name, parameter in IN_BODIES.items():
            if name in case.body and (existing := house.existing(parameter)) is not None:
                case.body[name] = existing
