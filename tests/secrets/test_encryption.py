"""Keys: what they encrypt, and what happens without them."""

import pytest
from cryptography.fernet import Fernet
from django.core.checks import Error, Warning
from pytest_django import Settings

from kaireon.secrets.checks import secrets_keys
from kaireon.secrets.encryption import VaultUnusable, decrypt, encrypt, reencrypt


def new_key() -> str:
    return Fernet.generate_key().decode()


def test_what_is_encrypted_comes_back_and_does_not_show() -> None:
    ciphertext = encrypt("s3cret ü")
    assert b"s3cret" not in ciphertext
    assert decrypt(ciphertext) == "s3cret ü"


def test_the_same_value_is_encrypted_differently_each_time() -> None:
    assert encrypt("a") != encrypt("a")


def test_an_old_key_still_decrypts_and_a_removed_one_does_not(settings: Settings) -> None:
    old, new = new_key(), new_key()
    settings.SECRETS_KEYS = [old]
    ciphertext = encrypt("s3cret")
    settings.SECRETS_KEYS = [new, old]
    assert decrypt(ciphertext) == "s3cret"
    renewed = reencrypt(ciphertext)
    assert renewed is not None
    settings.SECRETS_KEYS = [new]
    assert decrypt(renewed) == "s3cret"
    assert reencrypt(ciphertext) is None
    with pytest.raises(VaultUnusable, match="can't be decrypted with any key of KAIREON_SECRETS_KEYS"):
        decrypt(ciphertext)


def test_without_keys_the_error_names_the_setting(settings: Settings) -> None:
    settings.SECRETS_KEYS = []
    with pytest.raises(VaultUnusable, match="KAIREON_SECRETS_KEYS is not set"):
        encrypt("s3cret")


@pytest.mark.parametrize("key", ["short", "x" * 44, "ü" * 44, ""])
def test_a_malformed_key_is_named_by_its_place_and_never_quoted(settings: Settings, key: str) -> None:
    settings.SECRETS_KEYS = [new_key(), key]
    with pytest.raises(VaultUnusable, match=r"^Key 2 of KAIREON_SECRETS_KEYS is malformed") as unusable:
        encrypt("s3cret")
    assert not key or key not in unusable.value.message


def test_the_system_check_warns_of_missing_keys_and_refuses_malformed_ones(settings: Settings) -> None:
    assert secrets_keys(None) == []
    settings.SECRETS_KEYS = []
    [warning] = secrets_keys(None)
    assert isinstance(warning, Warning)
    assert warning.id == "secrets.W001"
    settings.SECRETS_KEYS = ["short"]
    [error] = secrets_keys(None)
    assert isinstance(error, Error)
    assert error.id == "secrets.E001"
