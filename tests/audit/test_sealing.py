"""Entries are sealed into a chain."""

import base64
import os

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from audit.keys import KeysUnusable, _read, keyring
from audit.models import Seal
from audit.sealing import Sealed, seal
from audit.tasks import seal_entries
from audit.verification import verify
from tests.audit.tampering import add_many, execute, found, seal_all, undone

pytestmark = pytest.mark.django_db


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def test_entries_are_sealed_in_batches_that_follow_each_other() -> None:
    ids = add_many(7)
    done = seal_all(batch_size=3)
    assert (done.seals, done.entries, done.is_done) == (3, 7, True)
    seals = list(Seal.objects.order_by("number"))
    assert [(one.number, one.first_id, one.last_id, one.count) for one in seals] == [
        (1, ids[0], ids[2], 3),
        (2, ids[3], ids[5], 3),
        (3, ids[6], ids[6], 1),
    ]
    assert [bytes(one.previous) for one in seals] == [bytes(32), bytes(seals[0].digest), bytes(seals[1].digest)]
    assert {one.key_id for one in seals} == set(keyring())
    report = verify()
    assert (report.is_intact, report.seals, report.entries, report.next_seal) == (True, 3, 7, None)


def test_a_run_with_nothing_new_makes_no_seal() -> None:
    assert seal_all().seals == 0
    add_many(1)
    assert seal_all().seals == 1
    assert seal_all().seals == 0


def test_a_run_out_of_time_says_that_there_is_more() -> None:
    add_many(12)
    done = seal(run_seconds=-1, patience_seconds=0, batch_size=1)
    assert (done.seals, done.entries, done.is_done) == (10, 10, False)
    assert seal(run_seconds=-1, patience_seconds=0, batch_size=1) == Sealed(2, 2, is_done=True)


def test_ids_of_a_rolled_back_transaction_are_not_missing() -> None:
    add_many(2)
    with undone():
        add_many(3)
    later = add_many(2)
    seal_all()
    assert seal_all().seals == 0
    assert later[0] - 3 > 0
    report = verify()
    assert (report.is_intact, report.entries) == (True, 4)


def test_the_database_draws_ids_one_by_one() -> None:
    """A session that draws them ahead could bring a small one long after; settling rests on that."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seqcache FROM pg_sequence WHERE seqrelid = 'audit_entry_id_seq'::regclass")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_seal SET count = 1", "UPDATE audit_seal SET count = 1 WHERE false", "DELETE FROM audit_seal"],
)
def test_the_database_refuses_to_change_seals(statement: str) -> None:
    add_many(1)
    seal_all()
    with pytest.raises(IntegrityError, match="seals of the audit log are append-only"), transaction.atomic():
        execute(statement)
    execute("SET LOCAL session_replication_role = replica")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        execute(statement)


def test_the_database_refuses_to_empty_the_seals() -> None:
    execute("ALTER TABLE audit_seal ENABLE ALWAYS TRIGGER audit_seal_no_truncate")
    with pytest.raises(IntegrityError, match="TRUNCATE on audit_seal was refused|append-only"), transaction.atomic():
        execute("TRUNCATE audit_seal")


def test_keys_can_be_rotated(settings: Settings) -> None:
    old, new = new_key(), new_key()
    settings.AUDIT_KEYS = [old]
    add_many(2)
    seal_all()
    settings.AUDIT_KEYS = [new, old]
    add_many(2)
    seal_all()
    ids = list(Seal.objects.order_by("number").values_list("key_id", flat=True))
    assert ids == [list(keyring())[1], list(keyring())[0]]
    assert verify().is_intact
    settings.AUDIT_KEYS = [new]
    assert [finding.kind.value for finding in verify().findings] == ["key_missing"]
    settings.AUDIT_KEYS = [new_key()]
    assert [finding.kind.value for finding in verify().findings] == ["key_missing", "key_missing"]


def test_another_key_by_the_name_of_ours_verifies_nothing(settings: Settings) -> None:
    add_many(1)
    seal_all()
    name = Seal.objects.get().key_id
    settings.AUDIT_KEYS = [new_key()]
    ring = keyring()
    (key,) = ring.values()
    object.__setattr__(key, "id", name)
    ring_of_forger = {name: key}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audit.verification.keyring", lambda: ring_of_forger)
        assert found() == [("seal_changed", None)]
    _read.cache_clear()


@pytest.mark.parametrize("keys", [["short"], ["not base64!"], [base64.b64encode(bytes(31)).decode()]])
def test_a_malformed_key_is_told(settings: Settings, keys: list[str]) -> None:
    settings.AUDIT_KEYS = [new_key(), *keys]
    with pytest.raises(KeysUnusable, match="^Key 2 of KAIREON_AUDIT_KEYS is malformed") as unusable:
        keyring()
    assert keys[0] not in unusable.value.message
    with pytest.raises(Exception, match=r"audit\.E001"):
        call_command("check")


def test_without_a_key_entries_are_recorded_and_wait(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.AUDIT_KEYS = []
    add_many(1)
    seal_entries()
    assert not Seal.objects.exists()
    assert "KAIREON_AUDIT_KEYS is not set" in caplog.text
    with pytest.raises(Exception, match=r"audit\.W001"):
        call_command("check", fail_level="WARNING")


def test_the_head_is_logged_with_each_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (entry_id,) = add_many(1)
    seal_entries()
    assert f"Audit log sealed up to entry {entry_id}; head {Seal.objects.get().head}" in caplog.text


def test_a_key_does_not_show_itself() -> None:
    (key,) = keyring().values()
    assert repr(key) == f"Key({key.id})"
