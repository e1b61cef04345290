"""Sealing what reaches a person, so that a copy of the database tells nobody's address.

AES-256-GCM (NIST SP 800-38D) under a key that is in the environment and never in the database; each text is
sealed for a purpose and opens for no other. Where equal texts must be found there is a mark beside them:
HMAC-SHA256 of the normalised text, under another key of the same secret (a blind index). New texts are sealed
with the newest key; those of earlier keys still open, until app.rotate_keys has sealed them anew."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import Unavailable

PREFIX = "s1."
NONCE_BYTES = 12
KEY_ID_CHARACTERS = 8
MARK_CHARACTERS = 32
#: So many last digits of a telephone number say whose it is, however its beginning was written.
DIGITS_THAT_COUNT = 7

EMAIL, PHONE, CONTACT, TOTP = "email", "phone", "contact", "totp"
#: What these are called in the documents that are kept as answers to repeated requests.
SEALED_FIELDS = {
    "email": EMAIL, "phone": PHONE, "contact": CONTACT, "patient_email": EMAIL, "patient_phone": PHONE,
}  # fmt: skip


class KeyLost(Unavailable):
    """Something was sealed with a key that is neither DATA_KEY nor among DATA_KEY_EARLIER."""

    def __init__(self, key_id: str) -> None:
        super().__init__("Contact data cannot be read at the moment.", retry_after_seconds=60)
        self.key_id = key_id

    def __str__(self) -> str:
        return f"key {self.key_id} is neither DATA_KEY nor among DATA_KEY_EARLIER"


class SealBroken(Unavailable):
    """A sealed text was changed or cut, or belongs elsewhere."""


class _Key:
    """One secret's key for sealing, its key for marks, and its name, which tells nothing about it."""

    def __init__(self, secret: str) -> None:
        self.id = _derive(secret, "id").hex()[:KEY_ID_CHARACTERS]
        self.cipher = AESGCM(_derive(secret, "seal"))
        self.marking = _derive(secret, "mark")
        self.head = f"{PREFIX}{self.id}."


class Keyring:
    """The key in use and the earlier ones, the newest first."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [_Key(secret) for secret in secrets]
        self._by_id = {key.id: key for key in self._keys}
        self._newest = self._keys[0]

    @property
    def newest_id(self) -> str:
        return self._newest.id

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(self._by_id)

    def seal(self, purpose: str, text: str | None) -> str | None:
        """The text as it is stored; None stays None."""
        if text is None:
            return None
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._newest.cipher.encrypt(nonce, text.encode(), purpose.encode())
        return self._newest.head + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, purpose: str, stored: str | None) -> str | None:
        """The text that was sealed for this purpose. Raises KeyLost, SealBroken."""
        if stored is None:
            return None
        if not is_sealed(stored):
            raise SealBroken("Contact data is stored in the clear.")
        key_id, _, body = stored.removeprefix(PREFIX).partition(".")
        key = self._by_id.get(key_id)
        if key is None:
            raise KeyLost(key_id) from LookupError(f"key {key_id} is not among ours")
        try:
            raw = base64.urlsafe_b64decode(body)
            return key.cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SealBroken("Contact data was changed outside of the product.") from error

    def mark(self, purpose: str, text: str | None) -> str | None:
        """What equal texts have in common, under the newest key; None when there is nothing to find."""
        return self._marks(purpose, text, self._keys[:1])[0] if text else None

    def marks(self, purpose: str, text: str) -> list[str]:
        """The text's marks under every key: rows that are not sealed anew yet are found too."""
        return [mark for mark in self._marks(purpose, text, self._keys) if mark]

    def _marks(self, purpose: str, text: str, keys: Sequence[_Key]) -> list[str | None]:
        said = normal_form(purpose, text)
        if said is None:
            return [None]
        message = f"{purpose}:{said}".encode()
        return [hmac.digest(key.marking, message, hashlib.sha256).hex()[:MARK_CHARACTERS] for key in keys]


def is_sealed(text: str) -> bool:
    return text.startswith(PREFIX)


def normal_form(purpose: str, text: str) -> str | None:
    """One spelling for what means the same: addresses in lower case, of numbers the last digits."""
    if purpose != PHONE:
        return text.strip().lower()
    digits = "".join(character for character in text if character.isdigit())
    return digits[-DIGITS_THAT_COUNT:] or None


def seal_document(keyring: Keyring, document: Any) -> Any:
    """A copy of an answer with its contact fields sealed."""
    return _in_documents(document, keyring.seal)


def open_document(keyring: Keyring, document: Any) -> Any:
    """The answer as it was given. One that was kept before anything was sealed is as it was, for a day."""
    return _in_documents(
        document, lambda purpose, text: keyring.open(purpose, text) if is_sealed(text) else text
    )


def _in_documents(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: change(SEALED_FIELDS[name], inner)
            if name in SEALED_FIELDS and isinstance(inner, str)
            else _in_documents(inner, change)
            for name, inner in value.items()
        }
    return [_in_documents(each, change) for each in value] if isinstance(value, list) else value


def _derive(secret: str, purpose: str) -> bytes:
    """HKDF's expansion (RFC 5869 2.3) of one block: the secret is random already."""
    return hmac.digest(secret.encode(), f"oneslot/{purpose}\x01".encode(), hashlib.sha256)
