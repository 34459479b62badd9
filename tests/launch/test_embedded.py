"""The embedded PostgreSQL and Redis: they start on anything that an earlier run left behind."""

import os
from pathlib import Path

import psycopg
import pytest
import redis

from kaireon.launch.embedded import Services, embedded_services
from tests.launch.running import wait_for

pytestmark = pytest.mark.timeout(120)


def remember(services: Services, word: str) -> None:
    with psycopg.connect(services.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS word (word text)")
        connection.execute("INSERT INTO word VALUES (%s)", [word])
    with redis.Redis.from_url(services.redis_url) as client:
        client.set("word", word)


def remembered(services: Services) -> tuple[list[str], bytes | None]:
    with psycopg.connect(services.database_url) as connection:
        rows = [row[0] for row in connection.execute("SELECT word FROM word")]
    with redis.Redis.from_url(services.redis_url) as client:
        value = client.get("word")
    assert value is None or isinstance(value, bytes)
    return rows, value


def test_data_survive_a_stop_and_a_kill(tmp_path: Path) -> None:
    with embedded_services(tmp_path, durable=True) as services:
        remember(services, "stopped")
    with embedded_services(tmp_path, durable=True) as services:
        assert remembered(services) == (["stopped"], b"stopped")
        remember(services, "killed")
        client = redis.Redis.from_url(services.redis_url)
        wait_for(lambda: _is_on_disk(client), patience_s=10, what="Redis wrote to its file")
        client.close()
        for server in services.started:
            server.kill()
    with embedded_services(tmp_path, durable=True) as services:
        assert remembered(services) == (["stopped", "killed"], b"killed")


def test_a_pid_file_with_somebody_elses_pid_does_not_keep_postgres_from_starting(tmp_path: Path) -> None:
    with embedded_services(tmp_path, durable=False, redis_url="redis://unused") as services:
        pid_file = tmp_path / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with embedded_services(tmp_path, durable=False, redis_url="redis://unused") as services:
        psycopg.connect(services.database_url).close()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    with embedded_services(tmp_path, durable=False, redis_url="redis://unused") as services:
        psycopg.connect(services.database_url).close()
    assert not (tmp_path / "postgres.new").exists()


def test_a_path_too_long_for_a_socket_is_no_obstacle(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    with embedded_services(home, durable=False, redis_url="redis://unused") as services:
        with psycopg.connect(services.database_url) as connection:
            folder = Path(connection.info.host)
        assert folder.is_dir()
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


def test_a_folder_that_only_root_may_enter_is_no_obstacle(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with embedded_services(closed / "home", durable=False, redis_url="redis://unused") as services:
        psycopg.connect(services.database_url).close()
    # At most the right to pass was added.
    assert closed.stat().st_mode & 0o077 in {0o000, 0o001}


def test_redis_lets_nobody_in_without_its_password(tmp_path: Path) -> None:
    with embedded_services(tmp_path, durable=False, database_url="postgresql://unused") as services:
        without_password = "redis://" + services.redis_url.partition("@")[2]
        with redis.Redis.from_url(without_password) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        with redis.Redis.from_url(services.redis_url) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_text_is_ordered_by_code_point(tmp_path: Path) -> None:
    with (
        embedded_services(tmp_path, durable=False, redis_url="redis://unused") as services,
        psycopg.connect(services.database_url) as connection,
    ):
        rows = connection.execute(
            "SELECT * FROM unnest(ARRAY['a', 'B', 'ä', 'b', 'Z']) AS word ORDER BY word"
        ).fetchall()
    assert [row[0] for row in rows] == ["B", "Z", "a", "b", "ä"]


def _is_on_disk(client: "redis.Redis") -> bool:
    information = client.info("persistence")
    assert isinstance(information, dict)
    return bool(information["aof_pending_bio_fsync"] == 0 and information["aof_buffer_length"] == 0)
