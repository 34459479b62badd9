"""A superuser of the database, who can switch off its triggers and has no key, changes nothing unnoticed."""

import base64
from datetime import UTC
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.digests import ERASED_FACTS
from audit.erasure import erase_entries, note_start
from audit.models import Entry, Seal
from audit.verification import Kind, read_head, verify
from kaireon.core.errors import ValidationFailed
from tests.audit.tampering import add_many, execute, found, seal_all, seal_row, tamper, undone

pytestmark = pytest.mark.django_db

TEXTS = (
    "action",
    "actor",
    "subject",
    "trigger_id",
    "customer_id",
    "event_type",
    "event_id",
    "action_taken",
    "outcome",
    "request_id",
)
BLOBS = ("marks", "root", "previous", "digest")
NUMBERS = ("first_id", "last_id", "count")


def verified(**options: Any) -> str:
    """What the command prints. Raises CommandError where it ends with an error."""
    output = StringIO()
    try:
        call_command("audit_verify", stdout=output, **options)
    except CommandError as error:
        raise CommandError(f"{output.getvalue()}{error}") from None
    return output.getvalue()


def test_an_untouched_log_is_verified() -> None:
    ids = add_many(5)
    seal_all(batch_size=2)
    add_many(1)
    text = verified()
    assert f"Verified 3 seals with 5 entries; sealed up to entry {ids[-1]}." in text
    assert f"Head: {seal_row(3).head}" in text


def test_a_changed_entry_is_named() -> None:
    ids = add_many(5)
    seal_all(batch_size=2)
    tamper("UPDATE audit_entry SET outcome = 'failed' WHERE id = %s", ids[2])
    assert found() == [(Kind.ENTRY_CHANGED, ids[2])]
    with pytest.raises(
        CommandError, match=rf"Entry {ids[2]} was changed \(seal 2\)(.|\n)*NOT WHAT WAS SEALED\. Findings: 1\."
    ):
        verified()


def test_a_missing_entry_is_named() -> None:
    ids = add_many(5)
    seal_all(batch_size=2)
    for entry_id in (ids[0], ids[3], ids[4]):
        tamper("DELETE FROM audit_entry WHERE id = %s", entry_id)
    assert found() == [(Kind.ENTRY_MISSING, ids[0]), (Kind.ENTRY_MISSING, ids[3]), (Kind.ENTRY_MISSING, ids[4])]


def test_an_inserted_entry_is_named_wherever_it_is_put() -> None:
    """Into the gap of a rolled-back transaction: inside a batch, between two, and before the first."""
    with undone():
        gap_at_start = add_many(1)[0]
    first = add_many(1)[0]
    with undone():
        gap_inside = add_many(1)[0]
    second = add_many(1)[0]
    with undone():
        gap_between = add_many(1)[0]
    add_many(2)
    seal_all(batch_size=2)
    assert gap_at_start < first < gap_inside < second < gap_between
    for gap in (gap_at_start, gap_inside, gap_between, 0, -(2**63)):
        with undone():
            tamper(
                "INSERT INTO audit_entry (id, at, action, actor, subject, trigger_id, customer_id, event_type,"
                " event_id, action_taken, outcome, facts, request_id) SELECT %s, at, action, actor, subject,"
                " trigger_id, customer_id, event_type, event_id, action_taken, outcome, facts, request_id"
                " FROM audit_entry WHERE id = %s",
                gap,
                first,
            )
            assert found() == [(Kind.ENTRY_INSERTED, gap)]
    assert found() == []


def test_entries_that_changed_places_are_named() -> None:
    ids = add_many(4)
    seal_all()
    tamper("UPDATE audit_entry SET id = -id")
    order = {ids[0]: ids[0], ids[1]: ids[2], ids[2]: ids[1], ids[3]: ids[3]}
    for before, after in order.items():
        tamper("UPDATE audit_entry SET id = %s WHERE id = %s", after, -before)
    assert found() == [(Kind.ENTRY_CHANGED, ids[1]), (Kind.ENTRY_CHANGED, ids[2])]


def test_a_missing_seal_is_named() -> None:
    add_many(6)
    seal_all(batch_size=2)
    for number, finding in ((1, "Seal 1 is missing."), (2, "Seal 2 is missing.")):
        with undone():
            tamper("DELETE FROM audit_seal WHERE number = %s", number)
            assert [one.message for one in verify().findings] == [finding]
    with undone():
        tamper("DELETE FROM audit_seal WHERE number < 3")
        assert [one.message for one in verify().findings] == ["Seal 1 to 2 is missing."]


def test_seals_that_changed_places_are_found() -> None:
    add_many(6)
    seal_all(batch_size=2)
    tamper("UPDATE audit_seal SET number = number + 10 WHERE number < 3")
    tamper("UPDATE audit_seal SET number = 13 - number WHERE number > 10")
    assert {kind for kind, _ in found()} == {Kind.SEAL_CHANGED}


def test_a_forged_seal_over_forged_entries_is_found() -> None:
    """The forger knows all the code and makes everything anew, with a key of his own."""
    add_many(4)
    seal_all(batch_size=2)
    name = seal_row(1).key_id
    tamper("UPDATE audit_entry SET outcome = 'forged'")
    tamper("DELETE FROM audit_seal")
    with override_settings(AUDIT_KEYS=[base64.urlsafe_b64encode(bytes(32)).decode()]):
        seal_all(batch_size=2)
    assert found() == [(Kind.KEY_MISSING, None), (Kind.KEY_MISSING, None)]
    tamper("UPDATE audit_seal SET key_id = %s", name)
    assert found() == [(Kind.SEAL_CHANGED, None), (Kind.SEAL_CHANGED, None)]


def test_a_cut_off_tail_of_entries_alone_is_named() -> None:
    ids = add_many(4)
    seal_all(batch_size=2)
    tamper("DELETE FROM audit_entry WHERE id >= %s", ids[2])
    assert found() == [(Kind.ENTRY_MISSING, ids[2]), (Kind.ENTRY_MISSING, ids[3])]


def test_a_tail_cut_off_together_with_its_seals_is_found_by_a_head_noted_before() -> None:
    ids = add_many(6)
    seal_all(batch_size=2)
    head = seal_row(3).head
    assert "Verified 3 seals" in verified(expect_head=head)
    add_many(2)
    seal_all(batch_size=2)
    assert "Verified 5 seals" in verified(expect_head=head)  # the chain has grown, the head is in it
    tamper("DELETE FROM audit_seal WHERE number >= 3")
    tamper("DELETE FROM audit_entry WHERE id >= %s", ids[4])
    assert found() == []  # from within, nobody can tell
    with pytest.raises(CommandError, match=r"Seal 3, which is expected, is not there: the chain ends at seal 2"):
        verified(expect_head=head)
    add_many(2)
    seal_all(batch_size=2)
    assert found() == []
    with pytest.raises(CommandError, match=r"Seal 3 is not the expected one"):
        verified(expect_head=head)


def test_a_seal_that_was_ours_once_does_not_fit_into_another_chain() -> None:
    """All of these seals are made with the key. The tail was cut off and sealed anew; then an old piece is put back."""
    add_many(4)
    seal_all(batch_size=2)
    columns = "number, first_id, last_id, count, marks, root, previous, key_id, sealed_at, digest"
    execute("CREATE TEMPORARY TABLE kept_seals ON COMMIT DROP AS SELECT * FROM audit_seal WHERE number = 2")
    execute("CREATE TEMPORARY TABLE kept_entries ON COMMIT DROP AS SELECT * FROM audit_entry ORDER BY id DESC LIMIT 2")
    tamper("DELETE FROM audit_seal WHERE number = 2")
    tamper("DELETE FROM audit_entry WHERE id IN (SELECT id FROM kept_entries)")
    add_many(4)
    seal_all(batch_size=2)
    assert found() == []
    replaced = seal_row(2)
    tamper("DELETE FROM audit_entry WHERE id BETWEEN %s AND %s", replaced.first_id, replaced.last_id)
    tamper("DELETE FROM audit_seal WHERE number = 2")
    tamper(f"INSERT INTO audit_seal ({columns}) SELECT {columns} FROM kept_seals")
    tamper("INSERT INTO audit_entry SELECT * FROM kept_entries")
    assert [(one.kind, one.seal, one.entry_id) for one in verify().findings] == [(Kind.SEAL_CHANGED, 3, None)]


@pytest.mark.parametrize("head", ["", "1", "abc", "0:" + "a" * 64, "1:" + "a" * 63, "1:" + "g" * 64, "-1:" + "a" * 64])
def test_a_head_that_is_none_is_refused(head: str) -> None:
    with pytest.raises(ValidationFailed):
        read_head(head)
    with pytest.raises(CommandError, match="--expect-head must be"):
        verified(expect_head=head)


def test_an_entry_that_was_made_to_look_erased_is_found() -> None:
    ids = add_many(2, customer_id="cust_1")
    seal_all()
    tamper("UPDATE audit_entry SET facts = %s, facts_digest = %s WHERE id = %s", ERASED_FACTS, bytes(32), ids[1])
    assert found() == [(Kind.ENTRY_CHANGED, ids[1])]


def test_an_entry_that_is_removed_together_with_its_mark_leaves_a_seal_that_does_not_fit() -> None:
    ids = add_many(3)
    seal_all()
    marks = bytes(seal_row(1).marks)
    tamper("DELETE FROM audit_entry WHERE id = %s", ids[1])
    tamper("UPDATE audit_seal SET marks = %s", marks[:24] + marks[48:])
    assert found() == [(Kind.SEAL_CHANGED, None)]


def test_many_findings_are_counted_and_a_hundred_told() -> None:
    add_many(150)
    seal_all()
    tamper("DELETE FROM audit_entry")
    report = verify()
    assert (report.finding_count, len(report.findings)) == (150, 100)
    with pytest.raises(CommandError, match=r"… and 50 more\.(.|\n)*Findings: 150"):
        verified()


def test_verifying_in_parts_finds_what_verifying_at_once_does() -> None:
    ids = add_many(10)
    seal_all(batch_size=2)
    tamper("UPDATE audit_entry SET outcome = 'failed' WHERE id = %s", ids[5])
    tamper("DELETE FROM audit_seal WHERE number = 4")
    together: list[Any] = []
    number: int | None = 1
    parts = 0
    while number is not None:
        report = verify(from_seal=number, most_entries=2)
        together += report.findings
        number = report.next_seal
        parts += 1
    assert parts == 4
    assert together == verify().findings
    assert [(one.kind, one.seal, one.entry_id) for one in together] == [
        (Kind.ENTRY_CHANGED, 3, ids[5]),
        (Kind.SEAL_MISSING, 4, None),
    ]


@st.composite
def changes_of_entries(draw: st.DrawFn) -> tuple[str, tuple[Any, ...]]:
    """One field of one entry, and what it is set to."""
    column = draw(st.sampled_from([*TEXTS, "at", "facts", "facts_digest"]))
    value: Any
    if column == "at":
        value = draw(st.datetimes(timezones=st.just(UTC)))
    elif column == "facts":
        value = draw(
            st.sampled_from(
                ["{}", '{"number": 1.0}', '{"number": "1"}', "[]", "null", ERASED_FACTS, '{"erased": false}']
            )
        )
    elif column == "facts_digest":
        value = draw(st.binary(max_size=40))
    else:
        value = draw(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
    return column, value


QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.slow
@QUICK
@given(place=st.integers(0, 4), change=changes_of_entries(), is_erased=st.booleans())
def test_any_change_of_any_field_of_any_entry_is_found(place: int, change: tuple[str, Any], is_erased: bool) -> None:
    column, value = change
    with undone():
        ids = add_many(5, customer_id="cust_1", subject="fir_1")
        seal_all(batch_size=2)
        if is_erased:
            note_start(customer_id="cust_1")
            assert erase_entries("cust_1", after=None, limit=10).changed == 5
        assert found() == []
        compared = f"{column}::text" if column == "facts" else column
        was_changed = bool(
            tamper(
                f"UPDATE audit_entry SET {column} = %s WHERE id = %s AND {compared} IS DISTINCT FROM %s",
                value,
                ids[place],
                value,
            )
        )
        assert found() == ([(Kind.ENTRY_CHANGED, ids[place])] if was_changed else [])


@pytest.mark.slow
@QUICK
@given(
    number=st.integers(1, 3),
    column=st.sampled_from([*BLOBS, *NUMBERS, "key_id", "sealed_at", "number"]),
    data=st.data(),
)
def test_any_change_of_any_field_of_any_seal_is_found(number: int, column: str, data: st.DataObject) -> None:
    with undone():
        add_many(5)
        seal_all(batch_size=2)
        assert found() == []
        stored = seal_row(number)
        value: Any
        if column in BLOBS:
            old = bytes(getattr(stored, column))
            place = data.draw(st.integers(0, len(old) - 1))
            value = data.draw(
                st.sampled_from([old[:place] + bytes([old[place] ^ 1]) + old[place + 1 :], old[:place], old + b"\0"])
            )
        elif column == "key_id":
            value = data.draw(st.text("0123456789abcdef", max_size=16).filter(lambda text: text != stored.key_id))
        elif column == "sealed_at":
            value = data.draw(st.datetimes(timezones=st.just(UTC)))
        elif column == "number":
            value = data.draw(st.integers(-5, 50).filter(lambda to: to not in {1, 2, 3}))
        else:
            old_number: int = getattr(stored, column)
            value = data.draw(st.integers(0, 2**31 - 1).filter(lambda to: to != old_number))
        if column == "last_id" and Seal.objects.filter(last_id=value).exists():
            return
        head = seal_row(3).head
        tamper(f"UPDATE audit_seal SET {column} = %s WHERE number = %s", value, number)
        report = verify(expected=read_head(head))
        assert not report.is_intact


@pytest.mark.slow
@QUICK
@given(data=st.data())
def test_any_set_of_removed_entries_is_named_exactly(data: st.DataObject) -> None:
    with undone():
        ids = add_many(8)
        seal_all(batch_size=3)
        gone = data.draw(st.sets(st.sampled_from(range(8)), min_size=1))
        tamper("DELETE FROM audit_entry WHERE id = ANY(%s)", [ids[place] for place in gone])
        assert found() == [(Kind.ENTRY_MISSING, ids[place]) for place in sorted(gone)]


def test_verifying_is_noted_in_the_log() -> None:
    ids = add_many(2)
    seal_all()
    verified()
    tamper("DELETE FROM audit_entry WHERE id = %s", ids[0])
    with pytest.raises(CommandError):
        verified()
    noted = Entry.objects.filter(action="audit.verified").order_by("id").values_list("outcome", "facts")
    facts = {"fromSeal": 1, "toSeal": 1, "entries": 2, "isComplete": True}
    assert list(noted) == [("succeeded", {**facts, "findings": 0}), ("failed", {**facts, "findings": 1})]
