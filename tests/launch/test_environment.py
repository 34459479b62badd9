"""A second terminal finds the running product, and nothing where none runs."""

import os
from pathlib import Path

import pytest

from kaireon.launch import environment
from kaireon.launch.home import claimed, keys

VARIABLES = {"DATABASE_URL": "postgresql://kaireon@/kaireon?host=%2Ftmp", "SECRET_KEY": "with=signs"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with claimed(tmp_path / "home"):
        environment.write(tmp_path / "home" / environment.ENVIRONMENT_NAME, VARIABLES)
        return tmp_path / "home"


def test_what_the_supervisor_wrote_is_found_as_long_as_it_runs(home: Path) -> None:
    with claimed(home):
        assert environment.load(home) == VARIABLES


def test_what_a_dead_supervisor_left_behind_is_not_believed(home: Path) -> None:
    assert (home / environment.ENVIRONMENT_NAME).exists()
    assert environment.load(home) == {}


def test_nothing_is_found_where_there_is_nothing(tmp_path: Path) -> None:
    assert environment.load(tmp_path / "nowhere") == {}


def test_only_the_owner_may_read_it(home: Path) -> None:
    assert (home / environment.ENVIRONMENT_NAME).stat().st_mode & 0o777 == 0o600


def test_a_process_that_knows_its_database_adopts_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/mine")
    with claimed(home):
        assert environment.adopt(home) is False
    assert os.environ["DATABASE_URL"] == "postgresql://elsewhere/mine"


def test_a_process_that_does_not_adopts_all_but_what_it_was_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "mine")
    # Set first, so that monkeypatch takes away what adopt() sets.
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.delenv("DATABASE_URL")
    with claimed(home):
        assert environment.adopt(home) is True
    assert os.environ["DATABASE_URL"] == VARIABLES["DATABASE_URL"]
    assert os.environ["SECRET_KEY"] == "mine"


def test_keys_are_made_once_and_kept(home: Path) -> None:
    made = keys(home, {})
    assert keys(home, {}) == made
    assert (home / "keys").stat().st_mode & 0o777 == 0o600
    assert keys(home, {"SECRET_KEY": "mine"}) == {**made, "SECRET_KEY": "mine"}
    assert keys(home, {}) == made
