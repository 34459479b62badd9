"""Named secrets: set, deleted, and read for the moment of sending. No other door leads to a value."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db import IntegrityError, connection, transaction

from audit.log import NewEntry, record
from kaireon.core import clock
from kaireon.core.errors import Conflict, NotFound, ValidationFailed
from kaireon.core.templating import is_secret_name
from kaireon.secrets.encryption import VaultUnusable, check_keys, decrypt, encrypt, reencrypt
from kaireon.secrets.models import Secret, SigningSecret

NAME_RULE = "1 to 64 letters, digits and _ beginning with a letter"
MAX_VALUE_LENGTH = 8192
REENCRYPTION_BATCH = 200
# No secret can have this name; the audit log tells the two kinds apart by it.
SIGNING_SUBJECT = "signing-secret"

# One statement, since between a look and an insert or update another one may set the secret, or delete it.
_UPSERT = """
    INSERT INTO secrets_secret (name, ciphertext, created_at, updated_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (name) DO UPDATE SET ciphertext = EXCLUDED.ciphertext, updated_at = EXCLUDED.updated_at
    RETURNING created_at, xmax = 0 AS is_new
"""


@dataclass(frozen=True, slots=True)
class SecretValues:
    """Values for sending. A name that is in neither belongs to no secret."""

    values: dict[str, str]
    unreadable: frozenset[str]

    def __repr__(self) -> str:
        """Names alone: a value must not get into a log by way of a traceback."""
        return f"SecretValues({sorted(self.values)}, unreadable={sorted(self.unreadable)})"


@dataclass(frozen=True, slots=True)
class Reencryption:
    """What `rotate` did: how many ciphertexts are new, and what no key decrypts (by audit subject)."""

    count: int
    unreadable: list[str]


@transaction.atomic
def create_secret(*, name: str, value: str) -> Secret:
    """A new secret. Raises ValidationFailed, Conflict if the name is taken, VaultUnusable."""
    _check(name, value)
    now = clock.now()
    ciphertext = encrypt(value)
    try:
        with transaction.atomic():
            secret = Secret.objects.create(name=name, ciphertext=ciphertext, created_at=now, updated_at=now)
    except IntegrityError:
        raise Conflict(f"There is a secret {name} already; set a new value with PUT /secrets/{name}.") from None
    record(NewEntry(action="secret.set", subject=name, facts={"name": name, "created": True}))
    return secret


@transaction.atomic
def set_secret(*, name: str, value: str) -> tuple[Secret, bool]:
    """The secret with its new value, and whether it is a new secret. Raises ValidationFailed, VaultUnusable."""
    _check(name, value)
    now = clock.now()
    ciphertext = encrypt(value)
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [name, ciphertext, now, now])
        created_at, is_new = cursor.fetchone()
    record(NewEntry(action="secret.set", subject=name, facts={"name": name, "created": is_new}))
    return Secret(name=name, ciphertext=ciphertext, created_at=created_at, updated_at=now), is_new


@transaction.atomic
def delete_secret(*, name: str) -> None:
    """Removes a secret; what is still to be sent with it will fail, saying so. Raises NotFound."""
    if not is_secret_name(name) or not Secret.objects.filter(name=name).delete()[0]:
        raise NotFound(f"There is no secret {name}.")
    record(NewEntry(action="secret.deleted", subject=name, facts={"name": name}))


def values(names: Collection[str]) -> SecretValues:
    """The values of those of `names` that exist, in one query. Raises VaultUnusable if there is no usable key."""
    if not names:
        return SecretValues({}, frozenset())
    check_keys()
    found: dict[str, str] = {}
    unreadable: set[str] = set()
    for name, ciphertext in Secret.objects.filter(name__in=names).values_list("name", "ciphertext"):
        try:
            found[name] = decrypt(bytes(ciphertext))
        except VaultUnusable:
            unreadable.add(name)
    return SecretValues(found, frozenset(unreadable))


def rotate() -> Reencryption:
    """Encrypts all that is stored under the first key, in batches; the other keys can go afterwards.

    Raises VaultUnusable.
    """
    check_keys()
    count = 0
    unreadable: list[str] = []
    for names in _names_in_batches():
        done = _reencrypt_secrets(names)
        count += done.count
        unreadable += done.unreadable
    done = _reencrypt_signing_secrets()
    return Reencryption(count + done.count, unreadable + done.unreadable)


def value_problem(value: str) -> str:
    """What is wrong with a value, never with the value in it; empty where nothing is."""
    if not 1 <= len(value) <= MAX_VALUE_LENGTH:
        return f"must be 1 to {MAX_VALUE_LENGTH} characters."
    if any(character in value for character in "\x00\r\n"):
        return "must not contain line breaks or NUL characters; store it encoded, as base64 for example."
    try:
        value.encode()
    except UnicodeEncodeError:
        return "must be text that UTF-8 can express."
    return ""


def _check(name: str, value: str) -> None:
    if not is_secret_name(name):
        raise ValidationFailed.at("name", f"must be {NAME_RULE}.")
    if problem := value_problem(value):
        raise ValidationFailed.at("value", problem)


def _names_in_batches() -> Iterator[list[str]]:
    last = ""
    while names := list(
        Secret.objects.filter(name__gt=last).order_by("name").values_list("name", flat=True)[:REENCRYPTION_BATCH]
    ):
        yield names
        last = names[-1]


@transaction.atomic
def _reencrypt_secrets(names: list[str]) -> Reencryption:
    secrets = list(Secret.objects.select_for_update().filter(name__in=names).order_by("name"))
    unreadable = []
    readable = []
    for secret in secrets:
        ciphertext = reencrypt(bytes(secret.ciphertext))
        if ciphertext is None:
            unreadable.append(secret.name)
        else:
            secret.ciphertext = ciphertext
            readable.append(secret)
    Secret.objects.bulk_update(readable, ["ciphertext"])
    record(
        *(NewEntry(action="secret.rotated", subject=secret.name, facts={"name": secret.name}) for secret in readable)
    )
    return Reencryption(len(readable), unreadable)


@transaction.atomic
def _reencrypt_signing_secrets() -> Reencryption:
    count = 0
    unreadable = []
    for secret in SigningSecret.objects.select_for_update().order_by("number"):
        ciphertext = reencrypt(bytes(secret.ciphertext))
        if ciphertext is None:
            unreadable.append(SIGNING_SUBJECT)
            continue
        SigningSecret.objects.filter(pk=secret.pk).update(ciphertext=ciphertext)
        record(NewEntry(action="secret.rotated", subject=SIGNING_SUBJECT, facts={"number": secret.number}))
        count += 1
    return Reencryption(count, unreadable)
