"""An endpoint's secrets: derived from ours, its id and a generation, shown once, stored nowhere.

Which of our secrets was used is noted, so that after a rotation of ours (SECRET_KEY_EARLIER) a receiver's
stays as it was."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PURPOSE = b"oneslot webhook secrets"


@dataclass(frozen=True)
class WebhookKeys:
    """Keys by their names, the one in use first."""

    by_id: Mapping[str, bytes]

    @classmethod
    def of(cls, secrets: Sequence[str]) -> WebhookKeys:
        keys = [hmac.digest(secret.encode(), PURPOSE, hashlib.sha256) for secret in secrets]
        return cls({hashlib.sha256(key).hexdigest()[:8]: key for key in keys})

    @property
    def current(self) -> str:
        return next(iter(self.by_id))

    def secret(self, key_id: str, endpoint_id: uuid.UUID, generation: int) -> bytes | None:
        """None when the secret of ours it came from is gone: then the endpoint needs a new one."""
        key = self.by_id.get(key_id)
        if key is None:
            return None
        return hmac.digest(key, endpoint_id.bytes + generation.to_bytes(4, "big"), hashlib.sha256)

    def signing(self, endpoint: Any, *, with_earlier: bool) -> list[bytes]:
        """With what a message to this endpoint is signed, the newest first."""
        found = [self.secret(endpoint.key_id, endpoint.id, endpoint.generation)]
        if with_earlier and endpoint.earlier_key_id:
            found.append(self.secret(endpoint.earlier_key_id, endpoint.id, endpoint.generation - 1))
        return [secret for secret in found if secret is not None]
