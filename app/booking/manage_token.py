"""The secret in a guest's link: a proof that somebody was given this booking.

Derived from the booking's id and the server's secret, so nothing that opens a booking is stored,
and a repeated answer or a mail can show it again. 128 bits of HMAC-SHA256 (RFC 2104)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid

MAC_BYTES = 16
TOKEN_CHARACTERS = 43


def issue(secret: str, booking_id: uuid.UUID) -> str:
    raw = booking_id.bytes + _mac(secret, booking_id)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read(secret: str, token: str) -> uuid.UUID | None:
    """The booking the token opens, or None when it is not one of ours."""
    if len(token) != TOKEN_CHARACTERS or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    booking_id = uuid.UUID(bytes=raw[:16])
    return booking_id if hmac.compare_digest(raw[16:], _mac(secret, booking_id)) else None


def _mac(secret: str, booking_id: uuid.UUID) -> bytes:
    return hmac.digest(secret.encode(), b"manage-token:" + booking_id.bytes, hashlib.sha256)[:MAC_BYTES]
