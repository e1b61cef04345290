"""How others hear of several seats that change together: one entry in the stream, one ring of the bell.

Every copy of the stream, the bus and every listener pay per entry, hardly per seat."""

from __future__ import annotations

from collections.abc import Sequence

from app.idempotency import Document

#: What seats that change together differ in; the rest is said once.
OF_EACH = ("id", "starts_at", "ends_at", "state", "hold_until", "is_interval", "version")


def as_told(changes: Sequence[Document]) -> list[Document]:
    """What one action did to the slots of one stream, as it is written: several seats in one change."""
    if len(changes) == 1 or "showtime_id" not in changes[0]:
        return list(changes)
    shared = {name: value for name, value in changes[0].items() if name not in OF_EACH}
    each = [{name: change[name] for name in OF_EACH} for change in changes]
    return [{**shared, "type": "seats", "slots": each}]


def kind_of(change: Document) -> str:
    """The kind of its entry in the stream, which says how copies read it."""
    return "slots" if "slots" in change else "slot"
