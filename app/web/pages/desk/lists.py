"""The day on paper and as a file: who comes, when and to whom."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from flask import Response, render_template, url_for

from app.booking.day_board import cancelled_between
from app.booking.wall import read_for
from app.languages.texts import N_, _
from app.web.pages.blueprint import pages
from app.web.pages.desk.board import Board, note_look, read_day
from app.web.pages.desk.columns import TAGS
from app.web.pages.wording import clock_time, instant
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight
from app.web.staff import desk_actor

HEADINGS = (
    N_("Time"),
    N_("Until"),
    N_("Doctor"),
    N_("Patient"),
    N_("Phone"),
    N_("E-mail"),
    N_("Reason"),
    N_("Status"),
    N_("Reference"),
)
#: What a spreadsheet takes for a formula (OWASP: CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@pages.get("/desk/list")
@policy("staff")
def desk_list() -> str:
    """The day's list, made for the printer."""
    with read_for(parts().database, desk_actor()) as connection:
        board = read_day(connection)
        own = [int(doctor["id"]) for doctor in [*board.doctors, *board.idle]]
        cancelled = cancelled_between(connection, *board.day.bounds, own)
    note_look(board)
    note_sight("bookings", [str(each["id"]) for each in cancelled])
    return render_template(
        "desk/list.html",
        board=board,
        day=board.day,
        doctors=[(doctor, list(_lines(board, doctor))) for doctor in board.doctors],
        cancelled=[(clock_time(instant(each["starts_at"]), board.day.zone), each) for each in cancelled],
        csv_url=url_for("pages.desk_csv", date=board.day.day.isoformat()),
    )


@pages.get("/desk/list.csv")
@policy("staff")
def desk_csv() -> Response:
    """The same as a table for a spreadsheet."""
    with read_for(parts().database, desk_actor()) as connection:
        board = read_day(connection)
    note_look(board)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    for doctor in board.doctors:
        for line in _lines(board, doctor):
            writer.writerow([harmless(line[name]) for name in HEADINGS])
    name = f"appointments-{board.day.day.isoformat()}.csv"
    return Response(
        # Spreadsheets read UTF-8 only with this mark in front.
        "\ufeff" + text.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def harmless(text: str) -> str:
    """A cell that a spreadsheet shows as it is, whatever a patient typed."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _lines(board: Board, doctor: dict[str, Any]) -> Iterator[dict[str, str]]:
    zone = board.day.zone
    for slot in board.slots:
        booking = slot["booking"]
        if slot["doctor_id"] != doctor["id"] or booking is None or slot["state"] == "HELD":
            continue
        yield {
            "Time": clock_time(instant(slot["starts_at"]), zone),
            "Until": clock_time(instant(slot["ends_at"]), zone),
            "Doctor": doctor["name"],
            "Patient": booking["patient_name"],
            "Phone": booking["patient_phone"] or "",
            "E-mail": booking["patient_email"] or "",
            "Reason": booking["reason"] or "",
            "Status": _(TAGS[booking["status"]][1]),
            "Reference": booking["reference"],
        }
