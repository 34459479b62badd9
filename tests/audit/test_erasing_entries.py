"""The one thing that can be done to an entry, and that the database refuses all that merely looks like it."""

import base64
import os

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from audit.digests import ERASED_FACTS
from audit.erasure import erase_entries, note_start
from audit.keys import KeysUnusable
from audit.models import Entry
from audit.verification import verify
from tests.audit.entries import add
from tests.audit.tampering import add_many, execute, seal_all

pytestmark = pytest.mark.django_db
DIGEST = bytes(range(32))
ERASE = "UPDATE audit_entry SET facts = %s, facts_digest = %s WHERE id = %s"


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def erased(customer_id: str = "ada") -> list[int]:
    """The ids of the customer's entries that are erased."""
    entries = Entry.objects.filter(customer_id=customer_id, facts_digest__isnull=False)
    return sorted(entries.values_list("id", flat=True))


def test_the_facts_go_and_all_else_stays() -> None:
    before = add(customer_id="ada", subject="fir_1", facts={"detail": {"name": "Ada"}})
    note_start(customer_id="ada")
    assert erase_entries("ada", after=None, limit=10).changed == 1
    after = Entry.objects.get(pk=before.pk)
    assert after.facts == {"erased": True}
    assert len(bytes(after.facts_digest or b"")) == 32
    kept = [field.name for field in Entry._meta.fields if field.name not in {"facts", "facts_digest"}]
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]


def test_others_entries_and_those_about_the_erasure_stay() -> None:
    (mine,) = add_many(1, customer_id="ada")
    add_many(1, customer_id="bob")
    add_many(1)
    note_start(customer_id="ada")
    erase_entries("ada", after=None, limit=10)
    assert erased() == [mine]
    assert Entry.objects.filter(facts_digest__isnull=False).count() == 1


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (ERASE, (ERASED_FACTS, None)),
        (ERASE, (ERASED_FACTS, b"")),
        (ERASE, (ERASED_FACTS, DIGEST[:31])),
        (ERASE, ("{}", DIGEST)),
        (ERASE, ('{"erased": false}', DIGEST)),
        (ERASE, ('{"erased": true, "more": 1}', DIGEST)),
        ("UPDATE audit_entry SET facts = %s, facts_digest = %s, outcome = 'x' WHERE id = %s", (ERASED_FACTS, DIGEST)),
        ("UPDATE audit_entry SET facts = %s, facts_digest = %s, id = id + 5 WHERE id = %s", (ERASED_FACTS, DIGEST)),
        ("UPDATE audit_entry SET facts = %s WHERE id = %s", (ERASED_FACTS,)),
        ("UPDATE audit_entry SET facts_digest = %s WHERE id = %s", (DIGEST,)),
    ],
)
def test_the_database_refuses_what_is_no_erasure(statement: str, parameters: tuple[object, ...]) -> None:
    (entry_id,) = add_many(1, customer_id="ada")
    note_start(customer_id="ada")
    with pytest.raises(IntegrityError, match="audit entries are append-only"), transaction.atomic():
        execute(statement, *parameters, entry_id)
    entry = Entry.objects.get(pk=entry_id)
    assert (entry.facts, entry.facts_digest) == ({"number": 0}, None)


def test_control_the_database_lets_an_erasure_pass() -> None:
    (entry_id,) = add_many(1, customer_id="ada")
    note_start(customer_id="ada")
    assert execute(ERASE, ERASED_FACTS, DIGEST, entry_id) == 1


def test_the_database_refuses_an_erasure_that_nobody_has_noted() -> None:
    (mine,) = add_many(1, customer_id="ada")
    (nobodys,) = add_many(1)
    note_start(customer_id="bob")
    for entry_id in (mine, nobodys):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            execute(ERASE, ERASED_FACTS, DIGEST, entry_id)


def test_the_database_refuses_to_erase_what_tells_of_the_erasure() -> None:
    note_start(customer_id="ada")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        execute("UPDATE audit_entry SET facts = %s, facts_digest = %s", ERASED_FACTS, DIGEST)


def test_the_database_refuses_to_undo_an_erasure() -> None:
    (entry_id,) = add_many(1, customer_id="ada")
    note_start(customer_id="ada")
    erase_entries("ada", after=None, limit=10)
    for facts, digest in ((ERASED_FACTS, DIGEST), ('{"number": 0}', None)):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            execute(ERASE, facts, digest, entry_id)


def test_an_erasure_holds_for_a_session_that_plays_the_replica() -> None:
    (entry_id,) = add_many(1, customer_id="ada")
    execute("SET LOCAL session_replication_role = replica")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        execute(ERASE, ERASED_FACTS, DIGEST, entry_id)


def test_entries_sealed_before_between_and_after_verify_whatever_the_key(settings: Settings) -> None:
    """Sealed with the old key, with the new one, and not sealed yet when they are erased."""
    old, new = new_key(), new_key()
    settings.AUDIT_KEYS = [old]
    ids = add_many(2, customer_id="ada")
    seal_all()
    settings.AUDIT_KEYS = [new, old]
    ids += add_many(2, customer_id="ada")
    seal_all()
    ids += add_many(2, customer_id="ada")
    note_start(customer_id="ada")
    assert erase_entries("ada", after=None, limit=10).changed == 6
    assert erased() == ids
    assert verify().is_intact
    seal_all()
    report = verify()
    assert (report.findings, report.entries) == ([], 7)


def test_nothing_is_erased_that_could_not_be_verified_any_more(settings: Settings) -> None:
    add_many(1, customer_id="ada")
    seal_all()
    settings.AUDIT_KEYS = [new_key()]
    note_start(customer_id="ada")
    with pytest.raises(KeysUnusable, match="put it back"), transaction.atomic():
        erase_entries("ada", after=None, limit=10)
    assert erased() == []


def test_what_is_left_of_equal_facts_is_not_equal() -> None:
    """Nobody can tell by them that two entries said the same, or guess what they said."""
    for _ in range(2):
        add(customer_id="ada", facts={"tier": "gold"})
    note_start(customer_id="ada")
    erase_entries("ada", after=None, limit=10)
    digests = [bytes(digest or b"") for digest in Entry.objects.values_list("facts_digest", flat=True) if digest]
    assert len(set(digests)) == 2


def test_batches_go_on_where_the_last_one_ended() -> None:
    ids = add_many(5, customer_id="ada")
    note_start(customer_id="ada")
    first = erase_entries("ada", after=None, limit=3)
    assert (first.changed, first.last) == (2, ids[3])
    second = erase_entries("ada", after=first.last, limit=3)
    assert (second.changed, second.last) == (3, ids[0])
    third = erase_entries("ada", after=second.last, limit=3)
    assert (third.changed, third.last) == (0, None)
    assert erased() == ids
