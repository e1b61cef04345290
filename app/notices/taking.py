"""Claims notices and reads what is to be told, as the database has it at that moment."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from app.notices import queue
from app.notices.appointment import Appointment, read_appointments
from app.notices.queue import Claim, Kind
from app.notices.series_mail import Told, read_told
from app.notices.transports import Way, ways_of


@dataclass(frozen=True)
class Taken:
    """A notice in our hands, with what it tells."""

    claim: Claim
    appointment: Appointment
    #: The times a mail about several is true of.
    told: Sequence[Told]
    #: How the person wants to be reminded; None is by mail.
    way: Way | None


def take(tx: Connection, notice_ids: Sequence[uuid.UUID]) -> list[Taken]:
    """Those that can be claimed now, in the order in which they are to be sent."""
    claims = queue.claim_all(tx, notice_ids)
    if not claims:
        return []
    appointments = read_appointments(tx, [claim.booking_id for claim in claims])
    reminded = [claim.booking_id for claim in claims if claim.kind is Kind.REMINDER]
    ways = ways_of(tx, reminded) if reminded else {}
    return [
        Taken(
            claim,
            appointments[claim.booking_id],
            read_told(tx, claim) if claim.about else (),
            ways.get(claim.booking_id) if claim.kind is Kind.REMINDER else None,
        )
        for claim in claims
    ]
