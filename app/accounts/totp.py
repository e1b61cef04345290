"""Time-based one-time passwords (RFC 6238 over RFC 4226): six digits, thirty seconds, SHA-1 as apps do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlencode

STEP_SECONDS, DIGITS = 30, 6
#: A telephone's clock may be one step off either way (RFC 6238 5.2).
STEPS_OFF = 1
SECRET_BYTES = 20


def new_secret() -> str:
    """160 random bits in base32, as authenticator apps take them."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(secret: str, code: str, now: float, after: int | None) -> int | None:
    """The time step this code is of, if it is right now and later than the last one used."""
    current = int(now // STEP_SECONDS)
    for step in range(current - STEPS_OFF, current + STEPS_OFF + 1):
        is_right = hmac.compare_digest(code_at(secret, step).encode(), code.encode())
        if is_right and (after is None or step > after):
            return step
    return None


def setup_uri(secret: str, email: str, issuer: str = "Oneslot") -> str:
    """What the QR code for an authenticator app holds."""
    asked = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS})
    return f"otpauth://totp/{quote(issuer)}:{quote(email)}?{asked}"
