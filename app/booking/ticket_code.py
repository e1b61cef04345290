"""The code on a ticket: proves at the door that the booking is one of ours, and opens nothing else.

It is shown to whoever stands beside; so it is another secret than the manage link's."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Iterable

MAC_BYTES = 10
CODE_CHARACTERS = 35


def issue(secret: str, booking_id: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(booking_id.bytes + _mac(secret, booking_id)).decode().rstrip("=")


def read(secrets: Iterable[str], code: str) -> uuid.UUID | None:
    """The booking the ticket is for, or None when none of these secrets made the code."""
    if len(code) != CODE_CHARACTERS or not code.isascii():
        return None
    try:
        raw = base64.b64decode(code + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    booking_id = uuid.UUID(bytes=raw[:16])
    is_ours = [hmac.compare_digest(raw[16:], _mac(secret, booking_id)) for secret in secrets]
    return booking_id if any(is_ours) else None


def _mac(secret: str, booking_id: uuid.UUID) -> bytes:
    return hmac.digest(secret.encode(), b"ticket:" + booking_id.bytes, hashlib.sha256)[:MAC_BYTES]
