"""Setting, reading and deleting secrets."""

import threading
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connections
from pytest_django import Settings

from audit.models import Entry
from kaireon.core import clock
from kaireon.core.errors import Conflict, NotFound, ValidationFailed
from kaireon.secrets import signing, vault
from kaireon.secrets.encryption import VaultUnusable
from kaireon.secrets.models import Secret

pytestmark = pytest.mark.django_db


def entries() -> list[tuple[str, str, dict[str, object]]]:
    return list(Entry.objects.order_by("pk").values_list("action", "subject", "facts"))


def test_a_secret_is_stored_encrypted_and_read_for_sending() -> None:
    vault.create_secret(name="token", value="s3cret ü")
    assert b"s3cret" not in bytes(Secret.objects.get().ciphertext)
    assert vault.values(["token", "nothing"]).values == {"token": "s3cret ü"}
    assert vault.values([]).values == {}


def test_setting_replaces_or_creates() -> None:
    first, is_new = vault.set_secret(name="token", value="one")
    assert is_new
    second, is_new = vault.set_secret(name="token", value="two")
    assert not is_new
    assert vault.values(["token"]).values == {"token": "two"}
    assert (second.created_at, second.updated_at > first.updated_at) == (first.created_at, True)


def test_a_name_is_given_once() -> None:
    vault.create_secret(name="token", value="one")
    with pytest.raises(Conflict, match="There is a secret token already"):
        vault.create_secret(name="token", value="two")
    assert vault.values(["token"]).values == {"token": "one"}


def test_each_change_is_audited_without_the_value() -> None:
    vault.create_secret(name="token", value="s3cret-1")
    vault.set_secret(name="token", value="s3cret-2")
    vault.delete_secret(name="token")
    assert entries() == [
        ("secret.set", "token", {"name": "token", "created": True}),
        ("secret.set", "token", {"name": "token", "created": False}),
        ("secret.deleted", "token", {"name": "token"}),
    ]


@pytest.mark.parametrize("name", ["", "1st", "_x", "a-b", "a b", "ä", "a" * 65, "a\n", "a\x00", "secret.token"])
def test_a_bad_name_is_refused(name: str) -> None:
    for call in (vault.create_secret, vault.set_secret):
        with pytest.raises(ValidationFailed) as failed:
            call(name=name, value="x")
        assert failed.value.details[0].field == "name"
    with pytest.raises(NotFound):
        vault.delete_secret(name=name)


@pytest.mark.parametrize("value", ["", "x" * 8193, "s3cret\n", "s3\rcret", "s3\x00cret", "s3cret\ud800"])
def test_a_bad_value_is_refused_and_not_quoted(value: str) -> None:
    with pytest.raises(ValidationFailed) as failed:
        vault.set_secret(name="token", value=value)
    assert failed.value.details[0].field == "value"
    assert "s3" not in failed.value.message
    assert entries() == []


@pytest.mark.parametrize("value", ["x", "x" * 8192, " blanks ", "\t", '{"a": "ü"}', "{{secret.other}}"])
def test_any_other_value_is_kept_as_it_is(value: str) -> None:
    vault.set_secret(name="token", value=value)
    assert vault.values(["token"]).values == {"token": value}


def test_values_do_not_show_in_a_traceback() -> None:
    vault.set_secret(name="token", value="s3cret")
    assert repr(vault.values(["token"])) == "SecretValues(['token'], unreadable=[])"


def test_without_a_key_nothing_is_stored(settings: Settings) -> None:
    settings.SECRETS_KEYS = []
    with pytest.raises(VaultUnusable):
        vault.set_secret(name="token", value="x")
    with pytest.raises(VaultUnusable):
        vault.values(["token"])
    assert not Secret.objects.exists()


def test_rotating_leaves_everything_under_the_first_key_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "REENCRYPTION_BATCH", 2)
    for number in range(5):
        vault.set_secret(name=f"s{number}", value=f"value {number}")
    now = clock.now()
    signing_secret = signing.current(now=now).secret
    updated_at = list(Secret.objects.values_list("updated_at", flat=True))
    new = Fernet.generate_key().decode()
    settings.SECRETS_KEYS = [new, *settings.SECRETS_KEYS]
    output = StringIO()
    call_command("rotate_secrets", stdout=output)
    assert output.getvalue() == "Encrypted under the first key: 6.\n"

    settings.SECRETS_KEYS = [new]
    assert vault.values([f"s{number}" for number in range(5)]).values == {f"s{n}": f"value {n}" for n in range(5)}
    assert signing.current(now=now).secret == signing_secret
    assert list(Secret.objects.values_list("updated_at", flat=True)) == updated_at
    rotated = [subject for action, subject, _ in entries() if action == "secret.rotated"]
    assert rotated == ["s0", "s1", "s2", "s3", "s4", "signing-secret"]


def test_rotating_names_what_no_key_decrypts_and_does_the_rest(settings: Settings) -> None:
    good, lost = settings.SECRETS_KEYS[0], Fernet.generate_key().decode()
    settings.SECRETS_KEYS = [lost]
    vault.set_secret(name="lost", value="x")
    settings.SECRETS_KEYS = [good]
    vault.set_secret(name="kept", value="y")
    output = StringIO()
    with pytest.raises(CommandError, match="no key decrypts them: lost"):
        call_command("rotate_secrets", stdout=output)
    assert output.getvalue() == "Encrypted under the first key: 1.\n"
    found = vault.values(["lost", "kept"])
    assert (found.values, found.unreadable) == ({"kept": "y"}, frozenset({"lost"}))


def test_rotating_without_keys_says_so(settings: Settings) -> None:
    settings.SECRETS_KEYS = []
    with pytest.raises(CommandError, match="KAIREON_SECRETS_KEYS is not set"):
        call_command("rotate_secrets")


@pytest.mark.django_db(transaction=True)
def test_of_two_that_add_the_same_name_at_once_one_wins() -> None:
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def add(value: str) -> None:
        barrier.wait(10)
        try:
            vault.create_secret(name="token", value=value)
            outcomes.append("created")
        except Conflict:
            outcomes.append("conflict")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=add, args=(value,)) for value in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(outcomes) == ["conflict", "created"]
    assert Secret.objects.count() == 1
