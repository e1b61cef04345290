"""Sends one notice: claim it, write it from the rows of now, hand it to mail server or gateway, say so."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum

import structlog
from sqlalchemy import Connection

from app.database import Database
from app.languages.catalogue import SOURCE
from app.languages.texts import speaking
from app.notices import queue
from app.notices.appointment import Appointment, read_appointment
from app.notices.errors import NobodyToTell, NotDelivered, Undeliverable
from app.notices.mail import compose
from app.notices.queue import Claim, Kind
from app.notices.series_mail import Told, compose_series, read_told
from app.notices.smtp import MailServer
from app.notices.transports import Channel, Transport, Way, reminder, way_of

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
    #: For reminders of those who want them otherwise than by mail.
    transports: Mapping[Channel, Transport] = field(default_factory=dict)
    #: What the clinic speaks to whom nothing better is known of.
    language: str = SOURCE

    def send(self, notice_id: uuid.UUID) -> Outcome:
        """Send the notice unless it is done, early, or in other hands. Harmless twice.

        Raises Unavailable when the database cannot be reached; the notice is sent later then."""
        taken = self.database.run(lambda tx: _take(tx, notice_id))
        if taken is None:
            return Outcome.NOT_OURS
        claim, appointment, told, way = taken
        if claim.is_superseded:
            return self._end(claim, queue.mark_skipped, Outcome.SKIPPED, "a newer notice tells more")
        if claim.is_void or (claim.about and not told):
            return self._end(claim, queue.mark_skipped, Outcome.SKIPPED, "it is not true any more")
        try:
            with speaking(appointment.language or self.language):
                self._deliver(claim, appointment, told, way)
        except NobodyToTell:
            return self._end(claim, queue.mark_skipped, Outcome.SKIPPED, "no e-mail address")
        except Undeliverable as error:
            return self._end(claim, queue.mark_undeliverable, Outcome.FAILED_FOR_GOOD, str(error))
        except NotDelivered as error:
            return self._end(claim, queue.mark_failed, Outcome.FAILED_FOR_NOW, str(error))
        self.database.run(lambda tx: queue.mark_sent(tx, claim))
        _say("Notice sent", claim, Outcome.SENT)
        return Outcome.SENT

    def _deliver(self, claim: Claim, appointment: Appointment, told: Sequence[Told], way: Way | None) -> None:
        """By the way the person chose; by mail where there is none, or where it will never work."""
        transport = self.transports.get(way.channel) if way else None
        if transport and way:
            message = reminder(claim.notice_id, appointment, self.manage_url(claim.booking_id))
            try:
                return transport.deliver(message, way)
            except Undeliverable as error:
                _say("Notice goes by mail instead", claim, Outcome.FAILED_FOR_NOW, reason=str(error))
        return self.server.deliver(self._compose(claim, appointment, told))

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


def _take(tx: Connection, notice_id: uuid.UUID) -> tuple[Claim, Appointment, list[Told], Way | None] | None:
    claim = queue.claim(tx, notice_id)
    if claim is None:
        return None
    told = read_told(tx, claim) if claim.about else []
    way = way_of(tx, claim.booking_id) if claim.kind is Kind.REMINDER else None
    return claim, read_appointment(tx, claim.booking_id), told, way


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
