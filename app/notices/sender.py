"""Sends one notice: claim it, write the mail from the rows of now, hand it to the mail server, say so."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum

import structlog
from sqlalchemy import Connection

from app.database import Database
from app.notices import queue
from app.notices.appointment import Appointment, read_appointment
from app.notices.errors import NobodyToTell, NotDelivered, Undeliverable
from app.notices.mail import compose
from app.notices.queue import Claim
from app.notices.series_mail import Told, compose_series, read_told
from app.notices.smtp import MailServer

log = structlog.get_logger()


class Outcome(StrEnum):
    SENT = "sent"
    #: Done already, not due yet, or another sender has it.
    NOT_OURS = "not ours"
    SKIPPED = "skipped"
    FAILED_FOR_NOW = "failed for now"
    FAILED_FOR_GOOD = "failed for good"


@dataclass(frozen=True)
class Sender:
    """Everything that sending stands on. Built once per process."""

    database: Database
    server: MailServer
    #: The address we write from, such as "Oneslot <bookings@example.org>".
    mail_from: str
    #: The link with which a patient sees and changes a booking.
    manage_url: Callable[[uuid.UUID], str]

    def send(self, notice_id: uuid.UUID) -> Outcome:
        """Send the notice unless it is done, early, or in other hands. Harmless twice.

        Raises Unavailable when the database cannot be reached; the notice is sent later then."""
        taken = self.database.run(lambda tx: _take(tx, notice_id))
        if taken is None:
            return Outcome.NOT_OURS
        claim, appointment, told = taken
        if claim.is_superseded:
            return self._end(claim, queue.mark_skipped, Outcome.SKIPPED, "a newer notice tells more")
        if claim.is_void or (claim.about and not told):
            return self._end(claim, queue.mark_skipped, Outcome.SKIPPED, "it is not true any more")
        try:
            self.server.deliver(self._compose(claim, appointment, told))
        except NobodyToTell:
            return self._end(claim, queue.mark_skipped, Outcome.SKIPPED, "no e-mail address")
        except Undeliverable as error:
            return self._end(claim, queue.mark_undeliverable, Outcome.FAILED_FOR_GOOD, str(error))
        except NotDelivered as error:
            return self._end(claim, queue.mark_failed, Outcome.FAILED_FOR_NOW, str(error))
        self.database.run(lambda tx: queue.mark_sent(tx, claim))
        _say("Notice sent", claim, Outcome.SENT)
        return Outcome.SENT

    def _compose(self, claim: Claim, appointment: Appointment, told: Sequence[Told]) -> EmailMessage:
        if claim.about:
            return compose_series(claim, told, self.mail_from, self.manage_url)
        return compose(claim, appointment, self.mail_from, self.manage_url(claim.booking_id))

    def _end(
        self,
        claim: Claim,
        mark: Callable[[Connection, Claim, str], bool],
        outcome: Outcome,
        reason: str,
    ) -> Outcome:
        self.database.run(lambda tx: mark(tx, claim, reason))
        _say("Notice not sent", claim, outcome, reason=reason)
        return outcome


def _take(tx: Connection, notice_id: uuid.UUID) -> tuple[Claim, Appointment, list[Told]] | None:
    claim = queue.claim(tx, notice_id)
    if claim is None:
        return None
    told = read_told(tx, claim) if claim.about else []
    return claim, read_appointment(tx, claim.booking_id), told


def _say(sentence: str, claim: Claim, outcome: Outcome, **fields: str) -> None:
    """One line per attempt; ids only, so that no log holds a name or an address."""
    write = log.error if outcome is Outcome.FAILED_FOR_GOOD else log.info
    write(
        sentence,
        topic="notices",
        notice=str(claim.notice_id),
        booking=str(claim.booking_id),
        kind=claim.kind.value,
        attempt=claim.attempt,
        outcome=outcome.value,
        **fields,
    )
