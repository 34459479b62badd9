"""`make run` as a whole: it starts from nothing, tells how to use it, keeps its data, and leaves nothing running."""

import re
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kaireon.launch.embedded import embedded_services
from tests.launch.running import STOP_PATIENCE_S, Running, is_living, manage, refusal, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True, kw_only=True)
class FirstRun:
    """What was seen of a start on an empty folder, and of its stop on SIGTERM."""

    home: Path
    lines: list[str]
    port: int
    ready_answer: tuple[int, str]
    page_answer: tuple[int, str]
    demo_key_answer: tuple[int, str]
    made_key: str
    second_start_refusal: tuple[int, str]
    family_size: int
    left_over: list[str]
    exit_code: int
    cluster_made_at: float


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    # Long enough that PostgreSQL's socket has to live elsewhere.
    home = tmp_path_factory.mktemp("launch-" + "x" * 60) / "home"
    with Running(home) as product:
        product.wait_until_ready()
        demo_key = next(line.split()[-1] for line in product.lines if "API key" in line)
        answers = {
            "ready_answer": product.ask("/readyz"),
            "page_answer": product.ask("/admin/login/"),
            "demo_key_answer": product.ask("/api/v1/triggers", key=demo_key),
        }
        code, output = manage(home, "create_api_key", "--role", "admin", "--name", "second terminal")
        assert code == 0, output
        second_start_refusal = refusal(home)
        family = product.family()
        product.send(signal.SIGTERM)
        exit_code = product.wait_for_end()
        return FirstRun(
            home=home,
            lines=product.lines,
            port=product.port,
            made_key=output.strip().splitlines()[-1],
            second_start_refusal=second_start_refusal,
            family_size=len(family),
            left_over=[repr(process) for process in family if is_living(process)],
            exit_code=exit_code,
            cluster_made_at=(home / "postgres" / "PG_VERSION").stat().st_mtime,
            **answers,
        )


@pytest.fixture
def second_run(first_run: FirstRun) -> Iterator[Running]:
    with Running(first_run.home) as product:
        product.wait_until_ready()
        yield product


def test_it_says_when_it_is_ready_where_it_is_and_how_to_get_in(first_run: FirstRun) -> None:
    announced = next(line for line in first_run.lines if line.startswith("Kaireon is ready"))
    assert f"http://127.0.0.1:{first_run.port}" in announced
    everything = "\n".join(first_run.lines)
    assert re.search(r"^  Login +\S+ +password \S+$", everything, re.MULTILINE)
    assert re.search(r"^  API key +krn_\S+$", everything, re.MULTILINE)
    assert f"curl -s http://127.0.0.1:{first_run.port}/api/v1/events" in everything


def test_what_it_announced_works(first_run: FirstRun) -> None:
    assert first_run.ready_answer[0] == 200
    assert first_run.page_answer[0] == 200
    assert first_run.demo_key_answer[0] == 200


def test_sigterm_stops_every_process_that_it_started(first_run: FirstRun) -> None:
    # PostgreSQL, Redis, the web server and its two, two workers and their three, beat.
    assert first_run.family_size >= 11
    assert first_run.left_over == []
    assert first_run.exit_code == 0


def test_a_second_start_on_the_same_folder_is_refused_in_one_line(first_run: FirstRun) -> None:
    code, output = first_run.second_start_refusal
    assert code == 1
    assert re.fullmatch(rf"kaireon: Kaireon is running on {first_run.home} already \(process \d+\)\. .+\n", output)


def test_its_secrets_are_for_its_owner_alone(first_run: FirstRun) -> None:
    for name in ("keys", "demo.json", "lock"):
        assert (first_run.home / name).stat().st_mode & 0o077 == 0, name
    for name in ("postgres", "redis", "logs"):
        assert (first_run.home / name).stat().st_mode & 0o077 == 0, name


def test_manage_py_says_so_where_nothing_runs(first_run: FirstRun) -> None:
    code, output = manage(first_run.home, "create_api_key", "--role", "admin", "--name", "too late")
    assert code != 0
    assert len(output.strip().splitlines()) == 1, output
    assert "make run" in output


def test_data_survive_a_restart(first_run: FirstRun, second_run: Running) -> None:
    assert second_run.ask("/api/v1/triggers", key=first_run.made_key)[0] == 200
    assert (first_run.home / "postgres" / "PG_VERSION").stat().st_mtime == first_run.cluster_made_at
    login = next(line for line in first_run.lines if line.startswith("  Login"))
    assert login in second_run.lines


def test_a_killed_supervisor_leaves_nothing_running_and_harms_no_data(first_run: FirstRun) -> None:
    with Running(first_run.home) as product:
        product.wait_until_ready()
        family = product.family()
        product.send(signal.SIGKILL)
        wait_for(
            lambda: not any(is_living(process) for process in family),
            patience_s=STOP_PATIENCE_S,
            what="all processes of the killed supervisor ended",
        )
    with Running(first_run.home) as product:
        product.wait_until_ready()
        assert product.ask("/api/v1/triggers", key=first_run.made_key)[0] == 200


def test_a_program_that_dies_is_started_again(second_run: Running) -> None:
    victims = second_run.processes_with("--queues=events")
    for victim in victims.values():
        victim.kill()

    def works_again() -> bool:
        workers = second_run.processes_with("--queues=events")
        return len(workers) >= len(victims) and not workers.keys() & victims.keys()

    wait_for(works_again, patience_s=60, what="new events workers ran")
    second_run.send(signal.SIGINT)
    assert second_run.wait_for_end() == 0
    assert any(
        line.startswith("kaireon: events stopped by itself (SIGKILL), starting it again") for line in second_run.lines
    )


def test_given_servers_are_used_and_a_database_that_others_use_gets_no_demo(tmp_path: Path) -> None:
    with embedded_services(tmp_path / "servers", durable=False) as servers:
        given = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
        with Running(tmp_path / "first", **given) as product:
            product.wait_until_ready()
            assert not any("postgres" in process.name() or "redis" in process.name() for process in product.family())
            # The database was empty, so this was its first run.
            assert any(line.startswith("  Login") for line in product.lines)
        assert all(server.is_alive for server in servers.started)
        with Running(tmp_path / "second", **given) as product:
            product.wait_until_ready()
            assert not any(line.startswith("  Login") for line in product.lines)
            assert any("create_api_key" in line for line in product.lines)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert refusal(tmp_path / "home", PORT=str(port)) == (
            1,
            f"kaireon: Port {port} is in use. Stop what listens there, or choose another: PORT=8000 make run\n",
        )


def test_a_database_out_of_reach_is_one_clear_line(tmp_path: Path) -> None:
    assert refusal(tmp_path / "home", DATABASE_URL="postgresql://ada:hidden@127.0.0.1:1/kaireon") == (
        1,
        'kaireon: DATABASE_URL: can\'t connect to PostgreSQL: connection to server at "127.0.0.1", port 1 failed:'
        " Connection refused.\n",
    )


def test_a_redis_out_of_reach_is_one_clear_line(tmp_path: Path) -> None:
    assert refusal(tmp_path / "home", REDIS_URL="redis://:hidden@127.0.0.1:1/0") == (
        1,
        "kaireon: REDIS_URL: can't connect to Redis at 127.0.0.1:1: Connection refused.\n",
    )
