"""Programs that were started are stopped, with all that they started themselves; by whatever way we go."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kaireon.launch import children, logs
from kaireon.launch.children import Child, Program
from kaireon.launch.failure import LaunchFailure, last_line
from kaireon.launch.restarts import LONG_LIFE_S, MAX_SHORT_LIVES, Watch
from tests.launch.running import PROJECT, is_living, wait_for

# A shell that starts another program and lingers; deaf to SIGTERM.
STUBBORN_FAMILY = ["/bin/sh", "-c", "trap '' TERM; sleep 300 & sleep 300"]


def program(home: Path, command: list[str]) -> Program:
    return Program(
        name="example",
        command=command,
        environment=children.marked({"PATH": os.environ["PATH"]}, home),
        log=home / "logs" / "example.log",
        directory=home,
    )


@pytest.fixture
def family(tmp_path: Path) -> Iterator[tuple[Child, list[psutil.Process]]]:
    child = Child(program(tmp_path, STUBBORN_FAMILY))
    head = psutil.Process(child.process.pid)
    wait_for(lambda: len(head.children()) == 2, patience_s=10, what="the shell started both of its programs")
    yield child, [head, *head.children()]
    child.kill()


def test_a_family_that_will_not_stop_is_killed_as_a_whole(family: tuple[Child, list[psutil.Process]]) -> None:
    child, processes = family
    children.stop([child], patience_s=0.2)
    assert child.how_it_ended == "SIGKILL"
    wait_for(lambda: not any(map(is_living, processes)), patience_s=10, what="the whole family ended")


def test_a_second_signal_cuts_the_patience_short(family: tuple[Child, list[psutil.Process]]) -> None:
    started_at = time.monotonic()
    children.stop([family[0]], patience_s=60, hurry=lambda: True)
    assert time.monotonic() - started_at < 30


def test_what_an_earlier_run_left_behind_is_found_and_ended(
    family: tuple[Child, list[psutil.Process]], tmp_path: Path
) -> None:
    _, processes = family
    children.end_leftovers(tmp_path / "another", patience_s=0.2)
    assert all(map(is_living, processes))
    children.end_leftovers(tmp_path, patience_s=0.2)
    assert not any(map(is_living, processes))


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels don't tell")
def test_a_child_hears_of_its_parents_death(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from tests.launch.test_children import *;"
            "child = Child(program(Path(sys.argv[1]), ['sleep', '300'])); print(child.process.pid, flush=True);"
            "time.sleep(300)",
            str(tmp_path),
        ],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    wait_for(lambda: not is_living(child), patience_s=10, what="the child of the killed parent ended")


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchFailure) as caught:
        Child(program(tmp_path, ["/nonexistent/redis-server"]))
    assert str(caught.value) == (
        "Can't start example: /nonexistent/redis-server: No such file or directory. Remove .venv and run make again."
    )


def test_a_program_that_keeps_dying_is_given_up_with_its_last_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    child = Child(program(tmp_path, ["/bin/sh", "-c", "echo no such table; exit 3"]))
    watch = Watch(child)
    now_s, starts_at_s = time.monotonic(), [0.0]
    for _ in range(MAX_SHORT_LIVES):
        child.process.wait()
        before = child.process.pid
        watch.look(now_s)
        while child.process.pid == before:
            now_s += 0.5
            watch.look(now_s)
        child.started_at = now_s
        starts_at_s.append(now_s)
    child.process.wait()
    with pytest.raises(LaunchFailure) as caught:
        watch.look(now_s)
    assert str(caught.value) == f"example keeps stopping: no such table (see {child.program.log})"
    delays_s = [later - earlier for earlier, later in zip(starts_at_s[1:-1], starts_at_s[2:], strict=True)]
    assert delays_s == [2.0, 4.0, 8.0, 8.0]
    assert (
        capfd.readouterr().err.splitlines()
        == [f"kaireon: example stopped by itself (exit code 3), starting it again (see {child.program.log})"]
        * MAX_SHORT_LIVES
    )


def test_a_program_that_dies_after_a_long_life_is_started_again_at_once(tmp_path: Path) -> None:
    child = Child(program(tmp_path, ["/bin/sh", "-c", "exec sleep 300"]))
    watch = Watch(child)
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    child.process.wait()
    watch.look(time.monotonic() + LONG_LIFE_S)
    assert child.process.pid != first
    assert child.is_alive
    child.kill()


def test_last_words_are_the_last_line_with_text(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert last_line(log) == ""
    log.write_text("Traceback\n  File\nValueError: no\n\n  \n")
    assert last_line(log) == "ValueError: no"


def test_a_log_that_grew_too_large_is_put_aside_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_BYTES", 10)
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"the first eleven\n")
        logs.trim(tmp_path)
        writer.write(b"more\n")
        logs.trim(tmp_path)
    assert log.read_bytes() == b"more\n"
    assert (tmp_path / "web.log.1").read_bytes() == b"the first eleven\n"
