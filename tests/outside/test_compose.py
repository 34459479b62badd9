"""compose.yaml and the Dockerfile: what they promise, and their very commands at work."""

import json
import re
import signal
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.receiver import Receiver, open_receiver
from tests.launch.running import PROJECT
from tests.outside.compose import DOCKERFILE, OURS, PROGRAMS, SERVICES, Stack, command_of, running_stack, wait_for
from tests.outside.conftest import samples

stack_test = [pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(240)]


def test_there_is_a_service_for_each_program_and_each_database() -> None:
    assert set(PROGRAMS) == {"web", "events", "delivery", "beat"}
    assert set(OURS) - set(PROGRAMS) == {"migrate"}
    assert set(SERVICES) - set(OURS) == {"postgres", "redis"}


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "migrate"])
def test_each_service_that_stays_has_a_health_check_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_runs_as_root_and_no_image_is_whatever_is_the_latest(name: str) -> None:
    assert SERVICES[name]["user"] in {"nobody", "postgres", "redis"}
    assert re.search(r":\d", SERVICES[name]["image"])


@pytest.mark.parametrize("name", OURS)
def test_what_we_run_can_write_nothing_but_temporary_files_and_gain_no_rights(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_the_image_is_of_this_version_runs_as_nobody_and_from_the_lock() -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert {service["image"] for service in OURS.values()} == {f"kaireon-triggers:{version}"}
    instructions = [line.split()[0] for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]
    assert instructions.index("USER") < instructions.index("CMD")
    assert re.search(r"^USER nobody$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^FROM python:3\.\d+-slim$", DOCKERFILE, re.MULTILINE)
    assert "--require-hashes -r requirements.txt" in DOCKERFILE


def test_what_must_be_kept_is_on_volumes_and_redis_forgets_nothing() -> None:
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]
    command = command_of("redis")
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"
    assert "--requirepass" in command


@pytest.fixture(scope="module")
def receiver_of_stack() -> Iterator[Receiver]:
    with open_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("compose")
    with running_stack(home, KAIREON_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8") as started:
        wait_for(lambda: started.ask("/readyz")[0] == 200, "the stack is ready")
        yield started


@pytest.fixture(scope="module")
def followed(stack: Stack, receiver_of_stack: Receiver) -> str:
    """The id of an event that has fired a webhook, which was delivered."""
    made = stack.run("python", "manage.py", "create_api_key", "--role", "admin", "--name", "tests")
    key = made.stdout.strip().splitlines()[-1]
    trigger = {
        "id": "trg_hook",
        "name": "Hook",
        "eventType": "purchase",
        "actionType": "webhook",
        "actionConfig": {"url": receiver_of_stack.url},
    }
    assert stack.ask("/api/v1/triggers", key=key, body=trigger)[0] == 201
    event = {"eventId": "order-4711", "eventType": "purchase", "customerId": "ada"}
    assert stack.ask("/api/v1/events", key=key, body=event)[0] == 202
    receiver_of_stack.wait_for(1)

    def is_recorded() -> bool:
        answer = json.loads(stack.ask("/api/v1/deliveries?eventId=order-4711", key=key)[1])
        return [one["status"] for one in answer["data"]] == ["delivered"]

    wait_for(is_recorded, "the delivery is recorded")
    return "order-4711"


class TestStack:
    """On one stack, in any order."""

    pytestmark = stack_test

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_each_program_is_healthy_by_its_own_check(self, stack: Stack, name: str) -> None:
        wait_for(lambda: stack.health(name) == 0, f"{name} is healthy")
        assert stack.children[name].is_alive

    def test_an_event_is_found_in_the_log_of_each_program_that_had_to_do_with_it(
        self, stack: Stack, followed: str
    ) -> None:
        def lines(name: str, message: str) -> list[dict[str, Any]]:
            found = [line for line in stack.lines(name) if followed in line.get("event_ids", ())]
            return [line for line in found if line["message"] == message]

        wait_for(lambda: lines("delivery", "attempts"), "the delivery worker has logged the attempt")
        (request,) = lines("web", "request")
        assert (request["path"], request["status"], request["events"]) == ("/api/v1/events", 202, 1)
        assert request["request_id"].startswith("req_")
        assert request["actor"].startswith("key:")
        (batch,) = lines("events", "batch")
        assert (batch["events"], batch["fired"], batch["logger"]) == (1, 1, "kaireon.batches")
        (attempts,) = lines("delivery", "attempts")
        assert (attempts["attempts"], attempts["delivered"], attempts["failed"]) == (1, 1, [])
        assert len(attempts["delivery_ids"]) == 1

    def test_one_scrape_has_the_numbers_of_all_programs(self, stack: Stack, followed: str) -> None:
        def found() -> dict[str, float]:
            return samples(stack.ask("/metrics")[1])

        delivered = 'kaireon_delivery_attempts_total{answer="2xx",kind="http",outcome="delivered"}'
        wait_for(lambda: found()[delivered] == 1, "all programs have handed over what they have counted")
        numbers = found()
        assert numbers['kaireon_events_accepted_total{source="api"}'] == 1
        assert numbers['kaireon_decisions_total{decision="fired",event_type="purchase"}'] == 1
        assert numbers['kaireon_firings_total{action_type="webhook",outcome="queued"}'] == 1
        assert numbers["kaireon_event_to_firing_seconds_count"] == 1
        assert numbers["kaireon_event_to_delivery_seconds_count"] == 1
        assert {name: numbers[f'kaireon_processes{{program="{name}"}}'] for name in ("events", "delivery", "beat")} == {
            "events": 1,
            "delivery": 1,
            "beat": 1,
        }


@pytest.mark.slow
@pytest.mark.stack
@pytest.mark.timeout(400)
def test_probes_and_health_checks_say_what_is_away(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack:

        def problems() -> list[str]:
            status, body = stack.ask("/readyz")
            found: list[str] = json.loads(body)["problems"] if status in {200, 503} else [f"status {status}"]
            assert (status == 200) == (found == [])
            return found

        def is_well() -> bool:
            stack.restart_what_has_ended()
            return problems() == []

        def is_healthy(name: str) -> bool:
            return stack.health(name) == 0

        wait_for(lambda: problems() == [], "the stack is ready")
        for name in ("events", "delivery", "beat"):
            wait_for(partial(is_healthy, name), f"{name} is healthy")

        stack.children["delivery"].kill()
        wait_for(lambda: stack.health("delivery") == 1, "the delivery worker is missed")
        assert [stack.health(name) for name in ("web", "events", "beat")] == [0, 0, 0]
        wait_for(lambda: problems() == ["no worker of the queue delivery is heard of"], "/readyz misses it too")
        stack.start("delivery")
        wait_for(lambda: problems() == [], "the delivery worker is back")

        # A loop that hangs is as good as dead.
        stack.children["beat"].process.send_signal(signal.SIGSTOP)
        wait_for(lambda: stack.health("beat") == 1, "beat is missed")
        stack.children["beat"].process.send_signal(signal.SIGCONT)
        wait_for(lambda: stack.health("beat") == 0, "beat is back")

        stack.databases["redis"].kill()
        wait_for(lambda: problems() == ["Redis does not answer"], "Redis is missed")
        assert stack.ask("/healthz")[0] == 200
        assert stack.health("events") == 1
        stack.databases["redis"].start_again()
        wait_for(is_well, "Redis is back, and so are the workers")
        for name in ("events", "delivery", "beat"):
            wait_for(partial(is_healthy, name), f"{name} is healthy again")

        stack.databases["postgres"].kill()
        wait_for(lambda: problems() == ["PostgreSQL does not answer"], "PostgreSQL is missed")
        assert stack.ask("/healthz")[0] == 200
        assert samples(stack.ask("/metrics")[1])['kaireon_reachable{service="postgresql"}'] == 0
        stack.databases["postgres"].start_again()
        wait_for(lambda: problems() == [], "PostgreSQL is back")
