"""Counts of all processes come together, whoever dies, and whatever Redis does."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from prometheus_client.core import Metric

from kaireon.core import counters
from kaireon.core.counters import MAX_OPEN_VALUES, Counter, Histogram
from kaireon.core.redis import redis_client
from kaireon.health.metrics import COUNTING
from tests.launch.running import PROJECT
from tests.outside.conftest import OwnRedis

_COUNT_AND_END = """
import django
django.setup()
from kaireon.events.telling import ACCEPTED, TO_FIRING
for _ in range({count}):
    ACCEPTED.add(source="api")
TO_FIRING.observe([0.04, 100.0])
"""


@pytest.fixture(autouse=True)
def _empty(own_redis: OwnRedis) -> None:
    """Each test has a Redis of its own."""


@pytest.fixture
def fruits() -> Iterator[Counter]:
    """A counter with an open and a closed label, for this test alone."""
    yield Counter("kaireon_test_fruits", "Fruits", {"kind": None, "state": ("ripe", "green")})
    del counters._known["kaireon_test_fruits"]


@pytest.fixture
def waits() -> Iterator[Histogram]:
    """A histogram with three buckets, for this test alone."""
    yield Histogram("kaireon_test_waits", "Waits", buckets=(0.1, 1.0))
    del counters._known["kaireon_test_waits"]


def family(name: str) -> Metric:
    """What a scrape has of one metric, with what this process has in hand."""
    counters.hand_over()
    return next(family for family in counters.families() if family.name == name)


def values(name: str) -> dict[tuple[str, ...], float]:
    """Of a counter: its values by those of its labels."""
    return {tuple(sample.labels.values()): sample.value for sample in family(name).samples}


@pytest.mark.slow
def test_counts_of_several_processes_are_added_up_though_all_of_them_have_ended(own_redis: OwnRedis) -> None:
    for count in (3, 4):
        code = _COUNT_AND_END.format(count=count)
        environment = {**os.environ, "REDIS_URL": own_redis.url}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=30)
    assert values("kaireon_events_accepted")["api",] == 7
    buckets = {sample.labels.get("le"): sample.value for sample in family("kaireon_event_to_firing_seconds").samples}
    assert (buckets["0.025"], buckets["0.05"], buckets["60.0"], buckets["300.0"]) == (0, 2, 2, 4)


def test_what_was_counted_is_handed_over_within_a_second_or_so_by_itself(fruits: Counter) -> None:
    fruits.add(2, kind="apple", state="ripe")
    timer = counters._buffer._timer
    assert timer is not None
    assert redis_client().hlen("metrics") == 0
    timer.join(10)
    assert redis_client().hlen("metrics") == 1


def test_a_forked_process_does_not_hand_over_what_its_parent_has_counted(fruits: Counter) -> None:
    fruits.add(5, kind="apple", state="ripe")
    child = os.fork()
    if child == 0:
        fruits.add(1, kind="apple", state="ripe")
        counters.hand_over()
        os._exit(0)
    os.waitpid(child, 0)
    assert values("kaireon_test_fruits") == {("apple", "ripe"): 6}


def test_while_redis_is_away_a_process_goes_on_counting_and_hands_over_later(
    own_redis: OwnRedis, fruits: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "AGAIN_SECONDS", 3600.0)
    own_redis.stop()
    fruits.add(1, kind="apple", state="ripe")
    counters._buffer.hand_over()
    fruits.add(2, kind="apple", state="ripe")
    counters._buffer.hand_over()
    own_redis.start_again()
    assert values("kaireon_test_fruits") == {("apple", "ripe"): 3}


def test_an_open_label_has_so_many_values_and_then_other(fruits: Counter) -> None:
    for number in range(MAX_OPEN_VALUES + 7):
        fruits.add(kind=f"kind{number}", state="ripe")
    fruits.add(kind="kind0", state="green")
    fruits.add(10, kind="a new one", state="green")
    found = values("kaireon_test_fruits")
    assert len(found) == MAX_OPEN_VALUES + 3
    assert found["other", "ripe"] == 7
    assert found["other", "green"] == 10
    assert found["kind0", "green"] == 1


def test_a_closed_label_shows_zeros_before_anything_is_counted() -> None:
    assert values("kaireon_events_duplicate") == {(): 0}
    assert values("kaireon_http_requests") == {(f"{first}xx",): 0 for first in range(1, 6)}


def test_a_duration_falls_into_the_bucket_whose_bound_it_does_not_exceed(waits: Histogram) -> None:
    waits.observe([0.1, 0.10001, 1.0, 2.0])
    waits.observe([0.05])
    found = {(sample.name, sample.labels.get("le")): sample.value for sample in family("kaireon_test_waits").samples}
    assert found == {
        ("kaireon_test_waits_bucket", "0.1"): 2,
        ("kaireon_test_waits_bucket", "1.0"): 4,
        ("kaireon_test_waits_bucket", "+Inf"): 5,
        ("kaireon_test_waits_count", None): 5,
        ("kaireon_test_waits_sum", None): pytest.approx(3.25001),
    }


def test_a_metric_of_another_version_is_passed_over(fruits: Counter) -> None:
    fruits.add(kind="apple", state="ripe")
    counters.hand_over()
    redis_client().hset("metrics", '["kaireon_of_tomorrow","","x"]', 5)
    assert values("kaireon_test_fruits") == {("apple", "ripe"): 1}


def test_a_web_server_knows_whatever_any_program_counts() -> None:
    """It has imported less than a worker; what it does not know it would leave out of every scrape."""
    assert COUNTING  # which has imported them here
    here = {name for name in counters._known if not name.startswith("kaireon_test_")}
    code = (
        "import django; django.setup(); import kaireon.urls; from kaireon.core import counters; print(*counters._known)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert set(result.stdout.split()) == here
    declared = set()
    for file in (PROJECT / package for package in ("kaireon", "triggers", "audit")):
        for source in file.rglob("*.py"):
            declared |= set(
                re.findall(r'(?:Counter|Histogram)\(\s*"(kaireon_\w+)"', source.read_text(encoding="utf-8"))
            )
    assert declared == here
