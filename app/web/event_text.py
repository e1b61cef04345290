"""What the readers of an event stream are sent, as bytes."""

from __future__ import annotations

import random
from functools import lru_cache

from app.coordination.changes import Change, Missed
from app.web.json import to_json

COMMENT_SECONDS = 15.0
COMMENT = b": still here\n\n"
REFRESH = b"event: refresh\ndata: {}\n\n"


def greeting() -> bytes:
    # At different moments, so that the readers of a node that ended do not all come at once.
    return b": hi\n\nretry: %d\n\n" % random.randint(1000, 4000)  # noqa: S311 - jitter, no secret


def text_of(message: Change | Missed) -> bytes:
    return REFRESH if isinstance(message, Missed) else _slot_event(message)


@lru_cache(maxsize=256)
def _slot_event(change: Change) -> bytes:
    """Written once for all who hear it."""
    return f"id: {change.id}.{change.version}\nevent: slot\ndata: {to_json(change.document())}\n\n".encode()
