"""What is in the audit log stays in it, as it is."""

import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import AppendOnly, Entry
from tests.audit.entries import add

pytestmark = pytest.mark.django_db


def execute(statement: str) -> None:
    """Runs SQL as anybody with the application's rights could."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET outcome = 'succeeded'",
        "UPDATE audit_entry SET outcome = 'succeeded' WHERE false",
        "DELETE FROM audit_entry",
        "INSERT INTO audit_entry (id, at, action, actor, subject, trigger_id, customer_id, event_type, event_id,"
        " action_taken, outcome, facts, request_id)"
        " SELECT id, at, 'forged', actor, subject, trigger_id, customer_id, event_type, event_id, action_taken,"
        " outcome, facts, request_id FROM audit_entry ON CONFLICT (id) DO UPDATE SET action = 'forged'",
        "WITH gone AS (DELETE FROM audit_entry RETURNING id) SELECT count(*) FROM gone",
    ],
)
def test_the_database_refuses_to_change_or_remove_entries(statement: str) -> None:
    entry = add(outcome="failed")
    with pytest.raises(IntegrityError, match=r"^audit entries are append-only") as refused, transaction.atomic():
        execute(statement)
    assert "Add a new entry that says what is different." in str(refused.value)
    stored = Entry.objects.get(pk=entry.pk)
    assert (stored.action, stored.outcome) == ("trigger.fired", "failed")


def test_the_database_refuses_to_empty_the_table() -> None:
    entry = add()
    # Switched off for the tests' own flush; the end of the test takes this back.
    execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_truncate")
    with pytest.raises(IntegrityError, match="TRUNCATE on audit_entry was refused"), transaction.atomic():
        execute("TRUNCATE audit_entry")
    assert Entry.objects.filter(pk=entry.pk).exists()


def test_triggers_hold_for_a_session_that_plays_the_replica() -> None:
    entry = add()
    execute("SET LOCAL session_replication_role = replica")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        execute("DELETE FROM audit_entry")
    assert Entry.objects.filter(pk=entry.pk).exists()


def test_the_model_answers_before_the_database_is_asked() -> None:
    entry = add(outcome="failed")
    entry.outcome = "succeeded"
    with pytest.raises(AppendOnly):
        entry.save()
    with pytest.raises(AppendOnly):
        entry.delete()
    with pytest.raises(AppendOnly):
        Entry.objects.all().delete()
    with pytest.raises(AppendOnly):
        Entry.objects.update(outcome="succeeded")
    assert Entry.objects.get(pk=entry.pk).outcome == "failed"


def test_an_entry_can_not_be_saved_over_another() -> None:
    entry = add(outcome="failed")
    with pytest.raises(IntegrityError), transaction.atomic():
        Entry(pk=entry.pk, at=entry.at, action="forged", actor="system").save()
    assert Entry.objects.get(pk=entry.pk).action == "trigger.fired"


def test_a_new_entry_can_be_saved() -> None:
    entry = add()
    Entry(at=entry.at, action="trigger.created", actor="user:ada").save()
    assert list(Entry.objects.order_by("id").values_list("action", "actor")) == [
        ("trigger.fired", "system"),
        ("trigger.created", "user:ada"),
    ]


def test_an_entry_goes_with_the_change_that_was_rolled_back() -> None:
    with transaction.atomic():
        add()
        transaction.set_rollback(True)
    assert not Entry.objects.exists()
