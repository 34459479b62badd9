"""The signing secret: made once, rotated, and the old one valid for a day."""

import base64
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from audit.models import Entry
from kaireon.core import clock
from kaireon.core.errors import Conflict
from kaireon.secrets import signing
from kaireon.secrets.models import SigningSecret

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


def audited() -> list[tuple[str, str]]:
    return list(Entry.objects.order_by("pk").values_list("action", "subject"))


def test_it_is_made_on_first_use_and_stays() -> None:
    first = signing.current(now=NOON)
    assert first == signing.current(now=NOON + DAY)
    assert first.secret.startswith("whsec_")
    assert len(base64.b64decode(first.secret.removeprefix("whsec_"))) == 32
    assert (first.created_at, first.previous_valid_until) == (NOON, None)
    assert signing.signing_secrets(now=NOON) == [first.secret]
    assert first.secret.encode() not in bytes(SigningSecret.objects.get().ciphertext)
    assert audited() == [("signing_secret.created", "signing-secret")]


def test_after_a_rotation_the_old_one_signs_for_a_day() -> None:
    old = signing.current(now=NOON - DAY).secret
    new = signing.rotate(now=NOON)
    assert new.secret != old
    assert (new.created_at, new.previous_valid_until) == (NOON, NOON + DAY)
    almost = NOON + DAY - timedelta(microseconds=1)
    assert signing.signing_secrets(now=NOON) == signing.signing_secrets(now=almost) == [new.secret, old]
    assert signing.signing_secrets(now=NOON + DAY) == [new.secret]
    assert signing.current(now=NOON + DAY).previous_valid_until is None
    assert audited()[-1] == ("signing_secret.rotated", "signing-secret")


def test_two_rotations_within_a_day_leave_three_that_sign() -> None:
    first = signing.current(now=NOON).secret
    second = signing.rotate(now=NOON + timedelta(hours=1)).secret
    third = signing.rotate(now=NOON + timedelta(hours=2)).secret
    assert signing.signing_secrets(now=NOON + timedelta(hours=3)) == [third, second, first]
    assert signing.signing_secrets(now=NOON + timedelta(hours=25)) == [third, second]
    assert signing.signing_secrets(now=NOON + timedelta(hours=26)) == [third]


def test_many_rotations_within_a_day_leave_ten_that_sign() -> None:
    secrets = [signing.rotate(now=NOON + timedelta(minutes=minute)).secret for minute in range(15)]
    assert signing.signing_secrets(now=NOON + timedelta(hours=1)) == secrets[:4:-1]
    assert SigningSecret.objects.count() == signing.MOST_THAT_SIGN == 10


def test_what_no_longer_signs_is_removed_by_the_next_rotation() -> None:
    signing.current(now=NOON)
    signing.rotate(now=NOON + DAY)
    signing.rotate(now=NOON + 3 * DAY)
    assert list(SigningSecret.objects.values_list("number", flat=True)) == [3, 2]


def test_no_secret_is_audited() -> None:
    signing.rotate(now=NOON)
    facts = str(list(Entry.objects.values_list("facts", flat=True)))
    assert all(secret not in facts for secret in signing.signing_secrets(now=NOON))
    assert "whsec_" not in facts


@pytest.mark.django_db(transaction=True)
def test_of_many_that_come_first_all_get_the_same_one() -> None:
    barrier = threading.Barrier(8)
    found: list[str] = []

    def use() -> None:
        barrier.wait(10)
        found.append(signing.current(now=clock.now()).secret)
        connections.close_all()

    _run_all([threading.Thread(target=use) for _ in range(8)])
    assert len(found) == 8
    assert len(set(found)) == 1
    assert audited() == [("signing_secret.created", "signing-secret")]


@pytest.mark.django_db(transaction=True)
def test_of_two_that_rotate_at_once_one_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    signing.current(now=NOON)
    barrier = threading.Barrier(2)
    outcomes: list[str] = []
    make = signing._new_secret

    def both_have_read() -> str:
        barrier.wait(10)
        return make()

    monkeypatch.setattr(signing, "_new_secret", both_have_read)

    def rotate() -> None:
        try:
            signing.rotate(now=clock.now())
            outcomes.append("rotated")
        except Conflict:
            outcomes.append("conflict")
        finally:
            connections.close_all()

    _run_all([threading.Thread(target=rotate) for _ in range(2)])
    assert sorted(outcomes) == ["conflict", "rotated"]
    assert SigningSecret.objects.count() == 2


def _run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
