"""Who looked at whose data: an entry for every look at what is not one's own (HIPAA 164.312(b))."""

from __future__ import annotations

import uuid
from typing import Any

from app.audit.journal import Witness
from app.web.callers import principal
from app.web.origins import origin
from app.web.parts import parts

MOST_IDS = 100


def note_sight(what: str, ids: list[str], purpose: str | None = None, **how: Any) -> None:
    """One entry per look, with the ids of what was shown; nothing for somebody who sees only their own."""
    caller = principal()
    if caller is None or not ids:
        return
    pen = parts().accounts.scribe.pen()
    who = Witness(f"user:{caller.user_id}", origin())
    detail = {**how, "ids": ids[:MOST_IDS], "count": len(ids)}
    parts().database.run(lambda tx: pen.note(tx, who, f"read.{what}", purpose, **detail))


def others_bookings(documents: list[dict[str, Any]]) -> list[str]:
    """The ids of those bookings that are not the reader's own."""
    caller = principal()
    own: uuid.UUID | None = caller.user_id if caller else None
    return [each["id"] for each in documents if caller and each["user_id"] != str(own)]
