"""Addresses and ports that can't be right are refused before anything is started."""

from pathlib import Path

import pytest

from kaireon.launch.addresses import check_database, check_redis
from kaireon.launch.configuration import Configuration, read_configuration
from kaireon.launch.failure import LaunchFailure
from kaireon.launch.home import claimed

DATABASE_FORM = "DATABASE_URL must look like postgresql://user:password@host:5432/name."
REDIS_FORM = "REDIS_URL can't be read; it must look like redis://:password@host:6379/0."


@pytest.mark.parametrize(
    "url",
    [
        "kaireon",
        "mysql://u:p@host/name",
        "postgresql://u:p@host:port/name",
        "postgresql://u:p@host:99999/name",
        "postgresql://[::1:5432/name",
        "postgresql://u:p@127.0.0.1:1/name?bogus=1",
        "postgresql://u:p@127.0.0.1:1/name?bogus",
    ],
)
def test_a_malformed_database_url_is_answered_with_the_right_form(url: str) -> None:
    with pytest.raises(LaunchFailure) as caught:
        check_database(url)
    assert str(caught.value) == DATABASE_FORM


@pytest.mark.parametrize("url", ["kaireon", "http://host", "redis://host:port/0"])
def test_a_malformed_redis_url_is_answered_with_the_right_form(url: str) -> None:
    with pytest.raises(LaunchFailure) as caught:
        check_redis(url)
    assert str(caught.value) == REDIS_FORM


@pytest.mark.parametrize("password", ["hidden", "hid%40den", "hid@den"])
def test_a_password_never_shows(password: str) -> None:
    with pytest.raises(LaunchFailure) as caught:
        check_database(f"postgresql://u:{password}@127.0.0.1:1/name")
    assert "hid" not in str(caught.value)
    with pytest.raises(LaunchFailure) as caught:
        check_redis(f"redis://:{password}@127.0.0.1:1/0")
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "80a", "٣", "8e3"])
def test_a_port_must_be_one(port: str) -> None:
    with pytest.raises(LaunchFailure) as caught:
        read_configuration({"PORT": port})
    assert str(caught.value) == f"PORT must be a number from 1 to 65535, not {port!r}."


def test_an_empty_variable_counts_as_not_set() -> None:
    told = {"PORT": "", "KAIREON_HOME": "", "DATABASE_URL": "", "REDIS_URL": ""}
    assert read_configuration(told) == Configuration(
        home=Path(".kaireon").absolute(), port=8000, database_url=None, redis_url=None
    )


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LaunchFailure) as caught, claimed(tmp_path / "file" / "home"):
        pass
    assert str(caught.value) == f"Can't write to KAIREON_HOME ({tmp_path / 'file' / 'home'}): Not a directory."
