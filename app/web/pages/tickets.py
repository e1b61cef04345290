"""The ticket: its QR code, and the page the code leads to, which says whether it is valid and no more."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import segno
from flask import render_template, url_for

from app.booking import ticket_code
from app.booking.documents import booking_document
from app.errors import NotFound
from app.web.pages.blueprint import pages
from app.web.pages.visits import visit_of_booking
from app.web.parts import parts
from app.web.policy import policy

#: The quiet zone of ISO/IEC 18004, section 6.3.8.
QUIET_MODULES = 4
VALID = {"CONFIRMED", "ARRIVED", "IN_ROOM", "COMPLETED"}


@dataclass(frozen=True)
class Ticket:
    """A QR code as a path of squares on a square of so many modules."""

    url: str
    path: str
    modules: int


def ticket_of(booking: Mapping[str, Any]) -> Ticket:
    config = parts().config
    code = ticket_code.issue(config.secret_key, uuid.UUID(booking["id"]))
    url = config.base_url + url_for("pages.ticket", code=code)
    return Ticket(url, *_drawn(url))


def _drawn(text: str) -> tuple[str, int]:
    matrix = segno.make_qr(text, error="m").matrix
    squares = (
        f"M{x + QUIET_MODULES} {y + QUIET_MODULES}h1v1h-1z"
        for y, line in enumerate(matrix)
        for x, is_dark in enumerate(line)
        if is_dark
    )
    return "".join(squares), len(matrix) + 2 * QUIET_MODULES


@pages.get("/t/<code>")
@policy("public")
def ticket(code: str) -> str:
    """Whether the ticket is valid: for the door. Whose it is stays unsaid."""
    booking_id = ticket_code.read(parts().config.secrets, code)
    if booking_id is None:
        raise NotFound("There is no such ticket.")
    with parts().database.read() as connection:
        booking = booking_document(connection, booking_id)
    if booking is None or booking["showtime"] is None:
        raise NotFound("There is no such ticket.")
    return render_template(
        "ticket.html",
        visit=visit_of_booking({**booking, "patient_name": None}),
        is_valid=booking["status"] in VALID,
        count=len(booking["slots"]),
    )
