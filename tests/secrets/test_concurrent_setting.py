"""Secrets that are set and deleted at the same moment."""

import pytest

from audit.models import Entry
from kaireon.core.errors import NotFound
from kaireon.secrets import vault
from kaireon.secrets.models import Secret
from tests.customers.together import run_together

pytestmark = pytest.mark.django_db(transaction=True)


def set_it() -> str:
    """Says whether the secret is a new one."""
    _, is_new = vault.set_secret(name="token", value="v")
    return "created" if is_new else "changed"


def delete_it() -> str:
    """Says whether there was a secret to delete."""
    try:
        vault.delete_secret(name="token")
    except NotFound:
        return "nothing there"
    return "deleted"


def test_one_of_many_creates_it_and_the_others_change_it() -> None:
    assert sorted(run_together([set_it] * 8)) == ["changed"] * 7 + ["created"]
    assert Secret.objects.count() == 1


def test_setting_succeeds_whatever_is_deleted_meanwhile() -> None:
    done = [one for _ in range(10) for one in run_together([set_it, delete_it] * 6)]
    assert done.count("created") + done.count("changed") == 60
    assert done.count("created") - done.count("deleted") == Secret.objects.count()
    entries = Entry.objects.filter(subject="token")
    assert entries.filter(facts__created=True).count() == done.count("created")
    assert entries.filter(action="secret.deleted").count() == done.count("deleted")
