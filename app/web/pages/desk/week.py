"""The week: how full every doctor's days are, with a breakdown, and one press to the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import render_template, request

from app.booking.closures import list_closures
from app.booking.day_board import count_by_doctor
from app.directory.doctors import list_doctors, list_specializations
from app.directory.placing import read_now
from app.directory.wall_time import day_bounds, local_day
from app.languages.texts import _
from app.web.pages.blueprint import pages
from app.web.pages.desk.board import MOST_COLUMNS, MOST_DOCTORS, events_url
from app.web.pages.desk.days import DeskDay, desk_url
from app.web.pages.wording import instant, short_day
from app.web.parts import parts
from app.web.policy import policy
from app.web.staff import served

NOTHING: Mapping[str, int] = {"booked": 0, "free": 0, "unused": 0, "extra": 0}


@dataclass(frozen=True)
class Cell:
    """A doctor's day in numbers."""

    day: date
    doctor_id: str
    booked: int
    free: int
    unused: int
    extra: int
    closed: str

    @property
    def total(self) -> int:
        return self.booked + self.free + self.unused

    @property
    def tenths(self) -> int:
        """How full, in tenths: what the bar shows."""
        return round(10 * self.booked / self.total) if self.total else 0

    @property
    def label(self) -> str:
        if not self.total:
            return self.closed or _("nothing")
        return _(
            "%(booked)s booked, %(free)s free of %(total)s",
            booked=self.booked,
            free=self.free,
            total=self.total,
        )


@pages.get("/desk/week")
@policy("staff")
def desk_week() -> str:
    """Doctors by days."""
    config = parts().config
    asked = request.args.get("specialization") or None
    with parts().database.read() as connection:
        day = DeskDay.asked(read_now(connection), config.zone)
        begin, end = day_bounds(day.week[0], config.zone)[0], day_bounds(day.week[-1], config.zone)[1]
        doctors = served(list_doctors(connection, asked, limit=MOST_DOCTORS))[:MOST_COLUMNS]
        counts = count_by_doctor(connection, begin, end, config.zone.key)
        closures = list_closures(connection, begin, end)
        specializations = list_specializations(connection)
    rows = [(doctor, [_cell(doctor, each, counts, closures) for each in day.week]) for doctor in doctors]
    return render_template(
        "desk/week.html",
        day=day,
        rows=rows,
        totals=[_total(rows, number) for number in range(len(day.week))],
        titles=[short_day(each) for each in day.week],
        specializations=specializations,
        chosen=asked or "",
        desk_url=desk_url,
        events_url=events_url(doctors),
    )


def _cell(
    doctor: Mapping[str, Any],
    day: date,
    counts: Mapping[tuple[int, str], Mapping[str, int]],
    closures: Sequence[Mapping[str, Any]],
) -> Cell:
    found = counts.get((int(doctor["id"]), day.isoformat()), NOTHING)
    return Cell(day, doctor["id"], found["booked"], found["free"], found["unused"], found["extra"],
                _closed(doctor, day, closures))  # fmt: skip


def _closed(doctor: Mapping[str, Any], day: date, closures: Sequence[Mapping[str, Any]]) -> str:
    zone = parts().config.zone
    for closure in closures:
        first = local_day(instant(closure["starts_at"]), zone)
        if closure["doctor_id"] == doctor["id"] and first <= day <= local_day(
            instant(closure["ends_at"]), zone
        ):
            return str(closure["reason"])
    return ""


def _total(rows: Sequence[tuple[Any, Sequence[Cell]]], number: int) -> tuple[int, int]:
    """Booked and all times of a day."""
    cells = [cells[number] for _doctor, cells in rows]
    return sum(cell.booked for cell in cells), sum(cell.total for cell in cells)
