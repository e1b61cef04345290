"""Secrets in links that are derived and not stored: an id, and the proof that we gave it for this purpose.

HMAC-SHA256 (RFC 2104) cut to 128 bits. A copy of the database opens nothing; a repeated answer or a later
mail can show the same link again; another installation's secret, or another purpose, makes another proof."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Iterable

MAC_BYTES = 16
CHARACTERS = 43


def issue(secret: str, purpose: str, subject: uuid.UUID) -> str:
    raw = subject.bytes + _mac(secret, purpose, subject)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read(secrets: Iterable[str], purpose: str, proof: str) -> uuid.UUID | None:
    """What the proof is about, or None when none of these secrets made it."""
    if len(proof) != CHARACTERS or not proof.isascii():
        return None
    try:
        raw = base64.b64decode(proof + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    subject = uuid.UUID(bytes=raw[:16])
    is_ours = [hmac.compare_digest(raw[16:], _mac(secret, purpose, subject)) for secret in secrets]
    return subject if any(is_ours) else None


def _mac(secret: str, purpose: str, subject: uuid.UUID) -> bytes:
    return hmac.digest(secret.encode(), f"{purpose}:".encode() + subject.bytes, hashlib.sha256)[:MAC_BYTES]
