"""One drill from end to end, so that the drills themselves stay alive. All of them: `make drill`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch.running import PROJECT, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(540)]


def drill(home: Path, **told: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.drill"],
        cwd=PROJECT,
        env=clean_environment(home, **told),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
        check=False,
    )


def cells(output: str, title: str) -> list[str]:
    (line,) = (line for line in output.splitlines() if line.startswith(f"| {title}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_worker_is_killed_three_times_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    result = drill(tmp_path / "home", ONE="worker_killed", EVENTS="2000")
    assert result.returncode == 0, result.stdout
    _, events, expected, firings, twice, lost, wrong, *_ = cells(result.stdout, "event worker killed")
    assert events == "2,000"
    assert expected == firings
    assert int(firings.replace(",", "")) > 2000
    assert (twice, lost, wrong) == ("0", "0", "0")


def test_a_drill_that_does_not_exist_is_refused_with_the_names_of_those_that_do(tmp_path: Path) -> None:
    result = drill(tmp_path / "home", ONE="worker_kiled")
    assert result.returncode == 2
    assert result.stdout.startswith("kaireon: There is no drill worker_kiled. There are worker_killed, beat_killed,")
