"""The secret in a guest's link: a proof that somebody was given this booking."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app import proofs

PURPOSE = "manage-token"


def issue(secret: str, booking_id: uuid.UUID) -> str:
    return proofs.issue(secret, PURPOSE, booking_id)


def read(secret: str, token: str, earlier: Sequence[str] = ()) -> uuid.UUID | None:
    """The booking the token opens, or None when it is not one of ours. Links made with an earlier secret,
    kept while it is being rotated, still open."""
    return proofs.read((secret, *earlier), PURPOSE, token)
