"""Encryption at rest: Fernet, with the first of `settings.SECRETS_KEYS`; each of them decrypts."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from kaireon.core.errors import ServiceUnavailable

HOW_TO_MAKE_A_KEY = (
    "Make a key with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)


class VaultUnusable(ServiceUnavailable):
    """There is no key, a key is malformed, or none decrypts what is stored. The operator has to mend it."""


def encrypt(value: str) -> bytes:
    """`value`, to be stored. Raises VaultUnusable."""
    return _cipher().encrypt(value.encode())


def decrypt(ciphertext: bytes) -> str:
    """What `encrypt` was given. Raises VaultUnusable."""
    cipher = _cipher()
    try:
        return cipher.decrypt(ciphertext).decode()
    except InvalidToken:
        raise VaultUnusable(
            "A stored secret can't be decrypted with any key of KAIREON_SECRETS_KEYS: put back the key that it was"
            " encrypted with, or set the secret anew."
        ) from None


def reencrypt(ciphertext: bytes) -> bytes | None:
    """The same value under the first key; None where no key decrypts it. Raises VaultUnusable."""
    try:
        return _cipher().rotate(ciphertext)
    except InvalidToken:
        return None


def check_keys() -> None:
    """Raises VaultUnusable if the keys can't be used."""
    _cipher()


def _cipher() -> MultiFernet:
    keys = tuple(settings.SECRETS_KEYS)
    if not keys:
        raise VaultUnusable("Secrets can't be used: KAIREON_SECRETS_KEYS is not set. Ask the operator to set it.")
    return _multi_fernet(keys)


@lru_cache(maxsize=4)
def _multi_fernet(keys: tuple[str, ...]) -> MultiFernet:
    ciphers = []
    for number, key in enumerate(keys, start=1):
        try:
            ciphers.append(Fernet(key))
        except ValueError:
            raise VaultUnusable(
                f"Key {number} of KAIREON_SECRETS_KEYS is malformed: it must be 32 bytes in URL-safe base64,"
                " as Fernet.generate_key() makes them."
            ) from None
    return MultiFernet(ciphers)
