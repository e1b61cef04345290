"""What became of notices that were claimed: noted in the database, and told to the log."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog
from sqlalchemy import Connection

from app.database import Database
from app.notices import queue
from app.notices.queue import Claim

#: What was handed over is sent again when we die before it is noted.
NOTE_SECONDS = 1.0
log = structlog.get_logger()


class Outcome(StrEnum):
    SENT = "sent"
    #: Done already, not due yet, or another sender has it.
    NOT_OURS = "not ours"
    SKIPPED = "skipped"
    FAILED_FOR_NOW = "failed for now"
    FAILED_FOR_GOOD = "failed for good"


@dataclass(frozen=True)
class Ended:
    """A claim, and how it ended."""

    claim: Claim
    outcome: Outcome
    #: Why it was not sent.
    reason: str = ""


NOTES = {
    Outcome.SKIPPED: queue.mark_skipped,
    Outcome.FAILED_FOR_NOW: queue.mark_failed,
    Outcome.FAILED_FOR_GOOD: queue.mark_undeliverable,
}


class Notes:
    """Notes what became of notices: several in a transaction, each for itself, within a second or so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._new: list[Ended] = []
        self._noted_at = time.monotonic()
        #: Of every notice that was added.
        self.outcomes: dict[uuid.UUID, Outcome] = {}

    def add(self, ended: Ended) -> None:
        """Raises Unavailable."""
        self._new.append(ended)
        self.outcomes[ended.claim.notice_id] = ended.outcome
        if time.monotonic() - self._noted_at > NOTE_SECONDS:
            self.write_down()

    def write_down(self) -> None:
        """Note what is new. Raises Unavailable; the claims lapse then."""
        if self._new:
            self._database.run(lambda tx: _note(tx, self._new))
        for each in self._new:
            say("Notice sent" if each.outcome is Outcome.SENT else "Notice not sent", each)
        self._new, self._noted_at = [], time.monotonic()


def _note(tx: Connection, ended: Sequence[Ended]) -> None:
    queue.mark_all_sent(tx, [each.claim for each in ended if each.outcome is Outcome.SENT])
    for each in ended:
        if each.outcome is not Outcome.SENT:
            NOTES[each.outcome](tx, each.claim, each.reason)


def say(sentence: str, ended: Ended) -> None:
    """One line per attempt; ids only, so that no log holds a name or an address."""
    write = log.error if ended.outcome is Outcome.FAILED_FOR_GOOD else log.info
    write(
        sentence,
        topic="notices",
        notice=str(ended.claim.notice_id),
        booking=str(ended.claim.booking_id),
        kind=ended.claim.kind.value,
        attempt=ended.claim.attempt,
        outcome=ended.outcome.value,
        **({"reason": ended.reason} if ended.reason else {}),
    )
