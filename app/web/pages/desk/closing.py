"""Closing a doctor's time: first who is affected and where they could go, then one press for all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from app.booking.actions import ClosureDraft, Interval, close_time, reopen_time
from app.booking.closed_log import left_since
from app.booking.closures import affected_bookings, count_offered, read_closure
from app.booking.rebooking import Order, Proposal, Wish, propose, rebook
from app.booking.wall import read_for
from app.directory.doctors import list_doctors, read_doctor
from app.directory.placing import read_now
from app.directory.wall_time import reached
from app.errors import ValidationFailed
from app.idempotency import RequestKey
from app.languages.texts import N_, _
from app.web.pages.blueprint import pages
from app.web.pages.desk.board import MOST_DOCTORS
from app.web.pages.desk.days import DeskDay, desk_url
from app.web.pages.forms import request_key
from app.web.pages.hold import SEE_OTHER, slot_id_in
from app.web.pages.offers import new_key
from app.web.pages.picker import date_in
from app.web.pages.wording import clock_time, instant, short_day
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight
from app.web.staff import desk_actor, require_served, served

LONGEST_REASON = 200
HOURS_PER_DAY = 24
DEFAULT_REASON = N_("The doctor is not available")
LABELS = {"first": N_("From"), "begins": N_("From"), "ends": N_("Until")}


@dataclass(frozen=True)
class Asked:
    """The doctor and the stretch of the clinic's wall clock to close."""

    doctor_id: int
    first: date
    begins: time
    last: date
    ends: time
    reason: str

    def interval(self, zone: ZoneInfo) -> Interval:
        begin, end = datetime.combine(self.first, self.begins), datetime.combine(self.last, self.ends)
        return Interval(self.doctor_id, reached(begin, zone), reached(end, zone))


@dataclass(frozen=True)
class Line:
    """One affected booking in words, and the time that is proposed for it."""

    proposal: Proposal
    old: str
    new: str

    @property
    def booking(self) -> Mapping[str, Any]:
        return self.proposal.booking


@pages.get("/desk/close")
@policy("staff")
def desk_close() -> str:
    """Ask for the time to close, and show what closing it would do."""
    with read_for(parts().database, desk_actor()) as connection:
        day = DeskDay.asked(read_now(connection), parts().config.zone)
        doctors = served(list_doctors(connection, limit=MOST_DOCTORS))
        typed, wrong = _typed(day), ""
        preview: dict[str, Any] = {}
        if "begins" in request.args:
            try:
                preview = _preview(connection, read_asked(request.args), day)
            except ValidationFailed as refusal:
                wrong = _words_of(refusal)
    _note_look(preview.get("lines", ()))
    return render_template(
        "desk/close.html", day=day, doctors=doctors, typed=typed, wrong=wrong, key=new_key(),
        desk_url=desk_url, reasons=(_("Ill"), _("Holiday"), _("Training"), _("Emergency")), **preview,
    )  # fmt: skip


@pages.post("/desk/close")
@policy("staff")
def desk_close_now() -> Response:
    """Close the time and carry out what was chosen for every booking in it."""
    asked = read_asked(request.form)
    interval = asked.interval(parts().config.zone)
    key = request_key({"doctor_id": asked.doctor_id})
    closed = close_time(parts().engine, ClosureDraft(interval, asked.reason), desk_actor(), key).value
    _rebook(closed["reason"], key)
    return redirect(url_for("pages.desk_closure", closure_id=closed["id"]), SEE_OTHER)


@pages.get("/desk/closures/<uuid:closure_id>")
@policy("staff")
def desk_closure(closure_id: UUID) -> str:
    """A closure: who still waits for a decision and where the others went."""
    with read_for(parts().database, desk_actor()) as connection:
        closure = _own_closure(connection, closure_id)
        day = DeskDay.asked(read_now(connection), parts().config.zone)
        interval = interval_of(closure)
        remaining = _lines(connection, interval, day)
        left = left_since(connection, interval, instant(closure["created_at"]))
    _note_look(remaining, left)
    zone = day.zone
    return render_template(
        "desk/closure.html",
        closure=closure,
        span=span_words(interval, zone),
        lines=remaining,
        moved=[(each, _when(each, zone)) for each in left if each["status"] != "CANCELLED"],
        cancelled=[each for each in left if each["status"] == "CANCELLED"],
        board_url=desk_url(interval.starts_at.astimezone(zone).date()),
        key=new_key(),
    )


@pages.post("/desk/closures/<uuid:closure_id>/rebook")
@policy("staff")
def desk_rebook(closure_id: UUID) -> Response:
    """Carry out what was chosen for those who were left."""
    with parts().database.read() as connection:
        closure = _own_closure(connection, closure_id)
    _rebook(closure["reason"], request_key({"closure": str(closure_id)}))
    return redirect(url_for("pages.desk_closure", closure_id=closure_id), SEE_OTHER)


@pages.post("/desk/closures/<uuid:closure_id>/open")
@policy("staff")
def desk_reopen(closure_id: UUID) -> Response:
    """Offer the time again."""
    with parts().database.read() as connection:
        _own_closure(connection, closure_id)
    opened = reopen_time(parts().engine, closure_id, desk_actor(), request_key({})).value
    day = instant(opened["starts_at"]).astimezone(parts().config.zone).date()
    return redirect(desk_url(day), SEE_OTHER)


def _note_look(lines: Sequence[Line], left: Sequence[Mapping[str, Any]] = ()) -> None:
    shown = [each.booking for each in lines] + list(left)
    note_sight("bookings", [str(each["id"]) for each in shown])


def _own_closure(connection: Connection, closure_id: UUID) -> dict[str, Any]:
    """Raises NotFound, for a closure of a doctor whose staff this is not as for none."""
    closure = read_closure(connection, closure_id)
    require_served(int(closure["doctor_id"]))
    return closure


def _words_of(refusal: ValidationFailed) -> str:
    """Each field by its label on the form, in the reader's language, with the reason."""
    return "; ".join(
        f"{_(LABELS.get(each['field'], each['field']))}: {_(each['message'])}"
        for each in refusal.extras["errors"]
    )


def read_asked(values: Mapping[str, str]) -> Asked:
    """Raises ValidationFailed naming what cannot be read."""
    first, last = date_in(values.get("first")), date_in(values.get("last") or values.get("first"))
    if first is None or last is None:
        raise ValidationFailed.of("first", N_("choose the days"))
    try:
        begins, ends = (time.fromisoformat(values.get(name, "")) for name in ("begins", "ends"))
    except ValueError:
        raise ValidationFailed.of("begins", N_("enter times such as 09:00")) from None
    if begins.tzinfo or ends.tzinfo or (last, ends) <= (first, begins):
        raise ValidationFailed.of("ends", N_("must be later than the start"))
    reason = values.get("why", "").strip()[:LONGEST_REASON] or DEFAULT_REASON
    doctor_id = slot_id_in(values.get("doctor_id", ""))
    require_served(doctor_id)
    return Asked(doctor_id, first, begins, last, ends, reason)


def span_words(interval: Interval, zone: ZoneInfo) -> str:
    begin, end = interval.starts_at.astimezone(zone), interval.ends_at.astimezone(zone)
    start = f"{short_day(begin.date())}, {begin:%H:%M}"
    until = f"{end:%H:%M}" if begin.date() == end.date() else f"{short_day(end.date())}, {end:%H:%M}"
    return _("%(start)s to %(end)s", start=start, end=until)


def interval_of(closure: Mapping[str, Any]) -> Interval:
    return Interval(int(closure["doctor_id"]), instant(closure["starts_at"]), instant(closure["ends_at"]))


def _preview(connection: Connection, asked: Asked, day: DeskDay) -> dict[str, Any]:
    interval = asked.interval(day.zone)
    require_served(asked.doctor_id)
    return {
        "asked": asked,
        "doctor": read_doctor(connection, asked.doctor_id),
        "span": span_words(interval, day.zone),
        "offered": count_offered(connection, interval),
        "lines": _lines(connection, interval, day),
    }


def _lines(connection: Connection, interval: Interval, day: DeskDay) -> Sequence[Line]:
    proposals = propose(connection, affected_bookings(connection, interval), interval)
    return [
        Line(each, _when(each.booking, day.zone), _when_and_who(each.slot, interval, day.zone))
        for each in proposals
    ]


def _rebook(reason: str, key: RequestKey | None) -> None:
    rebook(parts().engine, list(_orders()), reason, desk_actor(), key)


def _orders() -> Sequence[Order]:
    """One choice per booking: wish-<id> says what, slot-<id> where to."""
    orders = []
    for name, value in request.form.items():
        if not name.startswith("wish-") or value not in set(Wish):
            continue
        booking = name.removeprefix("wish-")
        wanted = request.form.get(f"slot-{booking}", "")
        try:
            booking_id = UUID(booking)
        except ValueError:
            continue
        orders.append(Order(booking_id, Wish(value), slot_id_in(wanted) if wanted else None))
    return orders


def _when(span: Mapping[str, Any], zone: ZoneInfo) -> str:
    begin = instant(span["starts_at"])
    return f"{short_day(begin.astimezone(zone).date())}, {clock_time(begin, zone)}"


def _when_and_who(slot: Mapping[str, Any] | None, interval: Interval, zone: ZoneInfo) -> str:
    if slot is None:
        return ""
    if int(slot["doctor_id"]) == interval.doctor_id:
        return _when(slot, zone)
    return _("%(time)s with %(doctor)s", time=_when(slot, zone), doctor=slot["doctor_name"])


def _typed(day: DeskDay) -> dict[str, str]:
    config = parts().config
    day_of_work = (f"{config.clinic_start_hour:02}:00", f"{config.clinic_end_hour:02}:00")
    today = day.day.isoformat()
    proposed = {
        "doctor_id": "",
        "first": today,
        "last": today,
        "begins": day_of_work[0],
        "ends": day_of_work[1] if config.clinic_end_hour < HOURS_PER_DAY else "23:59",
        "why": "",
    }
    return {name: request.args.get(name, value) for name, value in proposed.items()}
