"""The board: the doctors' day side by side, and beside it whatever the desk is busy with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import make_response, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from app.booking.closures import list_closures
from app.booking.day_board import read_board
from app.booking.reading import find_booking
from app.booking.wall import read_for
from app.directory.doctors import list_doctors, list_specializations
from app.directory.placing import read_now
from app.errors import NotFound
from app.web.pages.blueprint import pages
from app.web.pages.desk.columns import Card, Column, Frame, build_columns, frame_of
from app.web.pages.desk.days import DeskDay, act_url, desk_url
from app.web.pages.desk.panel import Panel, panel_for
from app.web.pages.forms import Wrong
from app.web.pages.offers import new_key
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight
from app.web.staff import desk_actor, may_overbook, served

#: So many columns at once; of more doctors the board has several pages.
MOST_COLUMNS = 40
MOST_DOCTORS = 400


@dataclass(frozen=True)
class Page:
    """Which of the doctors are columns, counted from 1."""

    number: int
    last: int
    first_doctor: int
    last_doctor: int
    doctors: int


@dataclass(frozen=True)
class Board:
    """A day as it was just read."""

    day: DeskDay
    frame: Frame
    columns: list[Column]
    slots: list[dict[str, Any]]
    specializations: list[str]
    #: Doctors of the filter who have nothing on this day.
    idle: list[dict[str, Any]]
    page: Page

    @property
    def doctors(self) -> list[dict[str, Any]]:
        return [dict(column.doctor) for column in self.columns]

    @property
    def cards(self) -> list[Card]:
        return [card for column in self.columns for card in column.cards]

    @property
    def can_be_pressed(self) -> bool:
        """Whether there is a card to go to by keyboard."""
        return any(card.kind != "gone" for card in self.cards)

    @property
    def counts(self) -> Counter[str]:
        return Counter(card.kind for card in self.cards)

    def slot(self, slot_id: str | None) -> dict[str, Any] | None:
        return next((slot for slot in self.slots if slot["id"] == slot_id), None)

    def slot_of_booking(self, booking_id: str | None) -> dict[str, Any] | None:
        mine = (slot for slot in self.slots if slot["booking"] and slot["booking"]["id"] == booking_id)
        return next(mine, None)


@pages.get("/desk")
@policy("staff")
def desk() -> str:
    """The board of a day."""
    return render_desk()


def render_desk(wrong: Wrong | None = None, asked: dict[str, str] | None = None) -> str:
    """The board with its panel; wrong is what a form on the panel could not be accepted with."""
    wanted = {**request.args.to_dict(), **(asked or {})}
    with read_for(parts().database, desk_actor()) as connection:
        board = read_day(connection)
        moving = _moving(connection, wanted.get("move"))
        panel = panel_for(connection, board, wanted, moving)
    note_look(board)
    note_panel(panel)
    now_row = board.frame.row_of(board.day.now) if board.day.is_today else None
    return render_template(
        "desk/day.html",
        board=board,
        day=board.day,
        panel=panel,
        moving=moving,
        now_row=now_row,
        values=wrong.values if wrong else panel.values,
        wrong=wrong.sentences if wrong else {},
        found=wrong.summary if wrong else [],
        key=new_key(),
        may_overbook=may_overbook(),
        chosen=request.values.get("specialization") or "",
        events_url=events_url(board.doctors),
        desk_url=desk_url,
        act_url=act_url,
        **_links(board),
    )


def refused_form(wrong: Wrong, **asked: str) -> Response:
    """The same board and panel again with what must be mended."""
    return make_response(render_desk(wrong, asked), 422)


def read_day(connection: Connection) -> Board:
    """Everything the board shows of the day asked for: one statement per kind of thing."""
    config = parts().config
    day = DeskDay.asked(read_now(connection), config.zone)
    begin, end = day.bounds
    asked = request.values.get("specialization") or None
    page, doctors = page_of(served(list_doctors(connection, asked, limit=MOST_DOCTORS)))
    slots = read_board(connection, begin, end, [int(doctor["id"]) for doctor in doctors])
    closures = list_closures(connection, begin, end)
    busy = {slot["doctor_id"] for slot in slots} | {closure["doctor_id"] for closure in closures}
    here = [doctor for doctor in doctors if doctor["id"] in busy]
    frame = frame_of(slots, begin, config.zone, config.clinic_start_hour, config.clinic_end_hour)
    return Board(
        day=day,
        frame=frame,
        columns=build_columns(here, slots, closures, frame),
        slots=slots,
        specializations=list_specializations(connection),
        idle=[doctor for doctor in doctors if doctor["id"] not in busy],
        page=page,
    )


def page_of(doctors: list[dict[str, Any]]) -> tuple[Page, list[dict[str, Any]]]:
    """The page that was asked for, or the nearest there is, and its doctors."""
    last = max(1, -(-len(doctors) // MOST_COLUMNS))
    asked = request.values.get("page", "1")
    number = min(max(int(asked[:4]) if asked.isdecimal() else 1, 1), last)
    begin = (number - 1) * MOST_COLUMNS
    shown = doctors[begin : begin + MOST_COLUMNS]
    return Page(number, last, begin + 1, begin + len(shown), len(doctors)), shown


def note_look(board: Board) -> None:
    """Whoever sees a day sees whose it is."""
    ids = [str(slot["booking"]["id"]) for slot in board.slots if slot["booking"]]
    note_sight("day", ids, day=board.day.day.isoformat())


def note_panel(panel: Panel) -> None:
    """The panel shows more of one booking than the board does, and patients on file who match a search."""
    if panel.booking is not None:
        note_sight("booking", [str(panel.booking["id"])])
    note_sight("patients", [str(each["id"]) for each in panel.matches], searched=True)


def events_url(doctors: Sequence[dict[str, Any]]) -> str:
    """The event stream may be served by a process of its own, which the balancer knows."""
    ids = ",".join(doctor["id"] for doctor in doctors)
    return f"/api/events?doctor_ids={ids}" if ids else "/api/events"


def _moving(connection: Connection, booking_id: str | None) -> dict[str, Any] | None:
    """The booking that is being moved; it may be of another day than the board."""
    if not booking_id:
        return None
    try:
        found = find_booking(connection, UUID(booking_id), desk_actor())
    except (ValueError, NotFound):
        return None
    return found if found["status"] == "CONFIRMED" else None


def _links(board: Board) -> dict[str, str]:
    day = board.day
    return {
        "list_url": url_for("pages.desk_list", date=day.day.isoformat()),
        "week_url": url_for("pages.desk_week", date=day.day.isoformat()),
    }


__all__ = ["Board", "Panel", "read_day", "refused_form", "render_desk"]
