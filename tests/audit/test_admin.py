"""The audit log in Django admin."""

import csv
import io
import json
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

import pytest
from django.contrib.auth.models import Permission
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.log import NewEntry, record
from audit.models import Entry, Seal, action_names
from audit.verification import note_verification, verify
from kaireon.accounts.users import create_user
from tests.audit.entries import NOON, add, ids
from tests.audit.tampering import add_many, seal_all, tamper

pytestmark = pytest.mark.django_db
LIST = "/admin/audit/entry/"
PASSWORD = "correct horse battery"


@pytest.fixture
def auditor() -> Client:
    """Somebody who is no admin and may look at the audit log."""
    user = create_user(login="otto", role="viewer", password=PASSWORD)
    user.is_staff = True
    user.save()
    user.user_permissions.add(Permission.objects.get(codename="view_entry"))
    client = Client()
    client.force_login(user)
    return client


def listed(client: Client, query: dict[str, str]) -> list[str]:
    """The ids of the entries that the list shows for `query`."""
    response = client.get(LIST, query)
    assert response.status_code == 200
    return [str(entry.pk) for entry in response.context["cl"].result_list]


def downloaded(response: Any) -> str:
    """The text of a file that was streamed."""
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(cast(Iterable[bytes], response.streaming_content)).decode()


def test_it_needs_the_permission() -> None:
    user = create_user(login="vic", role="editor", password=PASSWORD)
    user.is_staff = True
    user.save()
    entry = add()
    client = Client()
    client.force_login(user)
    for path in (LIST, f"{LIST}{entry.pk}/change/", f"{LIST}export/csv"):
        assert client.get(path).status_code == 403


def test_each_filter_finds_exactly_its_entries(auditor: Client) -> None:
    one = add(trigger_id="trg_a", customer_id="cust_1", event_type="conversion", outcome="failed")
    two = add(trigger_id="trg_ab", customer_id="cust_12", event_type="conversion.paid", outcome="succeeded")
    three = add(action="loop.stopped", trigger_id="trg_a", at=NOON + timedelta(days=1))
    assert listed(auditor, {"trigger_id": "trg_a"}) == ids(three, one)
    assert listed(auditor, {"customer_id": "cust_1"}) == ids(one)
    assert listed(auditor, {"event_type": "conversion.paid"}) == ids(two)
    assert listed(auditor, {"outcome": "failed"}) == ids(one)
    assert listed(auditor, {"action": "loop.stopped"}) == ids(three)
    assert listed(auditor, {"actor": "nobody"}) == []
    assert listed(auditor, {"trigger_id": "a\x00"}) == []
    assert listed(auditor, {"at_from": "2026-03-10", "at_to": "2026-03-10"}) == ids(two, one)
    assert listed(auditor, {"at_from": "2026-03-11", "at_to": "2026-03-11"}) == ids(three)
    assert listed(auditor, {"action": "", "trigger_id": "trg_a", "at_to": "2026-03-10"}) == ids(one)


def test_a_day_that_is_none_shows_nothing_and_says_so(auditor: Client) -> None:
    add()
    for day in ("2026-02-30", "yesterday", "\x00"):
        response = auditor.get(LIST, {"at_from": day})
        assert list(response.context["cl"].result_list) == []
        assert "That is no date; write days as 2026-03-10." in response.content.decode()
    assert listed(auditor, {"at_to": "9999-12-31"}) == []


def test_search_takes_whole_ids(auditor: Client) -> None:
    one = add(customer_id="cust_1", event_id="evt_1", subject="fir_1", trigger_id="trg_a")
    add(customer_id="cust_12", event_id="evt_12", subject="fir_12", trigger_id="trg_ab")
    for sought in ("cust_1", "evt_1", "fir_1", "trg_a"):
        assert listed(auditor, {"q": sought}) == ids(one)
    with_blank = add(subject="two words")
    assert listed(auditor, {"q": '"two words"'}) == ids(with_blank)


def test_the_newest_comes_first(auditor: Client) -> None:
    late = add(trigger_id="trg_a", at=NOON)
    later = add(trigger_id="trg_a", at=NOON - timedelta(days=1))
    assert listed(auditor, {"trigger_id": "trg_a"}) == ids(later, late)


def test_the_list_takes_a_fixed_number_of_queries_and_counts_nothing(
    auditor: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    record(*[NewEntry(action="trigger.fired", at=NOON) for _ in range(150)])
    auditor.get(LIST)
    # Session, user, his permissions and his groups', the newest seal, the last verification, the actions to choose
    # from, the page.
    with django_assert_num_queries(8) as queries:
        response = auditor.get(LIST)
    assert len(response.context["cl"].result_list) == 100
    assert not [query["sql"] for query in queries.captured_queries if "COUNT(" in query["sql"].upper()]


def test_an_entry_is_shown_whole_and_can_not_be_changed(auditor: Client) -> None:
    entry = add(
        subject="trg_a",
        trigger_id="trg_a",
        facts={"name": {"after": "<script>alert(1)</script>", "before": "Ü"}},
    )
    page = auditor.get(f"{LIST}{entry.pk}/change/").content.decode()
    assert "2026-03-10T12:00:00Z" in page
    assert f'<a href="{LIST}?trigger_id=trg_a"' in page
    assert "&quot;before&quot;: &quot;Ü&quot;,\n    &quot;after&quot;: &quot;&lt;script&gt;" in page
    assert "<script>alert(1)" not in page
    assert 'name="_save"' not in page
    assert auditor.post(f"{LIST}{entry.pk}/change/", {"action": "forged"}).status_code == 403
    assert auditor.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert auditor.post(f"{LIST}add/", {"action": "forged"}).status_code == 403
    auditor.post(LIST, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert Entry.objects.filter(pk=entry.pk, action="trigger.fired").exists()


def test_the_whole_filtered_list_can_be_downloaded(auditor: Client) -> None:
    entries = [add(trigger_id="trg_a") for _ in range(120)]
    add(trigger_id="trg_other")
    page = auditor.get(LIST, {"trigger_id": "trg_a", "p": "2"}).content.decode()
    assert f'href="{LIST}export/csv?trigger_id=trg_a"' in page
    text = downloaded(auditor.get(f"{LIST}export/csv?trigger_id=trg_a"))
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == ids(*reversed(entries))
    text = downloaded(auditor.get(f"{LIST}export/jsonl?trigger_id=trg_a&q=trg_a"))
    assert [json.loads(line)["id"] for line in text.splitlines()] == ids(*reversed(entries))


def test_a_download_with_a_misspelt_filter_is_not_everything(auditor: Client) -> None:
    add()
    response = auditor.get(f"{LIST}export/csv?trigger=trg_a")
    assert response.status_code == 302
    assert response.headers["Location"] == f"{LIST}?e=1"
    assert auditor.get(f"{LIST}export/xml").status_code == 404


def test_ticked_entries_can_be_downloaded(auditor: Client) -> None:
    one, _, three = (add(trigger_id="trg_a") for _ in range(3))
    chosen = {"_selected_action": [one.pk, three.pk]}
    text = downloaded(auditor.post(LIST, {"action": "export_jsonl", **chosen}))
    assert [json.loads(line)["id"] for line in text.splitlines()] == ids(three, one)
    text = downloaded(auditor.post(LIST, {"action": "export_csv", **chosen}))
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == ids(three, one)


def test_the_actions_to_choose_from_are_those_that_happened() -> None:
    assert action_names() == []
    for name in ("trigger.fired", "key.created", "trigger.fired", "loop.stopped"):
        add(action=name)
    assert action_names() == ["key.created", "loop.stopped", "trigger.fired"]


def state_line(client: Client) -> str:
    """The line above the list, its blanks made one."""
    text = client.get(LIST).content.decode()
    line = re.search(r'<div class="[^"]*" role="status">(.*?)</div>', text, re.DOTALL)
    assert line is not None
    return " ".join(re.sub(r"<[^>]*>", " ", line[1]).split())


def test_the_list_tells_how_far_it_is_sealed_and_what_verifying_found(auditor: Client) -> None:
    assert "Nothing is sealed yet." in state_line(auditor)
    assert "Never verified" in state_line(auditor)
    ids_before = add_many(3)
    seal_all()
    note_verification(verify())
    line = state_line(auditor)
    seal = Seal.objects.order_by("-number")[0]
    assert f"Sealed up to entry {seal.last_id} , {seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC, seal {seal.number}:" in line
    assert re.search(r"Verified \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: \d+ entries as they were sealed", line)
    tamper("UPDATE audit_entry SET outcome = 'failed' WHERE id = %s", ids_before[1])
    note_verification(verify())
    assert "1 finding: not what was sealed" in state_line(auditor)
    note_verification(verify(from_seal=1, most_entries=0))
    assert ", in part:" not in state_line(auditor)  # there is one seal
