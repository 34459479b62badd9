"""What the tests of what is seen from outside share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings
from rest_framework.test import APIClient

from kaireon.core import counters
from kaireon.core.redis import redis_client, script
from kaireon.launch import redis_server
from kaireon.launch.children import Child

Scrape = Callable[[], dict[str, float]]


def samples(text: str) -> dict[str, float]:
    """Every sample of a scrape, by its name with its labels: `name{a="1",b="2"}`."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{label}="{value}"' for label, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


@pytest.fixture
def scrape(db: None, anonymous_api: APIClient) -> Scrape:
    """Hands over what this process has counted and asks /metrics."""

    def ask() -> dict[str, float]:
        counters.hand_over()
        response = anonymous_api.get("/metrics")
        assert response.status_code == 200
        return samples(response.content.decode())

    return ask


class OwnRedis:
    """A Redis server for one test, which may stop it and start it again; it forgets everything then."""

    def __init__(self, home: Path) -> None:
        program, self.url = redis_server.prepare(home, durable=False)
        self._child = Child(program)
        redis_server.wait_until_up(self._child, self.url)

    def stop(self) -> None:
        self._child.kill()

    def start_again(self) -> None:
        self._child.start_again()
        redis_server.wait_until_up(self._child, self.url)


@pytest.fixture
def own_redis(tmp_path: Path, settings: Settings) -> Iterator[OwnRedis]:
    """This process uses a Redis of its own for as long as the test lasts."""

    def use_another() -> None:
        redis_client.cache_clear()
        script.cache_clear()

    server = OwnRedis(tmp_path)
    before, settings.REDIS_URL = settings.REDIS_URL, server.url
    use_another()
    counters.forget()
    try:
        yield server
    finally:
        server.stop()
        counters.forget()
        settings.REDIS_URL = before
        use_another()
