"""Signatures as Standard Webhooks has them, so that receivers find a library for their language.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: `webhook-id` names
the message and stays through every repeat; `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over
`id.timestamp.body`, several of them with spaces between while a secret is being changed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
#: A receiver should refuse what is older: somebody may have recorded it.
TOLERANCE_SECONDS = 300


def secret_text(key: bytes) -> str:
    """The secret as people copy it."""
    return PREFIX + base64.b64encode(key).decode()


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def signed_headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers, with a signature by each key, the newest first."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(key, message_id, timestamp, body) for key in keys),
    }


def is_genuine(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """What a receiver does: one signature of ours fits, and the message is of these minutes."""
    message_id, stated = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stated.isdecimal() or abs(now - int(stated)) > TOLERANCE_SECONDS:
        return False
    expected = sign(key, message_id, int(stated), body).encode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected, each.encode()) for each in given)
