"""The leader's auditor: a round every few seconds, its results kept for the monitor."""

from __future__ import annotations

from collections import deque
from typing import Any

from app.booking.auditor import Auditor, Round
from app.coordination.leadership import Term
from worker.coordinator.election import Election
from worker.coordinator.frame import Document, Frame
from worker.coordinator.leader_work import LeaderWork

ROUND_SECONDS = 3.0
KEPT_ROUNDS = 20


class Audit(LeaderWork):
    """Reads only, so a round that outlives the term does no harm."""

    def __init__(self, frame: Frame, election: Election, auditor: Auditor) -> None:
        super().__init__(frame, election, "audit", ROUND_SECONDS, self._look)
        self._auditor = auditor
        self._found: deque[Round] = deque(maxlen=KEPT_ROUNDS)
        self._was_broken = False

    def document(self, now: float) -> Document:
        return {**super().document(now), "found": [_shown(each, now) for each in self._found]}

    def _look(self, _term: Term) -> object:
        found = self._auditor.look()
        self._frame.loop.post(lambda: self._take(found))
        return found

    def _take(self, found: Round) -> None:
        self._found.append(found)
        if found.broken and not self._was_broken:
            names = ", ".join(finding.name for finding in found.findings if finding.broken)
            self._frame.chronicle.noticed("audit.broken", f"a promise is broken in the database: {names}")
        self._was_broken = bool(found.broken)


def _shown(found: Round, now: float) -> dict[str, Any]:
    whole_age = None if found.whole_ended is None else round(now - found.whole_ended, 1)
    return {
        "number": found.number,
        "age_seconds": round(now - found.ended, 1),
        "milliseconds": round(found.seconds * 1000, 1),
        "slots": found.slots,
        "fresh_slots": found.fresh_slots,
        "whole_slots": found.whole_slots,
        "whole_age_seconds": whole_age,
        "findings": found.findings,
    }
