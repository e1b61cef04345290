"""Sends notices together: claim them, write each from the rows of now, hand it over, say so.

A group shares the transaction that claims, the connection to the mail server and the transaction that says
what became of each. What a sender that dies has handed over without noting it is sent again, under the same
Message-ID: what a second brought, and MOST_TOGETHER at most."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.database import Database
from app.languages.catalogue import SOURCE
from app.languages.texts import speaking
from app.notices.errors import NobodyToTell, NotDelivered, Undeliverable
from app.notices.letter import Letter
from app.notices.mail import compose
from app.notices.outcomes import Ended, Notes, Outcome, say
from app.notices.series_mail import compose_series
from app.notices.smtp import MailServer
from app.notices.smtp_session import Session
from app.notices.taking import Taken, take
from app.notices.transports import Channel, Transport, reminder

#: Claimed at once, and the most that is sent twice when a sender dies.
MOST_TOGETHER = 20
#: No mail of a group is begun later: the slowest one takes a minute more, and that is what claims last.
GROUP_SECONDS = 15.0


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
        return self.send_all([notice_id])[notice_id]

    def send_all(self, notice_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Outcome]:
        """The same for several; what became of each. Raises Unavailable, and what is left is sent later."""
        outcomes = dict.fromkeys(notice_ids, Outcome.NOT_OURS)
        waiting = list(outcomes)
        while waiting:
            ended: dict[uuid.UUID, Outcome] = {}
            for start in range(0, len(waiting), MOST_TOGETHER):
                ended |= self._send_group(waiting[start : start + MOST_TOGETHER])
            outcomes |= ended
            # Of what could not be claimed something may have waited for what has gone out now.
            waiting = [each for each in waiting if each not in ended] if ended else []
        return outcomes

    def _send_group(self, notice_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Outcome]:
        until = time.monotonic() + GROUP_SECONDS
        taken = deque(self.database.run(lambda tx: take(tx, notice_ids)))
        notes = Notes(self.database)
        with self.server.session() as session:
            try:
                while taken and time.monotonic() < until:
                    notes.add(self._send_one(taken.popleft(), session))
            finally:
                # Time is up, or something nobody foresaw struck one of them, whose claim lapses.
                for each in taken:
                    notes.add(Ended(each.claim, Outcome.FAILED_FOR_NOW, "others took too long"))
                notes.write_down()
        return notes.outcomes

    def _send_one(self, taken: Taken, session: Session) -> Ended:
        claim = taken.claim
        if claim.is_superseded:
            return Ended(claim, Outcome.SKIPPED, "a newer notice tells more")
        if claim.is_void or (claim.about and not taken.told):
            return Ended(claim, Outcome.SKIPPED, "it is not true any more")
        try:
            with speaking(taken.appointment.language or self.language):
                self._deliver(taken, session)
        except NobodyToTell:
            return Ended(claim, Outcome.SKIPPED, "no e-mail address")
        except Undeliverable as error:
            return Ended(claim, Outcome.FAILED_FOR_GOOD, str(error))
        except NotDelivered as error:
            return Ended(claim, Outcome.FAILED_FOR_NOW, str(error))
        return Ended(claim, Outcome.SENT)

    def _deliver(self, taken: Taken, session: Session) -> None:
        """By the way the person chose; by mail where there is none, or where it will never work."""
        claim, way = taken.claim, taken.way
        transport = self.transports.get(way.channel) if way else None
        if transport and way:
            message = reminder(claim.notice_id, taken.appointment, self.manage_url(claim.booking_id))
            try:
                return transport.deliver(message, way)
            except Undeliverable as error:
                say("Notice goes by mail instead", Ended(claim, Outcome.FAILED_FOR_NOW, str(error)))
        return session.deliver(self._compose(taken))

    def _compose(self, taken: Taken) -> Letter:
        claim = taken.claim
        if claim.about:
            return compose_series(claim, taken.told, self.mail_from, self.manage_url)
        return compose(claim, taken.appointment, self.mail_from, self.manage_url(claim.booking_id))
